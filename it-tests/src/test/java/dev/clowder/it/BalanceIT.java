package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.ClusterStatus;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** How fresh connections are spread over workers that have nothing else to do. */
@Tag("once")
class BalanceIT {
    private static final Duration SOON = Duration.ofSeconds(90);
    private static final int WORKERS = 2;
    private static final int CONNECTIONS = 500;
    /** Of an equal share. */
    private static final int MOST_PERCENT = 10;

    @TempDir
    private Path files;

    @Test
    @DisplayName("--accept shared: each of two idle workers gets its half of fresh connections, within 10 %")
    void idleWorkersShareTheQueueEqually() throws Exception {
        assertEqualShares("shared");
    }

    @Tag("slow")
    @ParameterizedTest
    @ValueSource(strings = {"round-robin", "least-connections", "relay"})
    @DisplayName("the same when the supervisor accepts, once both are warm")
    void idleWorkersAreGivenEqualShares(String accept) throws Exception {
        assertEqualShares(accept);
    }

    private void assertEqualShares(String accept) throws Exception {
        try (ClowderProcess cluster = ClowderProcess.builder()
                .application("/", Apps.write(Apps.probe("probe.war"), files))
                .root(files)
                .workers(WORKERS)
                .arguments("--accept", accept)
                .start()) {
            ClusterStatus status = cluster.awaitReady(SOON);
            if (accept.equals("shared")) {
                for (ClusterStatus.Worker worker : status.workers()) {
                    assertThat(ListeningSocket.isBlocking(worker.pid(), cluster.port()))
                            .as("who waits first is woken first")
                            .isTrue();
                }
            }
            // While a worker is cold it gets only some of its turns.
            await("equal shares").atMost(SOON).until(() -> greatestDeviation(cluster.port()) <= MOST_PERCENT);
            // And not by chance.
            assertThat(greatestDeviation(cluster.port())).isLessThanOrEqualTo(MOST_PERCENT);
        }
    }

    /** From an equal share, in percent of it. */
    private static int greatestDeviation(int port) throws IOException {
        int[] connections = new int[WORKERS];
        for (int i = 0; i < CONNECTIONS; i++) {
            connections[
                    HttpConnection.fresh(port, "/worker", "Connection: close")
                                    .worker()
                                    .slot()
                            - 1]++;
        }
        int equal = CONNECTIONS / WORKERS;
        int most = 0;
        for (int one : connections) {
            most = Math.max(most, Math.abs(one - equal));
        }
        return most * 100 / equal;
    }
}
