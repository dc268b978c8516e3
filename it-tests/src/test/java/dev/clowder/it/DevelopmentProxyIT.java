package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.Launcher;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code clowder proxy} as a process, in front of a cluster that reads PROXY headers and, behind them, forwarding headers. */
@Tag("once")
class DevelopmentProxyIT {
    private static final Duration SOON = Duration.ofSeconds(90);
    private static final int CAN_NOT_START = 3;

    @TempDir
    static Path directory;

    private static ClowderProcess cluster;

    @BeforeAll
    static void start() throws Exception {
        cluster = ClowderProcess.builder()
                .application("/probe", Apps.write(Apps.probe("probe.war"), directory))
                .arguments("--oversubscribe", "--proxy-protocol", "required", "--forwarded-headers", "forwarded")
                .workers(1)
                .start();
        cluster.awaitReady(SOON);
    }

    @AfterAll
    static void stop() {
        cluster.close();
    }

    @Test
    @DisplayName("it finds the cluster, plays three hops and a spoofing client, says so, and ends with exit code 0")
    void itPlaysAChainInFrontOfTheRunningCluster() throws Exception {
        int port = Foreground.freePort();
        List<String> options = List.of(
                "--run-dir",
                cluster.runDir().toString(),
                "--listen",
                String.valueOf(port),
                "--headers",
                "forwarded",
                "--proxy-protocol",
                "v2",
                "--hops",
                "3",
                "--public",
                "https://shop.example.com",
                "--spoof");
        try (Foreground proxy = Foreground.start(directory, command(options)).awaitPort(port)) {
            Map<String, String> details = Details.of(HttpConnection.fresh(port, "/probe/details"));
            assertThat(details)
                    .containsEntry("remoteAddr", "203.0.113.7")
                    .containsEntry("scheme", "https")
                    .containsEntry("serverName", "shop.example.com")
                    .containsEntry("serverPort", "443")
                    .containsEntry("forwarded.ips", "[203.0.113.7, 127.0.0.11, 127.0.0.12]")
                    .containsEntry("forwarded.peer", "127.0.0.12");
            assertThat(details.get("headers")).doesNotContain("X-Real-IP", "X-Forwarded-For", "X_Forwarded_For");
            await("its line").atMost(SOON).until(() -> proxy.output().contains("GET /probe/details 200, "));
            assertThat(proxy.output())
                    .contains("clowder: proxy on http://127.0.0.1:" + port + " to http://127.0.0.1:" + cluster.port())
                    .contains("| + Forwarded: for=203.0.113.7;proto=https;host=\"shop.example.com\", for=127.0.0.11")
                    .contains("| + PROXY v2 127.0.0.12:")
                    .contains("| the client sent, all false: X-Forwarded-For, ");
            assertThat(proxy.terminate()).isZero();
        }
    }

    @Test
    @DisplayName("a port that is taken is one line and exit code 3")
    void aPortThatIsTakenIsRefused() throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            Launcher.Result refused = Launcher.ofThisBuild()
                    .run(SOON, List.of("proxy", "--to", "http://127.0.0.1:9", "--listen", "" + taken.getLocalPort()));
            assertThat(refused.exitCode()).isEqualTo(CAN_NOT_START);
            assertThat(refused.errors())
                    .isEqualTo("clowder: can't listen on 127.0.0.1:" + taken.getLocalPort()
                            + ": Address already in use\n");
        }
    }

    private static List<String> command(List<String> options) {
        Launcher launcher = Launcher.ofThisBuild();
        List<String> command = new ArrayList<>(List.of(
                launcher.javaHome().resolve("bin").resolve("java").toString(), "-XX:TieredStopAtLevel=1", "-jar"));
        command.addAll(List.of(launcher.jar().toString(), "proxy"));
        command.addAll(options);
        return command;
    }
}
