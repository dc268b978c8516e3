package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.ClusterStatus;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Workers start from an archive of their classes, or it is said why not. */
class ClassArchiveIT {
    private static final Duration SOON = Duration.ofMinutes(2);
    /** The training gets what a busy machine has left. */
    private static final Duration MADE = Duration.ofMinutes(5);

    @TempDir
    private Path files;

    private Path war;
    private Path cache;

    @BeforeEach
    void anApplication() {
        war = Apps.write(Apps.probe("probe.war"), files);
        cache = files.resolve("cache");
    }

    private ClowderProcess start() throws IOException {
        return ClowderProcess.builder()
                .application("/", war)
                .root(files)
                .workers(1)
                .environment("XDG_CACHE_HOME", cache.toString())
                .start();
    }

    @Test
    @DisplayName(
            "a worker that starts when the archive is there has mapped it, and status says so, also after a reload")
    void aWorkerMapsTheArchive() throws Exception {
        // With the cache of all tests, where another one may have made it.
        try (ClowderProcess cluster = ClowderProcess.builder()
                .application("/", war)
                .root(files)
                .workers(1)
                .start()) {
            cluster.awaitReady(SOON);
            await("the class archive is made")
                    .atMost(MADE)
                    .pollInterval(Duration.ofMillis(100))
                    .until(() -> !state(cluster).get("state").asText().equals("making"));
            assertThat(cluster.command(SOON, "restart", "1").exitCode()).isZero();
            awaitState(cluster, "used");
            assertThat(maps(cluster.awaitReady(SOON).worker(1))).contains(".archive");
            JsonNode options = state(cluster).get("options");

            assertThat(cluster.command(SOON, "reload").exitCode()).isZero();
            awaitState(cluster, "used");
            assertThat(state(cluster).get("options")).isEqualTo(options);
        }
    }

    @Test
    @Tag("slow")
    @DisplayName(
            "the first cluster makes the archive, the next worker and the next cluster map it; a damaged one is not"
                    + " used and made again")
    void theNextStartUsesTheArchiveAndADamagedOneIsMadeAgain() throws Exception {
        try (ClowderProcess first = start()) {
            ClusterStatus status = first.awaitReady(SOON);
            assertThat(maps(status.worker(1))).doesNotContain(".archive");
            awaitState(first, "ready");
            assertThat(first.command(SOON, "restart", "1").exitCode()).isZero();
            awaitState(first, "used");
            assertThat(maps(first.status().worker(1))).contains(archive().toString());
        }
        try (ClowderProcess second = start()) {
            ClusterStatus status = second.awaitReady(SOON);
            awaitState(second, "used");
            assertThat(maps(status.worker(1))).contains(archive().toString());
        }
        damage(archive());
        try (ClowderProcess third = start()) {
            ClusterStatus status = third.awaitReady(SOON);
            assertThat(maps(status.worker(1))).doesNotContain(".archive");
            assertThat(HttpConnection.fresh(third.port(), "/worker").status()).isEqualTo(200);
            awaitState(third, "ready");
            assertThat(archive()).isRegularFile();
        }
    }

    @Test
    @Tag("once")
    @DisplayName("a cache that others may write to is refused with one line and not used")
    void aCacheOfOthersIsRefused() throws Exception {
        Path shared = Files.createDirectories(cache.resolve("clowder"));
        Files.setPosixFilePermissions(shared, PosixFilePermissions.fromString("rwxrwx---"));
        try (ClowderProcess cluster = start()) {
            cluster.awaitReady(SOON);
            String reason = shared + " may be written by others than its owner";
            JsonNode state = state(cluster);
            assertThat(state.get("state").asText()).isEqualTo("off");
            assertThat(state.get("reason").asText()).isEqualTo(reason);
            assertThat(cluster.output().lines().filter(line -> line.endsWith("without it: " + reason)))
                    .hasSize(1);
            assertThat(cluster.command("status").output()).contains("class archive off: " + reason);
            assertThat(shared).isEmptyDirectory();
        }
    }

    private static JsonNode state(ClowderProcess cluster) throws IOException, InterruptedException {
        return new ObjectMapper().readTree(cluster.statusJson()).at("/supervisor/classArchive");
    }

    private static void awaitState(ClowderProcess cluster, String wanted) {
        await("the class archive is " + wanted)
                .atMost(MADE)
                .pollInterval(Duration.ofSeconds(1))
                .untilAsserted(() -> assertThat(state(cluster).get("state").asText())
                        .as("%s", state(cluster))
                        .isEqualTo(wanted));
    }

    private Path archive() throws IOException {
        try (Stream<Path> all = Files.list(cache.resolve("clowder"))) {
            List<Path> archives =
                    all.filter(file -> file.toString().endsWith(".archive")).toList();
            assertThat(archives).hasSize(1);
            return archives.get(0);
        }
    }

    private static void damage(Path archive) throws IOException {
        Files.setPosixFilePermissions(archive, PosixFilePermissions.fromString("rw-------"));
        try (RandomAccessFile file = new RandomAccessFile(archive.toFile(), "rw")) {
            file.seek(file.length() / 2);
            file.write(new byte[4096]);
        }
    }

    private static String maps(ClusterStatus.Worker worker) throws IOException {
        return Files.readString(Path.of("/proc", String.valueOf(worker.pid()), "maps"));
    }
}
