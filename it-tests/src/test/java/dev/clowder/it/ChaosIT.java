package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.ClusterStatus;
import dev.clowder.arquillian.Launcher;
import dev.clowder.it.HttpConnection.Worker;
import dev.clowder.it.app.FailingListener;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Queue;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import org.jboss.shrinkwrap.api.ShrinkWrap;
import org.jboss.shrinkwrap.api.spec.WebArchive;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Everything at random, under load: {@code -Dchaos.minutes=10 -Dchaos.seed=1}. One thread changes what runs, another ends
 * workers in all ways there are. Afterwards every slot is ready, nothing has leaked, and every failed request is explained
 * by a death.
 */
@Tag("chaos")
class ChaosIT {
    private static final Duration SOON = Duration.ofMinutes(3);
    private static final Duration LONG = Duration.ofMinutes(10);
    private static final String WORKER = "/probe/worker";

    @TempDir
    Path directory;

    private final Queue<Death> deaths = new ConcurrentLinkedQueue<>();
    private final Map<String, Integer> done = new TreeMap<>();
    private ClowderProcess cluster;
    private Path bad;

    private record Death(Worker victim, long seenAt) {}

    @Test
    @DisplayName("whatever happens, the cluster comes back whole, and only the dead take requests with them")
    void whateverHappensTheClusterComesBackWhole() throws Exception {
        long minutes = Long.getLong("chaos.minutes", 10);
        long seed = Long.getLong("chaos.seed", 1);
        bad = Apps.write(ShrinkWrap.create(WebArchive.class, "bad.war").addClass(FailingListener.class), directory);
        Path probe = Apps.write(Apps.probe("probe.war"), directory);
        cluster = ClowderProcess.builder()
                .application("/probe", probe)
                .arguments("--oversubscribe", "--hang-timeout", "10s")
                .start();
        try (ClowderProcess started = cluster) {
            started.awaitReady(SOON);
            long descriptorsBefore = descriptors();
            try (Load load = Load.start(cluster.port(), WORKER, 4, 12, 20)) {
                long end = System.nanoTime() + TimeUnit.MINUTES.toNanos(minutes);
                Thread operator = actor("operator", new Random(seed), end, this::change);
                Thread reaper = actor("reaper", new Random(seed + 1), end, this::endWorker);
                operator.join();
                reaper.join();
                Launcher.Result scale = cluster.command(LONG, "scale", "2");
                assertThat(scale.exitCode()).as(scale.errors()).isZero();
                cluster.awaitReady(SOON);
                load.stop();
                System.out.printf(
                        Locale.ROOT,
                        "chaos, seed %d, %d minutes: %d answers, %d failures, %d deaths, %s%n",
                        seed,
                        minutes,
                        load.answers(),
                        load.failures().size(),
                        deaths.size(),
                        done);
                assertThat(load.failures())
                        .allMatch(failure -> deaths.stream()
                                .anyMatch(death -> failure.isExplainedBy(death.victim(), death.seenAt())));
            }
            assertNothingLeaked(descriptorsBefore);
        }
    }

    private void assertNothingLeaked(long descriptorsBefore) throws Exception {
        ClusterStatus status = cluster.status();
        assertThat(status.workers()).hasSize(2).allMatch(ClusterStatus.Worker::isReady);
        await("only the two workers are left")
                .atMost(SOON)
                .until(() -> cluster.handle().descendants().count() == 2);
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
        try (var open =
                Files.list(Path.of("/proc", String.valueOf(cluster.handle().pid()), "fd"))) {
            return open.count();
        }
    }

    private interface Deed {
        String by(Random random) throws Exception;
    }

    private Thread actor(String name, Random random, long end, Deed deed) {
        Thread thread = new Thread(
                () -> {
                    while (System.nanoTime() - end < 0) {
                        String what;
                        try {
                            what = deed.by(random);
                        } catch (Exception e) {
                            what = e.toString();
                        }
                        synchronized (done) {
                            done.merge(what, 1, Integer::sum);
                        }
                    }
                },
                name);
        thread.setDaemon(true);
        thread.start();
        return thread;
    }

    private String change(Random random) throws Exception {
        List<String> command = switch (random.nextInt(6)) {
            case 0, 1 -> List.of("reload");
            case 2 -> List.of("scale", String.valueOf(1 + random.nextInt(3)));
            case 3 -> List.of("restart", String.valueOf(1 + random.nextInt(3)));
            case 4 -> List.of("deploy", "/probe=" + bad);
            default -> List.of("threads", String.valueOf(1 + random.nextInt(3)));
        };
        Launcher.Result result = cluster.command(
                LONG, command.get(0), command.subList(1, command.size()).toArray(String[]::new));
        assertThat(result.exitCode()).as(result.errors()).isIn(0, 2, 4, 6);
        return command.get(0) + " " + result.exitCode();
    }

    /** In one of the ways there are; waits until it is dead, and then for a while. */
    private String endWorker(Random random) throws Exception {
        List<ClusterStatus.Worker> ready = new ArrayList<>(cluster.status().workers());
        ready.removeIf(worker -> !worker.isReady());
        if (ready.isEmpty()) {
            return "nobody to end";
        }
        ClusterStatus.Worker victim = ready.get(random.nextInt(ready.size()));
        ProcessHandle process = ProcessHandle.of(victim.pid()).orElseThrow();
        String signal = List.of("KILL", "KILL", "TERM", "STOP").get(random.nextInt(4));
        signal(signal, victim.pid());
        process.onExit().get(3, TimeUnit.MINUTES);
        if (!signal.equals("TERM")) {
            // After a TERM it drains: that excuses nothing.
            deaths.add(new Death(new Worker(victim.slot(), victim.id()), System.nanoTime()));
        }
        long rest = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(random.nextInt(20_000));
        await().pollDelay(Duration.ZERO).atMost(SOON).until(() -> System.nanoTime() - rest >= 0);
        return signal;
    }

    private static void signal(String name, long pid) throws Exception {
        Process kill = new ProcessBuilder("sh", "-c", "kill -" + name + " " + pid).start();
        assertThat(kill.waitFor()).isZero();
    }
}
