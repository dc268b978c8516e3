package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.ClusterStatus;
import dev.clowder.arquillian.Launcher;
import dev.clowder.it.HttpConnection.Worker;
import dev.clowder.it.Load.Death;
import dev.clowder.it.Load.Failure;
import dev.clowder.it.app.FailingListener;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import org.jboss.shrinkwrap.api.ShrinkWrap;
import org.jboss.shrinkwrap.api.spec.WebArchive;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The promises at length: 64 clients with kept-alive connections and 16 with a fresh one for each request, none of which
 * ever retries. Prints the figures that stand in docs/guarantees.md.
 */
@Tag("guarantees")
class GuaranteesIT {
    private static final Duration SOON = Duration.ofMinutes(2);
    private static final Duration LONG = Duration.ofMinutes(5);
    private static final String WORKER = "/probe/worker";
    private static final int FRESH = 16;
    private static final int KEPT_ALIVE = 64;
    /** A client rests this long between two requests, so that booting workers have a processor too. */
    private static final long PAUSE_MILLIS = 100;

    private static final Duration YOUNG = Duration.ofSeconds(10);

    @TempDir
    static Path directory;

    private static Succession clusters;

    private ClowderProcess cluster;

    @BeforeAll
    static void start() throws IOException {
        Path probe = Apps.write(Apps.probe("probe.war"), directory);
        clusters = new Succession(
                directory.resolve("run"),
                () -> ClowderProcess.builder().root(directory).application("/probe", probe));
        clusters.start();
    }

    @AfterAll
    static void stop() throws IOException {
        clusters.close();
    }

    @BeforeEach
    void whole() throws IOException, InterruptedException {
        cluster = clusters.current();
        cluster.awaitReady(SOON);
    }

    @Test
    @DisplayName(
            "failure 15: 20 rolling reloads lose none of at least 200,000 requests, and no descriptor of the supervisor")
    void twentyReloadsLoseNothing() throws Exception {
        long supervisor = cluster.handle().pid();
        int descriptors = Succession.settledDescriptors(supervisor).size();
        try (Load load = load()) {
            for (int i = 0; i < 20; i++) {
                Launcher.Result reload = cluster.command(LONG, "reload");
                assertThat(reload.exitCode()).as(reload.errors()).isZero();
            }
            await("enough requests").atMost(Duration.ofMinutes(20)).until(() -> load.answers() >= 200_000);
            load.stop();
            print("20 reloads", load);
            assertThat(load.failures()).isEmpty();
        }
        await("no more descriptors than before")
                .atMost(SOON)
                .until(() -> Succession.descriptors(supervisor).size() <= descriptors);
    }

    @Test
    @DisplayName("20 kill -9 of workers lose only what was in flight at the victim, and connections that ended with it")
    void twentyKillsLoseOnlyWhatWasInFlightAtTheVictim() throws Exception {
        List<Death> deaths = new ArrayList<>();
        List<Double> seconds = new ArrayList<>();
        try (Load load = load()) {
            for (int i = 0; i < 20; i++) {
                // One that dies young is not replaced at once, and so is no measure.
                long youngUntil = System.nanoTime() + YOUNG.toNanos();
                await("the victim is not young any more").atMost(SOON).until(() -> System.nanoTime() - youngUntil >= 0);
                ClusterStatus.Worker victim = cluster.awaitReady(SOON).worker(1 + i % 2);
                long killed = System.nanoTime();
                deaths.add(kill(victim));
                await("the slot is filled again")
                        .pollInterval(Duration.ofMillis(20))
                        .atMost(SOON)
                        .until(() -> load.workers().stream()
                                .anyMatch(worker -> worker.slot() == victim.slot() && worker.id() > victim.id()));
                seconds.add((System.nanoTime() - killed) / 1e9);
            }
            load.stop();
            print("20 kill -9 of workers", load);
            List<Failure> explained = load.failures().stream()
                    .filter(failure -> deaths.stream().anyMatch(death -> death.explains(failure)))
                    .toList();
            long inFlight = explained.stream()
                    .filter(failure -> deaths.stream().anyMatch(death -> death.tookInFlight(failure)))
                    .count();
            System.out.printf(
                    Locale.ROOT,
                    "in flight at the victim: %d; sent on idle connections that had ended with it: %d%n",
                    inFlight,
                    explained.size() - inFlight);
            Collections.sort(seconds);
            System.out.printf(
                    Locale.ROOT, "kill -9 to first answer of the next worker: median %.2f s%n", seconds.get(10));
            assertThat(load.failures())
                    .as("each was on a connection of a victim, when that died")
                    .isEqualTo(explained);
            assertThat(inFlight).as("one of each client").isLessThanOrEqualTo(20 * (FRESH + KEPT_ALIVE));
            assertThat(explained.size() - inFlight).as("each connection once").isLessThanOrEqualTo(20 * KEPT_ALIVE);
        }
    }

