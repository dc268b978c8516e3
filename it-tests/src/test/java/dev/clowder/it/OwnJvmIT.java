package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.Launcher;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** A supervisor gives itself a small JVM, unless its user has chosen one. */
@EnabledOnOs(value = OS.LINUX, disabledReason = "elsewhere a process can't replace itself")
class OwnJvmIT {
    private static final Duration SOON = Duration.ofSeconds(90);
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
            "started with java -jar only, the supervisor has a small heap under its old pid; an upgrade chooses anew;"
                    + " standard input and signals reach it as ever")
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
            cluster.terminate();
            assertThat(cluster.awaitExit(SOON)).isZero();
        }
    }

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
