package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.Launcher;
import dev.clowder.arquillian.Running;
import java.io.IOException;
import java.net.ConnectException;
import java.net.SocketTimeoutException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** How a cluster ends, asked or not. */
@Tag("once")
class StopIT {
    private static final Duration SOON = Duration.ofSeconds(60);

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

    @ParameterizedTest
    @ValueSource(strings = {"shared", "round-robin", "relay"})
    @DisplayName(
            "behaviour 57: TERM closes the port at once, finishes the request in flight and exits 0, with nobody left")
    void termFinishesTheRequestInFlightAndExitsZero(String accept) throws Exception {
        try (ClowderProcess cluster = cluster().arguments("--accept", accept).start()) {
            cluster.awaitReady(SOON);
            List<ProcessHandle> workers = cluster.children();
            assertThat(workers).hasSizeGreaterThanOrEqualTo(2);
            try (HttpConnection idle = HttpConnection.open(cluster.port());
                    HttpConnection other = HttpConnection.open(cluster.port());
                    InFlight request = InFlight.start(cluster.port(), "/upload")) {
                assertThat(idle.get("/worker").status()).isEqualTo(200);
                assertThat(other.get("/worker").status()).isEqualTo(200);
                cluster.terminate();
                awaitRefused(cluster);
                // Connections without a request are closed after a moment; one that waits for its body is not.
                awaitClosed(idle);
                awaitClosed(other);
                assertThat(cluster.handle().isAlive())
                        .as("it waits for the request")
                        .isTrue();
                request.assertFinishes();
            }
            assertThat(cluster.awaitExit(SOON)).isZero();
            assertThat(workers).noneMatch(Running::is);
            assertThat(cluster.runDir()).as("the run directory").doesNotExist();
        }
    }

    @Test
    @DisplayName("the stop command stops the cluster, waits for that, and a second one finds no cluster (exit code 5)")
    void theStopCommandWaitsUntilTheClusterIsGone() throws Exception {
        try (ClowderProcess cluster = cluster().workers(1).start()) {
            cluster.awaitReady(SOON);
            List<ProcessHandle> workers = cluster.children();
            assertThat(cluster.command("stop").exitCode()).isZero();
            assertThat(workers).noneMatch(Running::is);
            assertThat(cluster.awaitExit(SOON)).isZero();
            Launcher.Result again = cluster.command("stop");
            assertThat(again.exitCode()).isEqualTo(5);
            assertThat(again.errors()).contains(cluster.runDir().toString()).hasLineCount(1);
        }
    }

    @Test
    @DisplayName("--stop-on-eof: when standard input ends, so does the cluster, with exit code 0")
    void theEndOfStandardInputStopsTheCluster() throws Exception {
        try (ClowderProcess cluster = cluster().workers(1).start()) {
            cluster.awaitReady(SOON);
            List<ProcessHandle> workers = cluster.children();
            cluster.endInput();
            assertThat(cluster.awaitExit(SOON)).isZero();
            assertThat(workers).noneMatch(Running::is);
        }
    }

    @Tag("slow")
    @Test
    @DisplayName(
            "failure 1: with --orphan-timeout 0s, after kill -9 of the supervisor its workers finish what they have and are gone;"
                    + " a new one starts on the same port and run directory")
    void afterTheDeathOfTheSupervisorNobodyIsLeftAndANewOneStarts() throws Exception {
        Path runDir = files.resolve("run");
        int port;
        try (ClowderProcess cluster =
                cluster().arguments("--orphan-timeout", "0s").runDir(runDir).start()) {
            cluster.awaitReady(SOON);
            port = cluster.port();
            List<ProcessHandle> workers = cluster.children();
            assertThat(workers).hasSizeGreaterThanOrEqualTo(2);
            try (InFlight request = InFlight.start(port, "/upload")) {
                cluster.kill();
                cluster.awaitExit(SOON);
                request.assertFinishes();
            }
            // A ProcessHandle is a pid and a start time: a stranger with the same pid is not taken for an orphan.
            await("no orphan").atMost(SOON).until(() -> workers.stream().noneMatch(Running::is));
        }
        assertThat(runDir).as("what the dead cluster left").isNotEmptyDirectory();
        try (ClowderProcess next =
                cluster().workers(1).port(port).runDir(runDir).start()) {
            next.awaitReady(SOON);
            assertThat(HttpConnection.fresh(port, "/worker").status()).isEqualTo(200);
            next.terminate();
            assertThat(next.awaitExit(SOON)).isZero();
        }
        assertThat(Files.exists(runDir)).isFalse();
    }

    private static void awaitClosed(HttpConnection connection) {
        assertThatThrownBy(connection::readHead)
                .isInstanceOf(IOException.class)
                .isNotInstanceOf(SocketTimeoutException.class);
    }

    private static void awaitRefused(ClowderProcess cluster) {
        await("the port is closed").atMost(SOON).until(() -> isRefused(cluster.port()));
    }

    private static boolean isRefused(int port) {
        try {
            HttpConnection.open(port).close();
            return false;
        } catch (ConnectException e) {
            return true;
        } catch (IOException e) {
            throw new AssertionError("neither open nor closed", e);
        }
    }
}
