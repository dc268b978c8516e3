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
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Queue;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jboss.shrinkwrap.api.ShrinkWrap;
import org.jboss.shrinkwrap.api.spec.WebArchive;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Everything at random, under load: {@code -Dchaos.minutes=10 -Dchaos.seed=1}. One thread changes what runs, another ends
 * workers in all ways there are, a third ends the supervisor or lets it upgrade itself. Afterwards every slot is ready,
 * nothing has leaked, and every failed request is explained by a death. What the supervisors said is in
 * {@code target/chaos-SEED.log}.
 */
@Tag("chaos")
class ChaosIT {
    private static final Duration SOON = Duration.ofMinutes(3);
    private static final Duration LONG = Duration.ofMinutes(10);
    private static final String WORKER = "/probe/worker";
    /** Done, unknown slot, refused by the new workers, another change is under way. */
    private static final List<Integer> ANSWERS = List.of(0, 2, 4, 6);
    /** The supervisor ended before it answered, or there was none. */
    private static final List<Integer> NO_ANSWERS = List.of(1, 5);

    @TempDir
    Path directory;

    private final Queue<Death> deaths = new ConcurrentLinkedQueue<>();
    private final Queue<Gap> gaps = new ConcurrentLinkedQueue<>();
    private final Queue<Throwable> problems = new ConcurrentLinkedQueue<>();
    private final Map<String, Integer> done = new TreeMap<>();
    /** Grows when a supervisor begins to end, and when the next one is there: even while there is one. */
    private final AtomicInteger changesOfSupervisor = new AtomicInteger();

    private Succession clusters;
    private Path bad;

    /** A time without any process that held the port: the supervisor was killed, and no worker of before outlived it. */
    private record Gap(long from, long to) {
        boolean explains(Failure failure) {
            return failure.worker() == null && failure.openedAt() - from >= 0 && failure.openedAt() - to < 0;
        }
    }

    @Test
    @DisplayName("whatever happens, the cluster comes back whole, and only the dead take requests with them")
    void whateverHappensTheClusterComesBackWhole() throws Exception {
        long minutes = Long.getLong("chaos.minutes", 10);
        long seed = Long.getLong("chaos.seed", 1);
        bad = Apps.write(ShrinkWrap.create(WebArchive.class, "bad.war").addClass(FailingListener.class), directory);
        Path probe = Apps.write(Apps.probe("probe.war"), directory);
        clusters = new Succession(
                directory.resolve("run"),
                () -> ClowderProcess.builder()
                        .root(directory)
                        .application("/probe", probe)
                        .arguments("--oversubscribe", "--hang-timeout", "20s", "--boot-timeout", "3m"));
        try (Succession opened = clusters) {
            opened.start().awaitReady(SOON);
            long descriptorsBefore = descriptors();
            int port = opened.current().port();
            try (Load load = Load.start(port, WORKER, 4, 12, 20)) {
                long end = System.nanoTime() + TimeUnit.MINUTES.toNanos(minutes);
                Thread operator = actor("operator", new Random(seed), end, this::change);
                Thread reaper = actor("reaper", new Random(seed + 1), end, this::endWorker);
                Thread usurper = actor("usurper", new Random(seed + 2), end, this::endSupervisor);
                usurper.join();
                operator.join();
                reaper.join();
                assertThat(problems).isEmpty();
                // The last change may still be under way: who asked for it was cut off, or it is the supervisor's own.
                await("nothing else is under way, and two workers")
                        .atMost(LONG)
                        .until(() ->
                                opened.current().command(LONG, "scale", "2").exitCode() == 0);
                opened.current().awaitReady(SOON);
                load.stop();
                report(seed, minutes, load);
                assertThat(load.failures()).allMatch(this::isExplained, "is explained by a death");
            }
            assertNothingLeaked(descriptorsBefore);
            opened.current().terminate();
            assertThat(opened.current().awaitExit(SOON)).isZero();
            assertThat(opened.processes()).as("processes").isEmpty();
            assertThat(directory.resolve("run")).doesNotExist();
            new ServerSocket(port).close();
        } finally {
            Files.write(Path.of("target", "chaos-" + seed + ".log"), clusters.outputs());
        }
    }

    private void report(long seed, long minutes, Load load) {
        System.out.printf(
                Locale.ROOT,
                "chaos, seed %d, %d minutes: %d answers, %d failures, %d deaths, %d times nobody held the port, %s%n",
                seed,
                minutes,
                load.answers(),
                load.failures().size(),
                deaths.size(),
                gaps.size(),
                done);
        long now = System.nanoTime();
        for (Failure failure : load.failures()) {
            if (!isExplained(failure)) {
                System.out.printf(
                        "unexplained: opened %s, sent %s, %s%n",
                        Instant.now().minusNanos(now - failure.openedAt()),
                        Instant.now().minusNanos(now - failure.sentAt()),
                        failure);
            }
        }
    }

    private boolean isExplained(Failure failure) {
        return deaths.stream().anyMatch(death -> death.explains(failure))
                || gaps.stream().anyMatch(gap -> gap.explains(failure));
    }

    private void assertNothingLeaked(long descriptorsBefore) throws Exception {
        ClowderProcess cluster = clusters.current();
        ClusterStatus status = cluster.status();
        assertThat(status.workers()).hasSize(2).allMatch(ClusterStatus.Worker::isReady);
        await("only the supervisor and its two workers are left")
                .atMost(SOON)
                .until(() -> clusters.processes().size() == 3);
        await("no descriptor has leaked").atMost(SOON).until(() -> descriptors() <= descriptorsBefore + 2);
        try (var generations = Files.list(cluster.runDir().resolve("apps"))) {
            assertThat(generations).hasSize(1);
        }
        try (var files = Files.list(cluster.runDir())) {
            assertThat(files.filter(file -> file.getFileName().toString().startsWith("worker-")))
                    .as("intake and entry of each worker, none of the dead")
                    .hasSize(4);
        }
    }

