package dev.clowder.launcher.supervisor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.clowder.launcher.config.AcceptMode;
import dev.clowder.launcher.config.Listener;
import dev.clowder.launcher.wire.Message;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ListenersTest {
    private static final InetAddress LOOPBACK = InetAddress.getLoopbackAddress();

    @TempDir
    Path temporary;

    private final Systemd none = new Systemd(Map.of(), 1, new SystemdTest.Recorder());

    @EnabledOnOs(OS.LINUX)
    @ParameterizedTest
    @EnumSource(names = {"SHARED", "ROUND_ROBIN", "RELAY"})
    void failure13APortInUseIsNamedWithItsOptionAndTheOneBoundBeforeIsLetGo(AcceptMode mode) throws Exception {
        int free = freePort();
        try (ServerSocket taken = new ServerSocket(0, 1, LOOPBACK)) {
            List<Listener> wanted = List.of(at("--port", free), at("--tls-port", taken.getLocalPort()));
            assertThatThrownBy(() -> Listeners.open(mode, wanted, none, List.of()))
                    .isInstanceOf(RunningCluster.StartException.class)
                    .hasMessageContainingAll("port " + taken.getLocalPort(), "in use", "--tls-port");
        }
        Listeners.open(mode, List.of(at("--port", free)), none, List.of()).close();
    }

    @EnabledOnOs(OS.LINUX)
    @ParameterizedTest
    @EnumSource(names = {"SHARED", "LEAST_CONNECTIONS", "RELAY"})
    void behaviour34EachPortIsOpenAndOfItsOwn(AcceptMode mode) throws Exception {
        try (RunDirectory directory = RunDirectory.open(temporary.resolve("run"));
                Listeners listeners =
                        Listeners.open(mode, List.of(at("--port", 0), at("--tls-port", 0)), none, List.of())) {
            listeners.start(directory);
            List<Integer> ports = listeners.addresses().stream()
                    .map(InetSocketAddress::getPort)
                    .toList();
            assertThat(ports).hasSize(2).doesNotHaveDuplicates().doesNotContain(0);
            for (int port : ports) {
                new Socket(LOOPBACK, port).close();
            }
            assertThat(listeners.status())
                    .extracting(Status.ListenerStatus::port)
                    .isEqualTo(ports);
            List<Message.Listener> seen = listeners.of(7, directory);
            assertThat(seen).extracting(Message.Listener::port).isEqualTo(ports);
            assertThat(seen).extracting(Message.Listener::intake).doesNotHaveDuplicates();
            assertThat(seen).extracting(one -> one.socket().isEmpty()).containsOnly(mode == AcceptMode.RELAY);
            listeners.stop();
            for (int port : ports) {
                await("the port is let go").atMost(Duration.ofSeconds(60)).until(() -> isRefused(port));
            }
        }
        assertThat(temporary.resolve("run")).doesNotExist();
    }

    @EnabledOnOs(OS.LINUX)
    @Test
    void behaviour38EachPassedSocketGoesToThePortThatItIsBoundTo() throws Exception {
        int first = freePort();
        int second = freePort();
        List<Systemd.Passed> passed = List.of(
                new Systemd.Passed(PassedSocket.listener(second), "tls.socket"),
                new Systemd.Passed(PassedSocket.listener(first), "http.socket"));
        List<Listener> wanted = List.of(
                new Listener("--port", new InetSocketAddress(LOOPBACK, 8080), false, false, null),
                at("--tls-port", second));
        try (Listeners listeners = Listeners.open(AcceptMode.AUTO, wanted, none, passed)) {
            assertThat(listeners.addresses())
                    .extracting(InetSocketAddress::getPort)
                    .containsExactly(first, second);
        }
    }

    @EnabledOnOs(OS.LINUX)
    @Test
    void ofTheStoredSocketsThoseAreKeptThatArePortsOfThisLife() throws Exception {
        int kept = freePort();
        int given = freePort();
        List<Systemd.Passed> stored = List.of(
                new Systemd.Passed(PassedSocket.listener(given), Systemd.STORED),
                new Systemd.Passed(PassedSocket.listener(kept), Systemd.STORED));
        String address = temporary.resolve("notify").toString();
        try (NotifyReceiver receiver = new NotifyReceiver(address);
                Systemd systemd = new Systemd(Map.of("NOTIFY_SOCKET", address), 1, new SystemdTest.Recorder());
                Listeners listeners = Listeners.open(AcceptMode.SHARED, List.of(at("--port", kept)), systemd, stored)) {
            assertThat(listeners.addresses())
                    .extracting(InetSocketAddress::getPort)
                    .containsExactly(kept);
            NotifySocket.closeDescriptor(receiver.await("FDSTORE=1").descriptor());
            assertThat(receiver.received())
                    .containsExactly("FDSTOREREMOVE=1\nFDNAME=clowder-listener", "FDSTORE=1\nFDNAME=clowder-listener");
            new ServerSocket(given, 1, LOOPBACK).close();
        }
    }

    @Test
    void theModeThatAutoMeansHereHoldsForAllPorts() throws Exception {
        try (Listeners listeners =
                Listeners.open(AcceptMode.AUTO, List.of(at("--port", 0), at("--tls-port", 0)), none, List.of())) {
            assertThat(listeners.mode()).isNotEqualTo(AcceptMode.AUTO);
            assertThat(listeners.status())
                    .extracting(Status.ListenerStatus::accept)
                    .containsOnly(listeners.mode().toString());
        }
    }

    private static int freePort() throws IOException {
        try (ServerSocket probe = new ServerSocket(0, 1, LOOPBACK)) {
            return probe.getLocalPort();
        }
    }

    private static boolean isRefused(int port) throws IOException {
        try (Socket socket = new Socket(LOOPBACK, port)) {
            return !socket.isConnected();
        } catch (ConnectException e) {
            return true;
        }
    }

    private static Listener at(String option, int port) {
        return new Listener(option, new InetSocketAddress(LOOPBACK, port), true, false, null);
    }
}
