package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.ClusterStatus;
import dev.clowder.arquillian.Launcher;
import dev.clowder.it.app.FailingListener;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jboss.shrinkwrap.api.ShrinkWrap;
import org.jboss.shrinkwrap.api.spec.WebArchive;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** What runs is changed while clients that never retry send requests over fresh and kept-alive connections. */
@Tag("once")
class ReloadIT {
    private static final Duration SOON = Duration.ofSeconds(90);
    private static final Duration LONG = Duration.ofMinutes(4);
    private static final String WORKER = "/probe/worker";

    @TempDir
    static Path directory;

    private static Path probe;
    private static ClowderProcess cluster;

    private ClusterStatus before;

    @BeforeAll
    static void start() throws IOException {
        probe = Apps.write(Apps.probe("probe.war"), directory);
        cluster = ClowderProcess.builder()
                // These tests may run under nohup; a JVM leaves a SIGHUP alone that it was born to ignore.
                .through("env", "--default-signal=HUP")
                .application("/probe", probe)
                .arguments("--oversubscribe")
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
    @DisplayName("behaviour 52: a rolling reload replaces every worker and drops no connection")
    void reloadDoesNotDropConnections() throws Exception {
        try (Load load = Load.start(cluster.port(), WORKER, 3, 6)) {
            await("clients are served").atMost(SOON).until(() -> load.answers() > 100);
            Launcher.Result reload = cluster.command(LONG, "reload");
            assertThat(reload.exitCode()).as(reload.errors()).isZero();
            int answered = load.answers();
            await("the new workers serve").atMost(SOON).until(() -> load.answers() > answered + 100);
            load.stop();
            assertThat(load.failures()).isEmpty();
            assertThat(reload.errors()).contains("slot 1: done, 1 of 2", "slot 2: done, 2 of 2");
        }
        ClusterStatus after = cluster.status();
        assertThat(after.supervisor().generation())
                .isGreaterThan(before.supervisor().generation());
        assertThat(after.workers()).hasSize(2).allSatisfy(worker -> {
            assertThat(worker.isReady()).isTrue();
            assertThat(worker.id()).isGreaterThan(before.worker(worker.slot()).id());
            assertThat(worker.generation()).isEqualTo(after.supervisor().generation());
        });
    }

    @Test
    @DisplayName("failure 11: a bad deploy is refused with the worker's own error, and the old workers serve on")
    void aBadDeployLeavesTheOldWorkersAsTheyWere() throws Exception {
        Path bad =
                Apps.write(ShrinkWrap.create(WebArchive.class, "bad.war").addClass(FailingListener.class), directory);
        try (Load load = Load.start(cluster.port(), WORKER, 3, 6)) {
            Launcher.Result deploy = cluster.command(LONG, "deploy", "/probe=" + bad);
            assertThat(deploy.exitCode()).isEqualTo(4);
            assertThat(deploy.errors()).contains("application /probe did not start");
            load.stop();
            assertThat(load.failures()).isEmpty();
            assertThat(load.answers()).isPositive();
        }
        assertThat(cluster.status().workers())
                .extracting(ClusterStatus.Worker::id)
                .containsExactlyElementsOf(
                        before.workers().stream().map(ClusterStatus.Worker::id).toList());
        assertThat(generations()).hasSize(1);
    }

    @Tag("slow")
    @Test
    @DisplayName("failure 36: a .war that is overwritten in place hurts nobody, and a reload of it is refused")
    void aWarThatIsOverwrittenInPlaceHurtsNobody() throws Exception {
        byte[] good = Files.readAllBytes(probe);
        try {
            Files.write(probe, Arrays.copyOf(good, good.length / 2));
            Launcher.Result reload = cluster.command(LONG, "reload");
            assertThat(reload.exitCode()).isEqualTo(2);
            assertThat(reload.errors()).contains("probe.war: not a valid .war file");
            assertThat(HttpConnection.fresh(cluster.port(), WORKER).status()).isEqualTo(200);
        } finally {
            Files.write(probe, good);
        }
        assertThat(cluster.status().workers())
                .extracting(ClusterStatus.Worker::id)
                .containsExactlyElementsOf(
                        before.workers().stream().map(ClusterStatus.Worker::id).toList());
    }

    @Tag("slow")
    @Test
    @DisplayName(
            "failure 12: while workers die during a reload, and others ask for changes, no slot is lost or doubled")
    void aReloadSurvivesDeathsAndRefusesOtherChanges() throws Exception {
        CompletableFuture<Launcher.Result> reload = CompletableFuture.supplyAsync(
                () -> {
                    try {
                        return cluster.command(LONG, "reload");
                    } catch (IOException | InterruptedException e) {
                        throw new AssertionError(e);
                    }
                },
                task -> new Thread(task, "reload").start());
        await("the reload has begun")
                .atMost(SOON)
                .until(() -> cluster.status().workers().size() == 3);
        Launcher.Result second = cluster.command(LONG, "reload");
        assertThat(second.exitCode()).isEqualTo(6);
        assertThat(second.errors()).contains("reload is in progress since");
        ProcessHandle.of(before.worker(2).pid()).orElseThrow().destroyForcibly();
        assertThat(reload.join().exitCode()).as(reload.join().errors()).isZero();
        ClusterStatus after = cluster.awaitReady(SOON);
        assertThat(after.workers()).extracting(ClusterStatus.Worker::slot).containsExactly(1, 2);
        assertThat(after.workers())
                .extracting(ClusterStatus.Worker::generation)
                .containsOnly(after.supervisor().generation());
    }

    @Tag("slow")
    @Test
    @DisplayName("scale adds ready workers and takes them away again without a lost request;"
            + " a new one gets its share of the machine as it is then (failure 38)")
    void scaleUpAndDownDropsNoConnection() throws Exception {
        try (Load load = Load.start(cluster.port(), WORKER, 3, 6)) {
            assertThat(cluster.command(LONG, "scale", "3").exitCode()).isZero();
            assertThat(cluster.status().workers())
                    .extracting(ClusterStatus.Worker::slot)
                    .containsExactly(1, 2, 3);
            int third = cluster.status().worker(3).id();
            assertThat(options(cluster.status().worker(3))).contains("-Dclowder.workers=3");
            await("the third worker serves")
                    .atMost(SOON)
                    .until(() -> load.answersOf(new HttpConnection.Worker(3, third)) > 10);
            assertThat(cluster.command(LONG, "scale", "2").exitCode()).isZero();
            load.stop();
            assertThat(load.failures()).isEmpty();
        }
        assertThat(cluster.status().workers())
                .extracting(ClusterStatus.Worker::slot)
                .containsExactly(1, 2);
    }

    @Tag("slow")
    @Test
    @DisplayName("behaviour 56: HUP reloads, TTIN adds a worker and TTOU takes it away")
    void signalsAreAliasesOfCommands() throws Exception {
        signal("TTIN");
        await("a third worker")
                .atMost(SOON)
                .until(() -> cluster.status().workers().stream()
                                .filter(ClusterStatus.Worker::isReady)
                                .count()
                        == 3);
        signal("TTOU");
        // A reload is refused while the change before it is under way.
        await("two again, and nothing under way")
                .atMost(SOON)
                .until(() -> cluster.status().workers().size() == 2
                        && !cluster.statusJson().contains("\"operation\""));
        signal("HUP");
        await("the next generation, whole")
                .atMost(LONG)
                .untilAsserted(() -> assertThat(cluster.status().supervisor().generation())
                        .as(cluster.output())
                        .isGreaterThan(before.supervisor().generation()));
    }

    @Tag("slow")
    @Test
    @DisplayName("a signal that can't be obeyed has one line in the log, with its name and the reason")
    void aRefusedSignalIsInTheLog() throws Exception {
        signal("HUP");
        await("a reload is under way")
                .atMost(SOON)
                .until(() -> cluster.statusJson().contains("\"operation\""));
        signal("TTIN");
        await("the refusal")
                .atMost(SOON)
                .until(() ->
                        cluster.output().contains("clowder: SIGTTIN: scale refused: reload is in progress since "));
        await("the reload is over")
                .atMost(LONG)
                .until(() -> !cluster.statusJson().contains("\"operation\""));
    }

    @Tag("slow")
    @Test
    @EnabledOnOs(value = OS.LINUX, disabledReason = "links, scripts and /proc")
    @DisplayName("failure 35: a reload runs on the JDK that is there then, and is refused when there is none")
    void aReloadRunsOnTheJdkThatIsThereThen() throws Exception {
        Path old = Path.of(System.getProperty("java.home"));
        Path next = Files.createDirectories(directory.resolve("next").resolve("bin"));
        Path java = Files.writeString(
                next.resolve("java"),
                "#!/bin/sh\nexec " + old.resolve("bin").resolve("java") + " -Dnext=true \"$@\"\n");
        assertThat(java.toFile().setExecutable(true)).isTrue();
        Path link = Files.createSymbolicLink(directory.resolve("jdk"), old);
        try (ClowderProcess own = ClowderProcess.builder()
                .workers(1)
                .application("/probe", probe)
                .arguments("--java", link.toString())
                .start()) {
            ClusterStatus.Worker first = own.awaitReady(SOON).worker(1);
            assertThat(options(first)).doesNotContain("-Dnext=true");

            Files.delete(link);
            Launcher.Result refused = own.command(LONG, "reload");
            assertThat(refused.exitCode()).isEqualTo(2);
            assertThat(refused.errors()).contains("--java " + link);
            assertThat(own.status().worker(1).id()).isEqualTo(first.id());

            Files.createSymbolicLink(link, next.getParent());
            Launcher.Result reload = own.command(LONG, "reload");
            assertThat(reload.exitCode()).as(reload.errors()).isZero();
            assertThat(options(own.status().worker(1))).contains("-Dnext=true");
        }
    }

    private static List<String> options(ClusterStatus.Worker worker) {
        return ProcessHandle.of(worker.pid())
                .flatMap(process -> process.info().arguments())
                .map(List::of)
                .orElseThrow();
    }

    private static void signal(String name) throws Exception {
        long pid = cluster.handle().pid();
        assertThat(new ProcessBuilder("sh", "-c", "kill -" + name + " " + pid)
                        .start()
                        .waitFor())
                .isZero();
    }

    private static List<Path> generations() throws IOException {
        try (var files = Files.list(cluster.runDir().resolve("apps"))) {
            return files.toList();
        }
    }
}
