package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.ClusterStatus;
import dev.clowder.valve.ProxyHeaderWriter;
import dev.clowder.valve.ProxyTlv;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What many connections that never finish their PROXY header cost: themselves. Needs 12,000 descriptors. */
@Tag("slow")
class SilentConnectionsIT {
    private static final Duration SOON = Duration.ofMinutes(2);
    private static final int CONNECTIONS = 10_000;
    private static final InetSocketAddress CLIENT = new InetSocketAddress("203.0.113.7", 56324);
    private static final InetSocketAddress BALANCER = new InetSocketAddress("198.51.100.1", 443);
    /** So long that at one byte a second it takes ten minutes: any deadline that each byte renews would never come. */
    private static final byte[] LONG_HEADER = ProxyHeaderWriter.v2(CLIENT, BALANCER, new ProxyTlv(0xE0, new byte[600]));

    private static final byte[] HEADER = ProxyHeaderWriter.v2(CLIENT, BALANCER);

    @TempDir
    private Path directory;

    private final List<SocketChannel> slow = new ArrayList<>();
    private int sent;

    @Test
    @DisplayName("10,000 connections that send nothing, or a byte a second, are all closed (P2), and disturb nobody")
    void connectionsThatNeverFinishTheirHeaderAreClosedAndDisturbNobody() throws Exception {
        try (ClowderProcess cluster = ClowderProcess.builder()
                .application("/", Apps.write(Apps.probe("probe.war"), directory))
                .arguments("--proxy-protocol", "required", "--trust", "127.0.0.1")
                .start()) {
            ClusterStatus before = cluster.awaitReady(SOON);
            ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor();
            try {
                for (int i = 0; i < CONNECTIONS; i++) {
                    slow.add(connect(cluster.port()));
                    if (i % 100 == 0) {
                        assertServed(cluster);
                    }
                }
                ScheduledFuture<?> ticks = clock.scheduleWithFixedDelay(this::sendOneByte, 0, 1, TimeUnit.SECONDS);
                await("all are closed by Clowder").atMost(SOON).until(() -> {
                    assertServed(cluster);
                    return slow.stream().noneMatch(SilentConnectionsIT::isOpen);
                });
                assertThat(ticks.isDone()).as("sending came to an end").isFalse();
            } finally {
                clock.shutdownNow();
                assertThat(clock.awaitTermination(1, TimeUnit.MINUTES)).isTrue();
                for (SocketChannel channel : slow) {
                    channel.close();
                }
            }
            assertThat(cluster.status().workers())
                    .extracting(ClusterStatus.Worker::id)
                    .isEqualTo(before.workers().stream()
                            .map(ClusterStatus.Worker::id)
                            .toList());
        }
    }

    private static SocketChannel connect(int port) throws IOException {
        SocketChannel channel = SocketChannel.open(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
        channel.configureBlocking(false);
        return channel;
    }

    /** Of every other connection; the rest stays silent. */
    private void sendOneByte() {
        ByteBuffer next = ByteBuffer.wrap(LONG_HEADER, sent++, 1);
        for (int i = 0; i < slow.size(); i += 2) {
            try {
                slow.get(i).write(next.duplicate());
            } catch (IOException closed) {
                // As it should be.
            }
        }
    }

    /** Whoever gets anything but the end was served without a header. */
    private static boolean isOpen(SocketChannel channel) {
        try {
            int read = channel.read(ByteBuffer.allocate(1));
            assertThat(read).isLessThanOrEqualTo(0);
            return read == 0;
        } catch (IOException reset) {
            return false;
        }
    }

    private static void assertServed(ClowderProcess cluster) throws IOException {
        try (HttpConnection balancer = HttpConnection.open(cluster.port())) {
            balancer.send(HEADER);
            assertThat(Details.of(balancer.get("/details"))).containsEntry("remoteAddr", "203.0.113.7");
        }
    }
}
