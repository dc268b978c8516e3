package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;
import static org.awaitility.Awaitility.await;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.ClusterStatus;
import dev.clowder.arquillian.Launcher;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What workers write, kept and shown, whatever happens to the disk, the supervisor or the worker. */
@Tag("once")
class LogsIT {
    private static final Duration SOON = Duration.ofSeconds(90);
    private static final int WRONG_USAGE = 2;
    private static final int NO_CLUSTER = 5;
    private static final String FLOOD_LINE = "all work and no play";

    @TempDir
    private Path files;

    private Path war;

    @BeforeEach
    void application() {
        war = Apps.write(Apps.probe("probe.war"), files);
    }

    private ClowderProcess.Builder cluster() {
        return ClowderProcess.builder().application("/", war).root(files);
    }

    @Tag("slow")
    @Test
    @DisplayName(
            "logs shows the last lines of all slots or of one, follows until the cluster ends, and knows its slots")
    void theLogsCommandShowsAndFollows() throws Exception {
        try (ClowderProcess cluster = cluster().start()) {
            cluster.awaitReady(SOON);
            int slot = flood(cluster, 1).slot();
            Launcher.Result all = cluster.command("logs");
            assertThat(all.exitCode()).as(all.toString()).isZero();
            assertThat(all.output()).contains("[" + slot + "] " + FLOOD_LINE);
            Launcher.Result one = cluster.command("logs", "-n", "3", String.valueOf(slot));
            assertThat(one.output()).hasLineCount(3).startsWith(FLOOD_LINE);
            Launcher.Result none = cluster.command("logs", "9");
            assertThat(none.exitCode()).isEqualTo(WRONG_USAGE);
            assertThat(none.errors()).contains("slot 9").hasLineCount(1);

            Follower follower = new Follower(cluster.runDir());
            try {
                // 64 MB: the file is full several times while it is followed.
                flood(cluster, 64);
                flood(cluster, 1);
                await().atMost(SOON).until(() -> follower.lines.size() > 1024);
                assertThat(follower.lines).allMatch(line -> line.matches("\\[[12]\\] .*"));
                cluster.terminate();
                assertThat(cluster.awaitExit(SOON)).isZero();
                assertThat(follower.exitCode()).isZero();
            } finally {
                follower.kill();
            }
            Launcher.Result gone = cluster.command("logs");
            assertThat(gone.exitCode()).isEqualTo(NO_CLUSTER);
        }
    }

    @Test
    @DisplayName("failure 18: a supervisor that is stopped (SIGSTOP) holds up no worker that writes 64 MB, and goes on")
    void aStoppedSupervisorHoldsUpNobody() throws Exception {
        try (ClowderProcess cluster = cluster().workers(1).start()) {
            ClusterStatus before = cluster.awaitReady(SOON);
            signal("STOP", cluster.handle());
            try {
                flood(cluster, 64);
                assertThat(HttpConnection.fresh(cluster.port(), "/worker").status())
                        .isEqualTo(200);
            } finally {
                signal("CONT", cluster.handle());
            }
            Path logs = cluster.runDir().resolve("logs");
            await("the disk has a limit").atMost(SOON).until(() -> size(logs) <= 70L << 20);
            assertThat(cluster.status().workers())
                    .extracting(ClusterStatus.Worker::id)
                    .containsExactly(before.workers().get(0).id());
        }
    }

    @Test
    @DisplayName("failure 17: with the disk of the logs full, requests are answered, and the operator is told once")
    void aFullDiskCostsLinesAndNothingElse() throws Exception {
        Path small = Files.createDirectory(files.resolve("small"));
        assumeThat(run("mount", "-t", "tmpfs", "-o", "size=1m", "none", small.toString()))
                .as("this user may mount a small file system")
                .isZero();
        try (ClowderProcess cluster = cluster()
                .workers(1)
                .arguments("--log-dir", small.resolve("logs").toString())
                .start()) {
            ClusterStatus before = cluster.awaitReady(SOON);
            Files.write(small.resolve("filler"), new byte[1 << 19]);
            fill(small.resolve("more"));
            await("said").atMost(SOON).until(() -> cluster.output().contains("no space left"));
            flood(cluster, 16);
            assertThat(HttpConnection.fresh(cluster.port(), "/worker").status()).isEqualTo(200);
            assertThat(cluster.status().workers())
                    .extracting(ClusterStatus.Worker::id)
                    .containsExactly(before.workers().get(0).id());
            assertThat(cluster.output().lines().filter(line -> line.contains("no space left")))
                    .hasSize(1);
            Files.delete(small.resolve("more"));
            Files.delete(small.resolve("filler"));
            await("written again").atMost(SOON).until(() -> {
                flood(cluster, 1);
                return cluster.output().lines().anyMatch(line -> line.startsWith("[1] " + FLOOD_LINE));
            });
            cluster.terminate();
            assertThat(cluster.awaitExit(SOON)).isZero();
            assertThat(small.resolve("logs/slot-1.log")).exists();
        } finally {
            run("umount", small.toString());
        }
    }

