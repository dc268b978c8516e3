package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.ClusterStatus;
import dev.clowder.arquillian.Launcher;
import dev.clowder.arquillian.Running;
import dev.clowder.it.HttpConnection.Worker;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import javax.net.ssl.SSLSocketFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Workers without a supervisor (failure 1): they serve on, and the next one takes them over. */
@Tag("once")
@EnabledOnOs(value = OS.LINUX, disabledReason = "elsewhere the supervisor is on the way of every connection")
class OrphanIT {
    private static final Duration SOON = Duration.ofSeconds(90);

    @TempDir
    private Path files;

    private Path war;
    private Path runDir;
    private Succession cluster;

    @BeforeEach
    void application() {
        war = Apps.write(Apps.probe("probe.war"), files);
        runDir = files.resolve("run");
    }

    @AfterEach
    void close() throws IOException {
        cluster.close();
    }

    private ClowderProcess start(int workers, String... arguments) throws IOException {
        return start(workers, () -> List.of(arguments));
    }

    private ClowderProcess start(int workers, Supplier<List<String>> arguments) throws IOException {
        cluster = new Succession(
                runDir,
                () -> ClowderProcess.builder()
                        .workers(workers)
                        .root(files)
                        .arguments(arguments.get())
                        .application("/", war));
        return cluster.start();
    }

    @Test
    @DisplayName("failure 1: twice kill -9 of the supervisor and a new run in the same directory:"
            + " the same workers go on, on both ports, and no request is lost")
    void aNewSupervisorAdoptsTheWorkersAndNoRequestIsLost() throws Exception {
        Tls tls = new Tls(files.resolve("tls"));
        AtomicInteger tlsPort = new AtomicInteger();
        ClusterStatus status = start(2, () -> tls.options(tlsPort.get())).awaitReady(SOON);
        List<String> workers = names(status);
        tlsPort.set(status.listeners().get(1).port());
        SSLSocketFactory client = tls.client().getSocketFactory();
        try (Load load = Load.start(cluster.current().port(), "/worker", 4, 4);
                Load secure = Load.start(() -> HttpConnection.tls(tlsPort.get(), client), "/worker", 1, 2, 10)) {
            for (int i = 0; i < 2; i++) {
                int before = load.answers();
                int secureBefore = secure.answers();
                cluster.kill();
                await("they serve without a supervisor")
                        .atMost(SOON)
                        .until(() -> load.answers() > before + 100 && secure.answers() > secureBefore + 10);
                ClusterStatus adopted = cluster.start().awaitReady(SOON);
                assertThat(names(adopted)).isEqualTo(workers);
                for (ClusterStatus.Worker worker : adopted.workers()) {
                    assertThat(ListeningSocket.isBlocking(
                                    worker.pid(), cluster.current().port()))
                            .as("it still waits in the kernel's queue")
                            .isTrue();
                }
            }
            load.stop();
            secure.stop();
            assertThat(load.failures()).isEmpty();
            assertThat(secure.failures()).isEmpty();
            assertThat(load.workers()).hasSize(2);
        }
        cluster.current().terminate();
        assertThat(cluster.current().awaitExit(SOON)).isZero();
        assertThat(runDir).doesNotExist();
    }

    @Tag("slow")
    @Test
    @DisplayName(
            "an adopted worker that dies is replaced under an id that was never used; what it prints is seen again")
    void anAdoptedWorkerIsAWorkerLikeAnyOther() throws Exception {
        long pid = start(1).awaitReady(SOON).worker(1).pid();
        cluster.kill();
        ClowderProcess next = cluster.start();
        assertThat(next.awaitReady(SOON).worker(1).pid()).isEqualTo(pid);
        await("its output").atMost(SOON).until(() -> next.output().contains("[1] "));

        ProcessHandle.of(pid).orElseThrow().destroyForcibly();
        await("a new worker").atMost(SOON).until(() -> next.status().worker(1).id() == 2);
        ClusterStatus.LastExit exit = next.awaitReady(SOON).worker(1).lastExit();
        assertThat(exit.code()).isNull();
        assertThat(exit.signal()).isNull();
        assertThat(exit.reason()).contains("unknown");
    }

