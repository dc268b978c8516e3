package dev.clowder.launcher.acceptor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.clowder.launcher.config.AcceptMode;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class AcceptorTest {
    @ParameterizedTest
    @EnumSource(names = "AUTO", mode = EnumSource.Mode.EXCLUDE)
    void aClosedAcceptorHasLetItsPortGoEvenIfItWasNeverStopped(AcceptMode mode) throws IOException {
        InetSocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
        Acceptor first = Acceptor.bind(mode, address, line -> {});
        InetSocketAddress bound = first.address();
        first.close();
        try (Acceptor second = Acceptor.bind(mode, bound, line -> {})) {
            assertThat(second.address()).isEqualTo(bound);
        }
    }

    @ParameterizedTest
    @EnumSource(names = "AUTO", mode = EnumSource.Mode.EXCLUDE)
    void behaviour35AsManyClientsMayWaitAsWasAskedFor(AcceptMode mode) throws IOException, InterruptedException {
        assumeTrue(Files.isExecutable(Path.of("/usr/bin/ss")), "no ss, which shows the queues of listening sockets");
        int allowed = Integer.parseInt(
                Files.readString(Path.of("/proc/sys/net/core/somaxconn")).strip());
        InetSocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
        try (Acceptor acceptor = Acceptor.bind(mode, address, line -> {})) {
            Process ss = new ProcessBuilder(
                            "/usr/bin/ss",
                            "-Hltn",
                            "sport = :" + acceptor.address().getPort())
                    .start();
            String line = new String(ss.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
            assertThat(ss.waitFor()).isZero();
            assertThat(line.split(" +")[2]).as(line).isEqualTo(String.valueOf(Math.min(allowed, Acceptor.BACKLOG)));
        }
    }

    @ParameterizedTest
    @EnumSource(names = "AUTO", mode = EnumSource.Mode.EXCLUDE)
    void behaviour36AnAddressOfOneFamilyIsThatAndTheWildcardTakesBoth(AcceptMode mode) throws IOException {
        InetAddress six = InetAddress.getByName("::1");
        assumeTrue(NetworkInterface.getByInetAddress(six) != null, "no IPv6 here");
        try (Acceptor only = Acceptor.bind(mode, new InetSocketAddress(six, 0), line -> {})) {
            int port = only.address().getPort();
            connect("::1", port);
            assertThatThrownBy(() -> connect("127.0.0.1", port)).isInstanceOf(ConnectException.class);
        }
        try (Acceptor both = Acceptor.bind(mode, new InetSocketAddress("::", 0), line -> {})) {
            connect("::1", both.address().getPort());
            connect("127.0.0.1", both.address().getPort());
        }
    }

    /** The kernel connects, whoever accepts. */
    private static void connect(String address, int port) throws IOException {
        new Socket(InetAddress.getByName(address), port).close();
    }

    @ParameterizedTest
    @EnumSource(names = {"ROUND_ROBIN", "LEAST_CONNECTIONS", "RELAY"})
    void aPassedSocketIsRefusedInModesThatCantUseIt(AcceptMode mode) {
        assertThatThrownBy(() -> Acceptor.inherit(mode, 0))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("--accept shared only");
    }
}
