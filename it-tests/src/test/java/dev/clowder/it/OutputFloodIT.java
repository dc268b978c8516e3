package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.ClusterStatus;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Applications that write more than anybody reads. The supervisor has a heap smaller than what is written. */
@Tag("once")
class OutputFloodIT {
    private static final Duration SOON = Duration.ofSeconds(60);

    private static ClowderProcess cluster;

    private static ClusterStatus before;

    @BeforeAll
    static void start(@TempDir Path files) throws IOException, InterruptedException {
        Path war = Apps.write(Apps.probe("probe.war"), files);
        cluster = ClowderProcess.builder()
                .jvmOptions("-Xmx40m")
                .application("/", war)
                .start();
        before = cluster.awaitReady(SOON);
    }

    @AfterAll
    static void stop() {
        cluster.close();
    }

    @Test
    @DisplayName("failure 18: with nobody reading, an application that writes 64 MB is not held up, nor is any other")
    void aFloodThatNobodyReadsBlocksNobody() throws Exception {
        cluster.pauseOutput(true);
        try {
            assertThat(flood("megabytes=64")).isEqualTo("wrote 64");
            assertThat(HttpConnection.fresh(cluster.port(), "/worker").status()).isEqualTo(200);
            assertNobodyDied();
        } finally {
            cluster.pauseOutput(false);
        }
    }

    @Test
    @DisplayName("failure 17: a worker that writes 256 MB does not fill the disk")
    void aFloodHasALimitOnTheDisk() throws Exception {
        assertThat(flood("megabytes=256")).isEqualTo("wrote 256");
        // A slot has a file of 10 MB and three full ones, each of which may be twice as large after a flood.
        Path logs = cluster.runDir().resolve("logs");
        await().atMost(SOON).until(() -> size(logs) <= 140L << 20);
        assertNobodyDied();
    }

    @Test
    @DisplayName("failure 19: one line of 64 MB needs no more memory than any other")
    void oneEndlessLineNeedsNoMemory() throws Exception {
        assertThat(flood("megabytes=64&line=1")).isEqualTo("wrote 64");
        assertNobodyDied();
    }

    @Test
    @DisplayName("the output of a worker comes line by line, behind the number of its slot")
    void theOutputOfAWorkerIsPrefixedWithItsSlot() throws IOException {
        HttpConnection.Response response = HttpConnection.fresh(cluster.port(), "/flood?megabytes=1");
        String prefix = "[" + response.worker().slot() + "] ";
        await().atMost(SOON)
                .until(() ->
                        cluster.output().lines().anyMatch(line -> line.startsWith(prefix + "all work and no play")));
    }

    private static long size(Path directory) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.mapToLong(file -> file.toFile().length()).sum();
        }
    }

    private static String flood(String query) throws IOException {
        return HttpConnection.fresh(cluster.port(), "/flood?" + query).body();
    }

    private static void assertNobodyDied() throws IOException, InterruptedException {
        assertThat(cluster.handle().isAlive()).isTrue();
        assertThat(cluster.status().workers())
                .extracting(ClusterStatus.Worker::id)
                .containsExactlyElementsOf(
                        before.workers().stream().map(ClusterStatus.Worker::id).toList());
    }
}
