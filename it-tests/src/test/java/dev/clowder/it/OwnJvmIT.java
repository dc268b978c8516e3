package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.Launcher;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** A supervisor gives itself a small JVM, unless its user has chosen one. */
@EnabledOnOs(value = OS.LINUX, disabledReason = "elsewhere a process can't replace itself")
class OwnJvmIT {
    private static final Duration SOON = Duration.ofSeconds(90);
    private static final Duration LONG = Duration.ofMinutes(5);
    private static final String HEAP = "-Xmx256m";

    @TempDir
    private Path files;

    private Path war;

    @BeforeEach
    void application() {
        war = Apps.write(Apps.probe("probe.war"), files);
    }

    private ClowderProcess.Builder cluster() {
        return ClowderProcess.builder().root(files).workers(1).plainJvm().application("/", war);
    }

    private static List<String> command(ClowderProcess cluster) throws IOException {
        Path command = Path.of("/proc", String.valueOf(cluster.handle().pid()), "cmdline");
        return List.of(Files.readString(command).split("\0", -1));
    }

    @Test
    @DisplayName(
            "started with java -jar only, the supervisor has a small heap under its old pid; an upgrade chooses anew,"
                    + " the unit of `config systemd` has none of the flags; standard input and signals reach it as ever")
    void aPlainStartGetsASmallJvm() throws Exception {
        try (ClowderProcess cluster = cluster().start()) {
            cluster.awaitReady(SOON);
            assertThat(command(cluster)).containsOnlyOnce(HEAP).contains("run", "--stop-on-eof");
            assertThat(HttpConnection.fresh(cluster.port(), "/worker").status()).isEqualTo(200);
            Launcher.Result upgrade = cluster.command(SOON, "upgrade");
            assertThat(upgrade.exitCode()).as(upgrade.errors()).isZero();
            assertThat(command(cluster)).containsOnlyOnce(HEAP);
            cluster.endInput();
            assertThat(cluster.awaitExit(SOON)).isZero();
        }
        try (ClowderProcess cluster = cluster().start()) {
            cluster.awaitReady(SOON);
            List<String> config =
                    List.of("config", "systemd", "--run-dir", cluster.runDir().toString());
            Launcher.Result unit = Launcher.ofThisBuild().run(SOON, config);
            assertThat(unit.output())
                    .as(unit.errors())
                    .contains(" run --port ")
                    .doesNotContain(HEAP, "own-flags", "--add-opens");
            cluster.terminate();
            assertThat(cluster.awaitExit(SOON)).isZero();
        }
    }

    @Test
    @DisplayName("what a shell passed to the process is there for it: a configuration from <(...)")
    void inheritedDescriptorsStayOpen() throws Exception {
        Path config = Files.writeString(files.resolve("clowder.properties"), "health-path = /worker\n");
        try (ClowderProcess cluster = cluster()
                .through("bash", "-c", "exec \"$@\" 7< <(cat \"$0\")", config.toString())
                .arguments("--config", "/dev/fd/7")
                .start()) {
            cluster.awaitReady(SOON);
            assertThat(command(cluster)).contains(HEAP);
        }
    }

    @Test
    @Tag("slow")
    @DisplayName("supervisor and workers map one archive, at the same address: they share its pages")
    void supervisorAndWorkersShareAnArchive() throws Exception {
        Path cache = files.resolve("cache");
        ClowderProcess.Builder standard = cluster()
                .workers(Runtime.getRuntime().availableProcessors())
                .environment("XDG_CACHE_HOME", cache.toString());
        try (ClowderProcess first = standard.start()) {
            first.awaitReady(SOON);
            await("the archive").atMost(LONG).until(() -> state(first).equals("ready"));
        }
        try (ClowderProcess second = standard.start()) {
            long worker = second.awaitReady(SOON).worker(1).pid();
            assertThat(archive(second.handle().pid())).isNotEmpty().isEqualTo(archive(worker));
        }
    }

    private static String state(ClowderProcess cluster) throws IOException {
        return new ObjectMapper()
                .readTree(cluster.statusJson())
                .at("/supervisor/classArchive/state")
                .asText();
    }

    /** Where its first page is, and the file. */
    private static String archive(long pid) throws IOException {
        try (Stream<String> maps = Files.lines(Path.of("/proc", String.valueOf(pid), "maps"))) {
            return maps.filter(line -> line.endsWith(".archive"))
                    .map(line -> line.substring(0, line.indexOf('-')) + line.substring(line.lastIndexOf(' ')))
                    .findFirst()
                    .orElse("");
        }
    }

    @Tag("slow")
    @Test
    @DisplayName(
            "whoever gives the supervisor's JVM a flag, on the command line or by a variable, has decided about all")
    void flagsOfTheUserAreTheOnlyOnes() throws Exception {
        try (ClowderProcess cluster = cluster().jvmOptions("-Xmx100m").start()) {
            cluster.awaitReady(SOON);
            assertThat(command(cluster)).doesNotContain(HEAP).contains("-Xmx100m");
        }
        try (ClowderProcess cluster =
                cluster().environment("JDK_JAVA_OPTIONS", "-Xmx100m").start()) {
            cluster.awaitReady(SOON);
            assertThat(command(cluster)).noneMatch(argument -> argument.startsWith("-X"));
        }
    }
}