    private long descriptors() throws IOException {
        return Succession.descriptors(clusters.current().handle().pid()).size();
    }

    private interface Deed {
        String by(Random random) throws Exception;
    }

    private Thread actor(String name, Random random, long end, Deed deed) {
        Thread thread = new Thread(
                () -> {
                    try {
                        while (System.nanoTime() - end < 0 && problems.isEmpty()) {
                            String what = deed.by(random);
                            synchronized (done) {
                                done.merge(what, 1, Integer::sum);
                            }
                        }
                    } catch (Exception | AssertionError e) {
                        problems.add(e);
                    }
                },
                name);
        thread.setDaemon(true);
        thread.start();
        return thread;
    }

    // What the operator does

    private String change(Random random) throws Exception {
        List<String> command = switch (random.nextInt(6)) {
            case 0, 1 -> List.of("reload");
            case 2 -> List.of("scale", String.valueOf(1 + random.nextInt(3)));
            case 3 -> List.of("restart", String.valueOf(1 + random.nextInt(3)));
            case 4 -> List.of("deploy", "/probe=" + bad);
            default -> List.of("threads", String.valueOf(1 + random.nextInt(3)));
        };
        int before = changesOfSupervisor.get();
        Launcher.Result result = clusters.current()
                .command(
                        LONG, command.get(0), command.subList(1, command.size()).toArray(String[]::new));
        boolean interrupted = before % 2 == 1 || before != changesOfSupervisor.get();
        if (NO_ANSWERS.contains(result.exitCode()) && interrupted) {
            rest(random, 1_000);
            return command.get(0) + " interrupted";
        }
        assertThat(result.exitCode()).as(command + ": " + result.errors()).isIn(ANSWERS);
        return command.get(0) + " " + result.exitCode();
    }

    // What happens to workers

    /** In one of the ways there are; waits until it is dead, and then for a while. */
    private String endWorker(Random random) throws Exception {
        List<ClusterStatus.Worker> ready = readyWorkers();
        if (ready.isEmpty()) {
            rest(random, 1_000);
            return "nobody to end";
        }
        ClusterStatus.Worker victim = ready.get(random.nextInt(ready.size()));
        ProcessHandle process = ProcessHandle.of(victim.pid()).orElse(null);
        String signal = List.of("KILL", "KILL", "TERM", "STOP").get(random.nextInt(4));
        long killedAt = System.nanoTime();
        if (process == null || !signal(signal, victim.pid())) {
            return "gone before";
        }
        process.onExit().get(3, TimeUnit.MINUTES);
        if (!signal.equals("TERM")) {
            // After a TERM it drains: that excuses nothing.
            deaths.add(new Death(new Worker(victim.slot(), victim.id()), killedAt, System.nanoTime()));
        }
        rest(random, 20_000);
        return signal;
    }

    private List<ClusterStatus.Worker> readyWorkers() throws InterruptedException {
        ClusterStatus status = statusIfAny();
        return status == null
                ? List.of()
                : status.workers().stream()
                        .filter(ClusterStatus.Worker::isReady)
                        .toList();
    }

    private @Nullable ClusterStatus statusIfAny() throws InterruptedException {
        try {
            return clusters.current().status();
        } catch (IOException e) {
            // There is no supervisor at the moment.
            return null;
        }
    }

    private static boolean signal(String name, long pid) throws Exception {
        return new ProcessBuilder("sh", "-c", "kill -" + name + " " + pid)
                        .redirectErrorStream(true)
                        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                        .start()
                        .waitFor()
                == 0;
    }

    // What happens to the supervisor

    private String endSupervisor(Random random) throws Exception {
        rest(random, 30_000);
        changesOfSupervisor.incrementAndGet();
        try {
            return random.nextInt(3) == 0 ? upgrade() : kill(random);
        } finally {
            changesOfSupervisor.incrementAndGet();
        }
    }

    private String upgrade() throws Exception {
        Launcher.Result result = clusters.current().command(LONG, "upgrade");
        assertThat(result.exitCode())
                .as("upgrade: " + result.errors() + clusters.current().output())
                .isIn(ANSWERS);
        return "upgrade " + result.exitCode();
    }

    private String kill(Random random) throws Exception {
        List<ClusterStatus.Worker> before = readyWorkers();
        long from = System.nanoTime();
        clusters.kill();
        rest(random, 4_000);
        ClowderProcess next = clusters.start();
        await("a new supervisor")
                .pollInterval(Duration.ofMillis(200))
                .atMost(SOON)
                .until(() -> !next.handle().isAlive() || statusIfAny() != null);
        ClusterStatus status = statusIfAny();
        if (status == null) {
            throw new AssertionError("the new supervisor did not start: " + next.output());
        }
        boolean held =
                before.stream().anyMatch(worker -> status.workers().stream().anyMatch(now -> now.id() == worker.id()));
        if (!held) {
            gaps.add(new Gap(from, System.nanoTime()));
        }
        return held ? "supervisor killed" : "supervisor killed, and all workers with it";
    }

    private static void rest(Random random, int atMostMillis) {
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(random.nextInt(atMostMillis));
        await().pollDelay(Duration.ZERO).atMost(SOON).until(() -> System.nanoTime() - end >= 0);
    }
}
