package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.ClusterStatus;
import dev.clowder.arquillian.Launcher;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A system that gives no thread more: a limit of processes counts them by user, so the cluster gets a user of its own. */
@Tag("once")
@EnabledOnOs(value = OS.LINUX, disabledReason = "prlimit, setpriv and /proc")
class ThreadLimitIT {
    private static final Duration SOON = Duration.ofMinutes(3);
    /** Nobody's. */
    private static final int USER = 54_399;

    private static final List<String> AS_USER =
            List.of("setpriv", "--reuid=" + USER, "--regid=" + USER, "--clear-groups");

    private static final Pattern TRIED =
            Pattern.compile("can't start a worker in slot 1: |worker 1/\\d+ \\(pid \\d+\\) (died|ready)");

    @TempDir
    Path files;

    private ClowderProcess cluster;

    @BeforeEach
    void start() throws Exception {
        assumeTrue(
                "root".equals(System.getProperty("user.name")) && Files.isExecutable(Path.of("/usr/bin/setpriv")),
                "only root can become somebody else, with setpriv");
        Launcher built = Launcher.ofThisBuild();
        Path java = built.javaHome().resolve("bin/java");
        Process tried =
                asUser(java.toString(), "-version").redirectErrorStream(true).start();
        tried.getInputStream().readAllBytes();
        assumeTrue(tried.waitFor() == 0, "other users can't run " + java);

        Files.setPosixFilePermissions(files, PosixFilePermissions.fromString("rwx--x--x"));
        Path home = Files.createDirectory(files.resolve("home"));
        Path jar = Files.copy(built.jar(), home.resolve("clowder.jar"));
        Path war = Apps.write(Apps.probe("probe.war"), home);
        for (Path file : List.of(home, jar, war)) {
            Files.setAttribute(file, "unix:uid", USER);
        }
        cluster = ClowderProcess.builder(new Launcher(built.javaHome(), jar))
                .through(AS_USER.toArray(String[]::new))
                .root(files)
                .runDir(home.resolve("run"))
                .environment("XDG_CACHE_HOME", home.toString())
                // A JVM that gets no thread leaves a report.
                .arguments("--worker-opts", "-XX:ErrorFile=" + home.resolve("error.log"))
                .application("/", war)
                .start();
        cluster.awaitReady(SOON);
    }

    @AfterEach
    void stop() {
        if (cluster != null) {
            cluster.close();
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 6})
    @DisplayName(
            "a worker that dies when there is room for so many threads is missed, and comes back when there are more")
    void aDeathAtTheLimitIsNoticed(int room) throws Exception {
        long supervisor = cluster.status().supervisor().pid();
        ClusterStatus.Worker victim = cluster.status().worker(1);
        String death = "worker 1/" + victim.id() + " (pid " + victim.pid() + ") died";
        String before = limit(supervisor);
        limit(supervisor, "" + (threads() - threads(victim.pid()) + room));
        try {
            ProcessHandle.of(victim.pid()).orElseThrow().destroyForcibly();
            await("it is told")
                    .atMost(SOON)
                    .untilAsserted(() -> assertThat(cluster.output()).contains(death));
            // Perhaps with enough threads to be started, and too few to live.
            await("a replacement is tried")
                    .atMost(SOON)
                    .until(() -> TRIED.matcher(cluster.output())
                            .results()
                            .anyMatch(tried -> !tried.group().contains("1/" + victim.id() + " ")));
        } finally {
            limit(supervisor, before);
        }
        await("all is well")
                .atMost(SOON)
                .until(() -> cluster.status().workers().stream()
                        .allMatch(worker -> worker.state().equals("READY")));
        Set<Long> workers = cluster.status().workers().stream()
                .map(ClusterStatus.Worker::pid)
                .collect(Collectors.toSet());
        await("no other child, dead or alive")
                .atMost(SOON)
                .untilAsserted(() -> assertThat(
                                ProcessHandle.of(supervisor).orElseThrow().children())
                        .extracting(ProcessHandle::pid)
                        .containsExactlyInAnyOrderElementsOf(workers));
        assertThat(HttpConnection.fresh(cluster.port(), "/worker").status()).isEqualTo(200);
    }

    private static String limit(long pid) throws IOException {
        return Files.readAllLines(Path.of("/proc", "" + pid, "limits")).stream()
                .filter(line -> line.startsWith("Max processes"))
                .map(line -> line.strip().split("\\s+", -1)[2])
                .findAny()
                .orElseThrow();
    }

    private static void limit(long pid, String processes) throws IOException, InterruptedException {
        Process prlimit = asUser("prlimit", "--pid", "" + pid, "--nproc=" + processes + ":")
                .inheritIO()
                .start();
        assertThat(prlimit.waitFor()).isZero();
    }

    /** Not even root may do all this to a process of somebody else, if it is in a container. */
    private static ProcessBuilder asUser(String... command) {
        List<String> all = new ArrayList<>(AS_USER);
        all.addAll(List.of(command));
        return new ProcessBuilder(all);
    }

    /** Of all processes of the user. */
    private static long threads() throws IOException {
        long all = 0;
        try (Stream<Path> processes = Files.list(Path.of("/proc"))) {
            for (Path process : processes
                    .filter(path -> path.getFileName().toString().matches("\\d+"))
                    .toList()) {
                all += threads(Long.parseLong(process.getFileName().toString()));
            }
        }
        return all;
    }

    /** 0 for one that has ended, or belongs to somebody else. */
    private static long threads(long pid) throws IOException {
        Path status = Path.of("/proc", "" + pid, "status");
        List<String> lines;
        try {
            lines = Files.readAllLines(status);
        } catch (IOException e) {
            return 0;
        }
        if (lines.stream().noneMatch(line -> line.startsWith("Uid:\t" + USER + "\t"))) {
            return 0;
        }
        return lines.stream()
                .filter(line -> line.startsWith("Threads:"))
                .mapToLong(line ->
                        Long.parseLong(line.substring("Threads:".length()).strip()))
                .sum();
    }
}
