package dev.clowder.launcher.worker.relay;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class RelayLoopTest {
    private final RelayLoop loop = new RelayLoop();
    private ServerSocketChannel listener;
    private SocketChannel here;
    private SocketChannel there;

    @BeforeEach
    void connect() throws Exception {
        listener = ServerSocketChannel.open().bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
        here = SocketChannel.open(listener.getLocalAddress());
        there = listener.accept();
        here.configureBlocking(false);
    }

    @AfterEach
    void close() throws Exception {
        here.close();
        there.close();
        listener.close();
    }

    @Test
    void aPoolThatIsFullIsAskedAgain() throws Exception {
        AtomicInteger asked = new AtomicInteger();
        CountDownLatch read = new CountDownLatch(1);
        Executor full = work -> {
            if (asked.incrementAndGet() < 3) {
                throw new RejectedExecutionException("full");
            }
            work.run();
        };
        RelayLoop.Watch watch = loop.watch(here, full, read::countDown, () -> {});
        watch.want(SelectionKey.OP_READ);
        there.write(ByteBuffer.wrap("answer".getBytes(US_ASCII)));
        assertThat(read.await(30, TimeUnit.SECONDS)).isTrue();
        assertThat(asked).hasValue(3);
        assertThat(here.isOpen()).isTrue();
    }

    @Test
    void aTunnelBeginsWithAllThatHasCome() {
        ByteBuffer begun = ByteBuffer.allocate(32 * 1024);
        assertThatCode(() -> new RelayTunnel(here, loop, Runnable::run, begun)).doesNotThrowAnyException();
        assertThat(begun.hasRemaining()).isFalse();
    }
}
