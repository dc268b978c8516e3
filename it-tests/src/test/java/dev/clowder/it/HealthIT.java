package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.ClusterStatus;
import dev.clowder.arquillian.Launcher;
import dev.clowder.it.app.HealthServlet;
import dev.clowder.it.app.SickServlet;
import dev.clowder.it.app.WorkerServlet;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.jboss.shrinkwrap.api.ShrinkWrap;
import org.jboss.shrinkwrap.api.spec.WebArchive;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What an application says of itself on {@code --health-path} counts, whatever else it answers. */
@Tag("once")
class HealthIT {
    private static final Duration SOON = Duration.ofMinutes(2);

    @TempDir
    static Path directory;

    private static ClowderProcess cluster;

    private ClusterStatus before;

    @BeforeAll
    static void start() throws IOException {
        cluster = ClowderProcess.builder()
                .application("/", write("well.war", HealthServlet.class))
                .arguments("--health-path", "/health", "--hang-timeout", "5s", "--worker-opts", "-Dsick=" + directory)
                .start();
    }

    @AfterAll
    static void stop() {
        cluster.close();
    }

    @BeforeEach
    void whole() throws IOException, InterruptedException {
        before = cluster.awaitReady(SOON);
    }

    @Test
    @DisplayName("a deploy whose health path answers 500 is refused with path and status; no request is lost")
    void aDeployThatIsNotWellIsRefusedAndTheOldWorkersServeOn() throws Exception {
        Path sick = write("sick.war", SickServlet.class);
        try (Load load = Load.start(cluster.port(), "/worker", 3, 6)) {
            Launcher.Result deploy = cluster.command(SOON, "deploy", "/=" + sick);
            assertThat(deploy.exitCode()).as(deploy.errors()).isEqualTo(4);
            assertThat(deploy.errors().lines())
                    .anyMatch(line -> line.contains("refused, the old workers still serve: worker 1/")
                            && line.contains("/health answered with status 500"));
            load.stop();
            assertThat(load.failures()).isEmpty();
            assertThat(load.answers()).isPositive();
        }
        assertThat(cluster.status().worker(1).id()).isEqualTo(before.worker(1).id());
        assertThat(cluster.status().worker(2).id()).isEqualTo(before.worker(2).id());
        assertThat(HttpConnection.fresh(cluster.port(), "/health").status()).isEqualTo(200);
    }

    @Tag("slow")
    @Test
    @DisplayName("a worker whose health path answers 503 is replaced, though it answers everything else")
    void aWorkerThatIsNotWellIsReplaced() throws Exception {
        Path mark = Files.createFile(directory.resolve("1"));
        try (Load load = Load.start(cluster.port(), "/worker", 1, 2)) {
            await("worker 1 is given up")
                    .atMost(SOON)
                    .until(() -> cluster.output()
                            .contains("hangs: 3 probes in a row failed (/health answered with status 503)"));
            assertThat(load.answers()).isPositive();
        } finally {
            Files.delete(mark);
        }
        await("the next one is well")
                .atMost(SOON)
                .until(() -> cluster.status().worker(1).id() > before.worker(1).id()
                        && cluster.status().worker(1).isReady());
        assertThat(cluster.status().worker(2).id()).isEqualTo(before.worker(2).id());
    }

    private static Path write(String name, Class<?> health) {
        return Apps.write(ShrinkWrap.create(WebArchive.class, name).addClasses(WorkerServlet.class, health), directory);
    }
}
