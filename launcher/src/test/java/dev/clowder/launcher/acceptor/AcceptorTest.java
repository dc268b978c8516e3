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
        // Not readString: this file gives what it has to the first read, and that would ask for one byte.
        int allowed = Integer.parseInt(
                Files.readAllLines(Path.of("/proc/sys/net/core/somaxconn")).get(0));
        InetSocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
        try (Acceptor acceptor = Acceptor.bind(mode, address, line -> {})) {
            Process ss = new ProcessBuilder(
                            "/usr/bin/ss",
                            "-Hltn",
                            "sport = :" + acceptor.address().getPort())
                    .start();
            String line = new String(ss.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
            assertThat(ss.waitFor()).isZero();
            assertThat(line.split(" +", -1)[2]).as(line).isEqualTo(String.valueOf(Math.min(allowed, Acceptor.BACKLOG)));
        }
    }

    @ParameterizedTest
    @EnumSource(names = "AUTO", mode = EnumSource.Mode.EXCLUDE)
    void behaviour36AnAddressOfOneFamilyIsThatAndTheWildcardTakesBoth(AcceptMode mode) throws IOException {
        InetAddress four = InetAddress.getByAddress(new byte[] {127, 0, 0, 1});
        InetAddress any = InetAddress.getByAddress(new byte[16]);
        byte[] one = new byte[16];
        one[15] = 1;
        InetAddress six = InetAddress.getByAddress(one);
        assumeTrue(NetworkInterface.getByInetAddress(six) != null, "no IPv6 here");
        try (Acceptor only = Acceptor.bind(mode, new InetSocketAddress(six, 0), line -> {})) {
            int port = only.address().getPort();
            connect(six, port);
            assertThatThrownBy(() -> connect(four, port)).isInstanceOf(ConnectException.class);
        }
        try (Acceptor both = Acceptor.bind(mode, new InetSocketAddress(any, 0), line -> {})) {
            connect(six, both.address().getPort());
            connect(four, both.address().getPort());
        }
    }

    /** The kernel connects, whoever accepts. */
    private static void connect(InetAddress address, int port) throws IOException {
        new Socket(address, port).close();
    }

    @ParameterizedTest
    @EnumSource(names = {"ROUND_ROBIN", "LEAST_CONNECTIONS", "RELAY"})
    void aPassedSocketIsRefusedInModesThatCantUseIt(AcceptMode mode) {
        assertThatThrownBy(() -> Acceptor.inherit(mode, 0))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("--accept shared only");
    }
}
