package dev.clowder.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.ClusterStatus;
import dev.clowder.arquillian.Launcher;
import dev.clowder.it.HttpConnection.Worker;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A cluster in a control group with a limit of memory, as in a container. */
@Tag("slow")
class ControlGroupIT {
    private static final Duration SOON = Duration.ofMinutes(2);
    private static final long MB = 1L << 20;

    @TempDir
    private Path files;

    private Path group;
    private Path limit;

    /** Only the administrator may make a group, and in most containers not even that one. */
    @BeforeEach
    void makeGroup() throws IOException {
        Path root = Path.of("/sys/fs/cgroup");
        boolean first = Files.isDirectory(root.resolve("memory"));
        Path parent = first ? root.resolve("memory") : root;
        assumeTrue(Files.isWritable(parent), "no control group can be made in " + parent + ": run this test as root");
        group = Files.createDirectory(
                parent.resolve("clowder-test-" + ProcessHandle.current().pid()));
        limit = group.resolve(first ? "memory.limit_in_bytes" : "memory.max");
        assumeTrue(Files.exists(limit), "no memory controller in " + group);
        Path swap = group.resolve(first ? "memory.swappiness" : "memory.swap.max");
        if (Files.exists(swap)) {
            Files.write(swap, "0".getBytes(UTF_8));
        }
    }

    @AfterEach
    void removeGroup() {
        if (group != null) {
            // An orphan leaves it when its parent has asked for its end.
            await("the group is empty")
                    .atMost(SOON)
                    .until(() -> Files.readString(group.resolve("cgroup.procs")).isEmpty());
            assertThat(group.toFile().delete()).isTrue();
        }
    }

    @Test
    @DisplayName(
            "failure 7: a worker that the kernel kills for want of memory is named as such and replaced; the other one serves on")
    void aWorkerThatTheKernelKilledForMemoryIsNamedAsSuch() throws Exception {
        limit(800);
        // More heap than the group has memory.
        try (ClowderProcess cluster = start("--worker-opts=-Xmx2g")) {
            ClusterStatus before = cluster.awaitReady(SOON);
            try (HttpConnection leak = HttpConnection.open(cluster.port())) {
                Worker victim = leak.get("/worker").worker();
                leak.send(leak.head("GET", "/leak?until=90"));
                await("the slot is filled again").atMost(SOON).until(() -> {
                    ClusterStatus.Worker now = cluster.status().worker(victim.slot());
                    return now.id() > victim.id() && now.isReady();
                });
                ClusterStatus after = cluster.status();
                ClusterStatus.LastExit exit = after.worker(victim.slot()).lastExit();
                assertThat(exit).isNotNull();
                assertThat(exit.signal()).isEqualTo("SIGKILL");
                assertThat(exit.reason()).isEqualTo("killed by the kernel: out of memory");
                int other = 3 - victim.slot();
                assertThat(after.worker(other).id())
                        .isEqualTo(before.worker(other).id());
            }
        }
    }

    @Test
    @DisplayName(
            "failure 38: when the limit of the container changes, a reload gives each worker its share of the new one")
    void aReloadAdaptsToAnotherLimit() throws Exception {
        limit(1024);
        try (ClowderProcess cluster = start()) {
            long before = heap(cluster.awaitReady(SOON).worker(1));
            limit(2048);
            Launcher.Result reload = cluster.command(SOON, "reload");
            assertThat(reload.exitCode()).as(reload.errors()).isZero();
            long after = heap(cluster.status().worker(1));
            // Three processes in a reload, and a reserve that does not grow as fast as the whole.
            assertThat(after).isBetween(before + 200, before + 1024 / 3);
        }
    }

    private ClowderProcess start(String... options) throws Exception {
        return ClowderProcess.builder()
                .through("sh", "-c", "echo $$ > \"$0/cgroup.procs\" && exec \"$@\"", group.toString())
                .application("/", Apps.write(Apps.probe("probe.war"), files))
                .root(files)
                .arguments("--class-archive", "off")
                .arguments(options)
                .start();
    }

    private void limit(long megabytes) throws IOException {
        Files.write(limit, Long.toString(megabytes * MB).getBytes(UTF_8));
    }

    private static long heap(ClusterStatus.Worker worker) {
        List<String> options = ProcessHandle.of(worker.pid())
                .flatMap(process -> process.info().arguments())
                .map(List::of)
                .orElseThrow();
        return options.stream()
                .filter(option -> option.startsWith("-Xmx"))
                .mapToLong(option -> Long.parseLong(option.replaceAll("\\D", "")))
                .findFirst()
                .orElseThrow();
    }
}