    @Tag("slow")
    @Test
    @DisplayName("without a new supervisor they serve for the orphan time-out, then finish what they have and leave")
    void withoutANewSupervisorTheyLeaveAfterTheOrphanTimeout() throws Exception {
        ClowderProcess first = start(2, "--orphan-timeout", "3s");
        first.awaitReady(SOON);
        List<ProcessHandle> workers = first.children();
        try (InFlight request = InFlight.start(first.port(), "/upload")) {
            cluster.kill();
            assertThat(HttpConnection.fresh(first.port(), "/worker").status()).isEqualTo(200);
            request.assertFinishes();
        }
        await("no orphan").atMost(SOON).until(() -> workers.stream().noneMatch(Running::is));
    }

    @Tag("slow")
    @Test
    @DisplayName("a worker that does not come back (here: stopped) is killed and replaced, the others are kept")
    void aStoppedWorkerIsKilledAndReplaced() throws Exception {
        ClusterStatus before = start(2).awaitReady(SOON);
        long stopped = before.worker(1).pid();
        assertThat(new ProcessBuilder("kill", "-STOP", String.valueOf(stopped))
                        .start()
                        .waitFor())
                .isZero();
        cluster.kill();
        ClowderProcess next = cluster.start();
        await("slot 1 has a new worker")
                .atMost(SOON)
                .ignoreExceptions()
                .until(() -> next.status().worker(1).id() == 3);
        ClusterStatus after = next.awaitReady(SOON);
        assertThat(after.worker(2).pid()).isEqualTo(before.worker(2).pid());
        assertThat(ProcessHandle.of(stopped).filter(Running::is)).isEmpty();
    }

    @Tag("slow")
    @Test
    @DisplayName("a new run with another application adopts the workers and rolls to it without losing a request")
    void aNewRunWithAnotherApplicationRollsToIt() throws Exception {
        start(1).awaitReady(SOON);
        try (Load load = Load.start(cluster.current().port(), "/worker", 2, 2)) {
            cluster.kill();
            war = Apps.write(Apps.probe("other.war"), files);
            ClowderProcess next = cluster.start();
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

    @Test
    @DisplayName(
            "a new run without one of the applications does not serve it any more, and has the workers that it asks for")
    void aNewRunWithoutOneOfTheApplicationsRollsToIt() throws Exception {
        AtomicReference<List<String>> mounts = new AtomicReference<>(List.of("/one", "/two", "/three"));
        cluster = new Succession(runDir, () -> {
            ClowderProcess.Builder builder = ClowderProcess.builder()
                    .workers(mounts.get().size() == 3 ? 1 : 3)
                    .root(files);
            mounts.get().forEach(mount -> builder.application(mount, war));
            return builder;
        });
        cluster.start().awaitReady(SOON);
        int port = cluster.current().port();
        assertThat(HttpConnection.fresh(port, "/three/worker").status()).isEqualTo(200);
        assertThat(Launcher.ofThisBuild()
                        .run(SOON, List.of("scale", "--run-dir", runDir.toString(), "2"))
                        .exitCode())
                .isZero();
        cluster.kill();
        mounts.set(List.of("/one", "/two"));
        ClowderProcess next = cluster.start();
        await("the new generation")
                .atMost(SOON)
                .ignoreExceptions()
                .until(() -> next.status().supervisor().generation() == 2);
        next.awaitReady(SOON);
        await("the old ones are gone")
                .atMost(SOON)
                .until(() -> next.status().workers().size() == 3);
        assertThat(HttpConnection.fresh(port, "/two/worker").status()).isEqualTo(200);
        assertThat(HttpConnection.fresh(port, "/three/worker").status()).isEqualTo(404);
    }

    private static List<String> names(ClusterStatus status) {
        return status.workers().stream()
                .map(worker -> worker.slot() + "/" + worker.id() + " pid " + worker.pid())
                .toList();
    }
}