    @Tag("slow")
    @Test
    @DisplayName("failure 17: a log file that can't grow (EFBIG) costs lines and nothing else")
    void aFileThatCanNotGrowCostsLinesAndNothingElse() throws Exception {
        Path java = files.resolve("java");
        Path real = Launcher.ofThisBuild().javaHome().resolve("bin/java");
        // 2 MB, less than a log file may have; all else that a worker writes is smaller.
        Files.writeString(java, "#!/bin/sh\n[ \"$1\" = -version ] || ulimit -f 4096\nexec " + real + " \"$@\"\n");
        assertThat(java.toFile().setExecutable(true)).isTrue();
        try (ClowderProcess cluster =
                cluster().workers(1).arguments("--java", java.toString()).start()) {
            ClusterStatus before = cluster.awaitReady(SOON);
            flood(cluster, 16);
            assertThat(HttpConnection.fresh(cluster.port(), "/worker").status()).isEqualTo(200);
            assertThat(cluster.status().workers())
                    .extracting(ClusterStatus.Worker::id)
                    .containsExactly(before.workers().get(0).id());
        }
    }

    @Test
    @DisplayName("the last words of a worker that is killed, a thread dump, are in its log and on the console")
    void aThreadDumpIsInTheLog() throws Exception {
        try (ClowderProcess cluster = cluster().workers(1).start()) {
            ClusterStatus status = cluster.awaitReady(SOON);
            ProcessHandle worker =
                    ProcessHandle.of(status.workers().get(0).pid()).orElseThrow();
            Path log = cluster.runDir().resolve("logs/slot-1.log");
            signal("QUIT", worker);
            await().atMost(SOON).until(() -> Files.readString(log).contains("Full thread dump"));
            worker.destroyForcibly();
            await().atMost(SOON).until(() -> cluster.output().contains("[1] Full thread dump"));
        }
    }

    private static HttpConnection.Worker flood(ClowderProcess cluster, int megabytes) throws IOException {
        HttpConnection.Response response = HttpConnection.fresh(cluster.port(), "/flood?megabytes=" + megabytes);
        assertThat(response.body()).isEqualTo("wrote " + megabytes);
        return response.worker();
    }

    private static void fill(Path file) {
        try (var out = Files.newOutputStream(file)) {
            while (true) {
                out.write(new byte[4096]);
            }
        } catch (IOException e) {
            // Full.
        }
    }

    private static long size(Path directory) throws IOException {
        try (Stream<Path> all = Files.list(directory)) {
            return all.mapToLong(file -> file.toFile().length()).sum();
        }
    }

    private static void signal(String name, ProcessHandle process) throws Exception {
        assertThat(run("kill", "-" + name, String.valueOf(process.pid()))).isZero();
    }

    private static int run(String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
        assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
        return process.exitValue();
    }

    /** {@code logs -f} with all slots, from now on. */
    private static final class Follower {
        final List<String> lines = new CopyOnWriteArrayList<>();
        private final Process process;
        private final CompletableFuture<Void> end = new CompletableFuture<>();

        Follower(Path runDir) throws IOException {
            Launcher launcher = Launcher.ofThisBuild();
            List<String> command = new ArrayList<>(
                    List.of(launcher.javaHome().resolve("bin/java").toString(), "-jar"));
            command.add(launcher.jar().toString());
            command.addAll(List.of("logs", "-f", "--run-dir", runDir.toString()));
            process = new ProcessBuilder(command).start();
            Thread reader = new Thread(this::read, "logs -f");
            reader.setDaemon(true);
            reader.start();
            await().atMost(SOON).until(() -> !lines.isEmpty());
        }

        private void read() {
            try (BufferedReader in = process.inputReader(StandardCharsets.UTF_8)) {
                for (String line = in.readLine(); line != null; line = in.readLine()) {
                    if (lines.size() < 100_000) {
                        lines.add(line);
                    }
                }
            } catch (IOException e) {
                lines.add(e.toString());
            }
            end.complete(null);
        }

        int exitCode() throws Exception {
            assertThat(process.waitFor(SOON.toSeconds(), TimeUnit.SECONDS)).isTrue();
            end.get(SOON.toSeconds(), TimeUnit.SECONDS);
            return process.exitValue();
        }

        void kill() {
            process.destroyForcibly();
        }
    }
}
