package dev.clowder.launcher.worker;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.channel.epoll.Epoll;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

@EnabledOnOs(OS.LINUX)
@Timeout(60)
class DeadlinesTest {
    private static final long SHORT = TimeUnit.MILLISECONDS.toNanos(50);
    private static final long WHILE = TimeUnit.SECONDS.toNanos(1);
    private static final long LONG = TimeUnit.MINUTES.toNanos(5);

    @TempDir
    private Path directory;

    private Deadlines deadlines;
    private SocketChannel here;
    private SocketChannel there;

    @BeforeEach
    void connect() throws IOException {
        Epoll.ensureAvailability();
        deadlines = new Deadlines(new Descriptors());
        UnixDomainSocketAddress address = UnixDomainSocketAddress.of(directory.resolve("s"));
        try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            server.bind(address);
            here = SocketChannel.open(address);
            there = server.accept();
        }
    }

    @AfterEach
    void close() throws IOException {
        here.close();
        there.close();
    }

    private int read(SocketChannel from) throws IOException {
        return from.read(ByteBuffer.allocate(9));
    }

    @Test
    void whoReadsIsWokenWhenItTakesTooLongAndTheOtherSideLearnsThatNobodyHears() throws IOException {
        try (Deadlines.Exchange other = deadlines.begin(there, LONG);
                Deadlines.Exchange exchange = deadlines.begin(here, SHORT)) {
            assertThat(read(here)).isNegative();
            assertThat(exchange.isLate()).isTrue();
            assertThat(other.isLate()).isFalse();
        }
        assertThat(read(there)).isNegative();
    }

    @Test
    void whatWasSaidInTimeIsHeardBehindTheDeadline() throws IOException {
        there.write(ByteBuffer.wrap(new byte[] {PeerIntake.YES}));
        try (Deadlines.Exchange exchange = deadlines.begin(here, SHORT)) {
            // Until it was shut down.
            assertThat(read(there)).isNegative();
            assertThat(exchange.isLate()).isTrue();
            assertThat(PeerIntake.answer(here)).isEqualTo(PeerIntake.YES);
        }
    }

    @Test
    void anExchangeThatHasEndedOrWasRenewedGoesOn() throws IOException {
        Deadlines.Exchange renewed = deadlines.begin(here, WHILE);
        renewed.renew(LONG);
        deadlines.begin(there, WHILE).end();
        // Others that are over meanwhile.
        try (SocketChannel witness = SocketChannel.open(StandardProtocolFamily.UNIX);
                ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            server.bind(UnixDomainSocketAddress.of(directory.resolve("w")));
            witness.connect(server.getLocalAddress());
            Deadlines.Exchange late = deadlines.begin(witness, WHILE);
            assertThat(read(witness)).isNegative();
            assertThat(late.isLate()).isTrue();
        }
        assertThat(renewed.isLate()).isFalse();
        there.write(ByteBuffer.wrap(new byte[] {1, 2}));
        assertThat(read(here)).isEqualTo(2);
        renewed.end();
    }
}