    private static Death kill(ClusterStatus.Worker victim) {
        ProcessHandle process = ProcessHandle.of(victim.pid()).orElseThrow();
        long killedAt = System.nanoTime();
        process.destroyForcibly();
        process.onExit().join();
        return new Death(new Worker(victim.slot(), victim.id()), killedAt, System.nanoTime());
    }

    @Test
    @DisplayName("failure 1: 5 kill -9 of the supervisor, each followed by a new run, lose nothing")
    void fiveKillsOfTheSupervisorLoseNothing() throws Exception {
        List<Integer> workers = ids(cluster.status());
        try (Load load = load()) {
            for (int i = 0; i < 5; i++) {
                clusters.kill();
                int before = load.answers();
                await("they serve without a supervisor").atMost(SOON).until(() -> load.answers() > before + 1000);
                assertThat(ids(clusters.start().awaitReady(SOON))).isEqualTo(workers);
                int adopted = load.answers();
                await("they serve under the next").atMost(SOON).until(() -> load.answers() > adopted + 1000);
            }
            load.stop();
            print("5 kill -9 of the supervisor", load);
            assertThat(load.failures()).isEmpty();
        }
    }

    @Test
    @DisplayName("5 upgrades lose nothing and keep the workers")
    void fiveUpgradesLoseNothing() throws Exception {
        List<Integer> workers = ids(cluster.status());
        try (Load load = load()) {
            for (int i = 0; i < 5; i++) {
                Launcher.Result upgrade = cluster.command(LONG, "upgrade");
                assertThat(upgrade.exitCode()).as(upgrade.errors()).isZero();
                assertThat(ids(cluster.awaitReady(SOON))).isEqualTo(workers);
                int upgraded = load.answers();
                await("they serve under the next").atMost(SOON).until(() -> load.answers() > upgraded + 1000);
            }
            load.stop();
            print("5 upgrades", load);
            assertThat(load.failures()).isEmpty();
        }
    }

    private static List<Integer> ids(ClusterStatus status) {
        return status.workers().stream().map(ClusterStatus.Worker::id).toList();
    }

    @Test
    @DisplayName("a bad .war deployed 5 times loses nothing")
    void fiveBadDeploysLoseNothing() throws Exception {
        Path bad =
                Apps.write(ShrinkWrap.create(WebArchive.class, "bad.war").addClass(FailingListener.class), directory);
        try (Load load = load()) {
            for (int i = 0; i < 5; i++) {
                assertThat(cluster.command(LONG, "deploy", "/probe=" + bad).exitCode())
                        .isEqualTo(4);
            }
            load.stop();
            print("5 bad deploys", load);
            assertThat(load.failures()).isEmpty();
        }
    }

    private static Load load() {
        Load load = Load.start(clusters.current().port(), WORKER, FRESH, KEPT_ALIVE, PAUSE_MILLIS);
        await("clients are served").atMost(SOON).until(() -> load.answers() > 1000);
        return load;
    }

    private static void print(String what, Load load) {
        System.out.printf(
                "%s: %d answers, %d failures%n",
                what, load.answers(), load.failures().size());
    }
}
