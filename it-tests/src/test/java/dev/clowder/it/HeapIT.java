package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.ClusterStatus;
import dev.clowder.it.HttpConnection.Worker;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A worker without memory is no use to anybody: it is replaced, whatever its heap looks like. */
@Tag("slow")
class HeapIT {
    private static final Duration SOON = Duration.ofMinutes(2);

    @TempDir
    private Path files;

    @ParameterizedTest
    @CsvSource({"100, 3, java.lang.OutOfMemoryError", "95, 79, heap exhausted"})
    @DisplayName("failure 6: a worker whose heap is exhausted ends, says why, and is replaced; the other one serves on")
    void aWorkerWithoutHeapIsReplaced(int percent, int exitCode, String said) throws Exception {
        Path war = Apps.write(Apps.probe("probe.war"), files);
        try (ClowderProcess cluster = ClowderProcess.builder()
                .application("/", war)
                .root(files)
                .arguments("--worker-opts=-Xmx40m")
                .start()) {
            ClusterStatus before = cluster.awaitReady(SOON);
            try (HttpConnection leak = HttpConnection.open(cluster.port())) {
                Worker victim = leak.get("/worker").worker();
                leak.send(leak.head("GET", "/leak?until=" + percent));
                await("the slot is filled again").atMost(SOON).until(() -> {
                    ClusterStatus.Worker now = cluster.status().worker(victim.slot());
                    return now.id() > victim.id() && now.isReady();
                });
                ClusterStatus after = cluster.status();
                assertThat(cluster.output()).contains(said);
                ClusterStatus.LastExit exit = after.worker(victim.slot()).lastExit();
                assertThat(exit).isNotNull();
                assertThat(exit.code()).isEqualTo(exitCode);
                int other = 3 - victim.slot();
                assertThat(after.worker(other).id())
                        .isEqualTo(before.worker(other).id());
            }
        }
    }
}
