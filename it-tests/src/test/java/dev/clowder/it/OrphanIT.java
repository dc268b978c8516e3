package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.ClusterStatus;
import dev.clowder.it.HttpConnection.Worker;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import javax.net.ssl.SSLSocketFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Workers without a supervisor (failure 1): they serve on, and the next one takes them over. */
@EnabledOnOs(value = OS.LINUX, disabledReason = "elsewhere the supervisor is on the way of every connection")
class OrphanIT {
    private static final Duration SOON = Duration.ofSeconds(90);

    @TempDir
    private Path files;

    private Path war;
    private Path runDir;
    // Closed at the end only: that kills workers that another one has adopted.
    private final Deque<ClowderProcess> clusters = new ArrayDeque<>();

    @BeforeEach
    void application() {
        war = Apps.write(Apps.probe("probe.war"), files);
        runDir = files.resolve("run");
    }

    @AfterEach
    void close() {
        clusters.forEach(ClowderProcess::close);
    }

    private ClowderProcess start(int port, int workers, String... arguments) throws IOException {
        ClowderProcess cluster = ClowderProcess.builder()
                .workers(workers)
                .port(port)
                .runDir(runDir)
                .root(files)
                .arguments(arguments)
                .application("/", war)
                .start();
        clusters.push(cluster);
        return cluster;
    }

    @Test
    @DisplayName("failure 1: five times kill -9 of the supervisor and a new run in the same directory:"
            + " the same workers go on, on both ports, and no request is lost")
    void aNewSupervisorAdoptsTheWorkersAndNoRequestIsLost() throws Exception {
        Tls tls = new Tls(files.resolve("tls"));
        ClowderProcess cluster = start(0, 2, tls.options(0).toArray(String[]::new));
        ClusterStatus status = cluster.awaitReady(SOON);
        List<String> workers = names(status);
        int port = cluster.port();
        int tlsPort = status.listeners().get(1).port();
        SSLSocketFactory client = tls.client().getSocketFactory();
        try (Load load = Load.start(port, "/worker", 4, 4);
                Load secure = Load.start(() -> HttpConnection.tls(tlsPort, client), "/worker", 1, 2, 10)) {
            for (int i = 0; i < 5; i++) {
                int before = load.answers();
                int secureBefore = secure.answers();
                kill(cluster);
                await("they serve without a supervisor")
                        .atMost(SOON)
                        .until(() -> load.answers() > before + 100 && secure.answers() > secureBefore + 10);
                cluster = start(port, 2, tls.options(tlsPort).toArray(String[]::new));
                assertThat(names(cluster.awaitReady(SOON))).isEqualTo(workers);
            }
            load.stop();
            secure.stop();
            assertThat(load.failures()).isEmpty();
            assertThat(secure.failures()).isEmpty();
            assertThat(load.workers()).hasSize(2);
        }
        cluster.terminate();
        assertThat(cluster.awaitExit(SOON)).isZero();
        assertThat(runDir).doesNotExist();
    }

    @Test
    @DisplayName(
            "an adopted worker that dies is replaced under an id that was never used; what it prints is seen again")
    void anAdoptedWorkerIsAWorkerLikeAnyOther() throws Exception {
        ClowderProcess first = start(0, 1);
        long pid = first.awaitReady(SOON).worker(1).pid();
        kill(first);
        ClowderProcess next = start(first.port(), 1);
        assertThat(next.awaitReady(SOON).worker(1).pid()).isEqualTo(pid);
        await("its output").atMost(SOON).until(() -> next.output().contains("[1] "));

        ProcessHandle.of(pid).orElseThrow().destroyForcibly();
        await("a new worker").atMost(SOON).until(() -> next.status().worker(1).id() == 2);
        ClusterStatus.LastExit exit = next.awaitReady(SOON).worker(1).lastExit();
        assertThat(exit.code()).isNull();
        assertThat(exit.signal()).isNull();
        assertThat(exit.reason()).contains("unknown");
    }

    @Test
    @DisplayName("without a new supervisor they serve for the orphan time-out, then finish what they have and leave")
    void withoutANewSupervisorTheyLeaveAfterTheOrphanTimeout() throws Exception {
        ClowderProcess cluster = start(0, 2, "--orphan-timeout", "3s");
        cluster.awaitReady(SOON);
        List<ProcessHandle> workers = cluster.children();
        try (InFlight request = InFlight.start(cluster.port(), "/upload")) {
            kill(cluster);
            assertThat(HttpConnection.fresh(cluster.port(), "/worker").status()).isEqualTo(200);
            request.assertFinishes();
        }
        await("no orphan")
                .atMost(Duration.ofSeconds(3 + 5 + 2))
                .until(() -> workers.stream().noneMatch(ProcessHandle::isAlive));
    }

    @Test
    @DisplayName("a worker that does not come back (here: stopped) is killed and replaced, the others are kept")
    void aStoppedWorkerIsKilledAndReplaced() throws Exception {
        ClowderProcess cluster = start(0, 2);
        ClusterStatus before = cluster.awaitReady(SOON);
        long stopped = before.worker(1).pid();
        assertThat(new ProcessBuilder("kill", "-STOP", String.valueOf(stopped))
                        .start()
                        .waitFor())
                .isZero();
        kill(cluster);
        ClowderProcess next = start(cluster.port(), 2);
        await("slot 1 has a new worker")
                .atMost(SOON)
                .ignoreExceptions()
                .until(() -> next.status().worker(1).id() == 3);
        ClusterStatus after = next.awaitReady(SOON);
        assertThat(after.worker(2).pid()).isEqualTo(before.worker(2).pid());
        assertThat(ProcessHandle.of(stopped).filter(ProcessHandle::isAlive)).isEmpty();
    }

    @Test
    @DisplayName("a new run with another application adopts the workers and rolls to it without losing a request")
    void aNewRunWithAnotherApplicationRollsToIt() throws Exception {
        ClowderProcess cluster = start(0, 1);
        cluster.awaitReady(SOON);
        try (Load load = Load.start(cluster.port(), "/worker", 2, 2)) {
            kill(cluster);
            war = Apps.write(Apps.probe("other.war"), files);
            ClowderProcess next = start(cluster.port(), 1);
            await("the new generation")
                    .atMost(SOON)
                    .ignoreExceptions()
                    .until(() -> next.status().supervisor().generation() == 2);
            next.awaitReady(SOON);
            await("the old one is gone")
                    .atMost(SOON)
                    .until(() -> next.status().workers().size() == 1);
            load.stop();
            assertThat(load.failures()).isEmpty();
            assertThat(load.workers()).contains(new Worker(1, 1), new Worker(1, 2));
            assertThat(Files.exists(runDir.resolve("apps").resolve("1")))
                    .as("the old applications")
                    .isFalse();
        }
    }

    private static void kill(ClowderProcess cluster) throws IOException, InterruptedException {
        cluster.kill();
        cluster.awaitExit(SOON);
    }

    private static List<String> names(ClusterStatus status) {
        return status.workers().stream()
                .map(worker -> worker.slot() + "/" + worker.id() + " pid " + worker.pid())
                .toList();
    }
}
