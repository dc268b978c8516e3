package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.ClusterStatus;
import dev.clowder.arquillian.Launcher;
import dev.clowder.it.app.FailingListener;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import javax.net.ssl.SSLSocketFactory;
import org.jboss.shrinkwrap.api.ShrinkWrap;
import org.jboss.shrinkwrap.api.asset.StringAsset;
import org.jboss.shrinkwrap.api.spec.WebArchive;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code clowder upgrade}: another JVM and jar in the same process, while the workers serve on. */
@Tag("once")
@EnabledOnOs(value = OS.LINUX, disabledReason = "elsewhere the supervisor is on the way of every connection")
class UpgradeIT {
    private static final Duration SOON = Duration.ofSeconds(90);
    private static final int NOT_HERE = 2;
    private static final int REFUSED = 4;

    @TempDir
    private Path files;

    private Path war;

    @BeforeEach
    void application() {
        war = Apps.write(Apps.probe("probe.war"), files);
    }

    private ClowderProcess.Builder cluster() {
        return ClowderProcess.builder().root(files).application("/", war);
    }

    private static Launcher.Result upgrade(ClowderProcess cluster) throws IOException, InterruptedException {
        return Launcher.ofThisBuild()
                .run(SOON, List.of("upgrade", "--run-dir", cluster.runDir().toString()));
    }

    @Test
    @DisplayName("behaviour 59: two upgrades keep pid and workers, lose no request and leak no descriptor;"
            + " the end of a worker is known as before")
    void anUpgradeKeepsPidAndWorkersAndLosesNoRequest() throws Exception {
        Tls tls = new Tls(files.resolve("tls"));
        SSLSocketFactory client = tls.client().getSocketFactory();
        try (ClowderProcess cluster =
                cluster().plainJvm().arguments(tls.options(0)).start()) {
            ClusterStatus before = cluster.awaitReady(SOON);
            int tlsPort = before.listeners().get(1).port();
            long pid = cluster.handle().pid();
            try (Load load = Load.start(cluster.port(), "/worker", 4, 4);
                    Load secure = Load.start(() -> HttpConnection.tls(tlsPort, client), "/worker", 1, 2, 10)) {
                Set<String> first = Succession.channels(pid);
                assertThat(upgrade(cluster).exitCode()).isZero();
                Set<String> second = Succession.channels(pid);
                Launcher.Result result = upgrade(cluster);
                assertThat(result.exitCode()).isZero();
                assertThat(result.output()).startsWith("upgraded from ").contains("pid " + pid);
                Set<String> inherited = Succession.channels(pid);
                inherited.retainAll(second);
                assertThat(inherited)
                        .as("passed on by the second upgrade, of what the first one passed on")
                        .isNotEmpty()
                        .isSubsetOf(first);
                assertThat(workers(cluster.status())).isEqualTo(workers(before));
                assertThat(cluster.status().listeners()).isEqualTo(before.listeners());
                load.stop();
                secure.stop();
                assertThat(load.failures()).isEmpty();
                assertThat(secure.failures()).isEmpty();
                assertThat(secure.answers()).isPositive();
            }
            long killed = before.worker(1).pid();
            ProcessHandle.of(killed).orElseThrow().destroyForcibly();
            await("a new worker")
                    .atMost(SOON)
                    .until(() -> cluster.status().worker(1).id() == 3);
            assertThat(cluster.awaitReady(SOON).worker(1).lastExit().signal()).isEqualTo("SIGKILL");
            assertThat(Path.of("/proc", String.valueOf(killed))).as("a zombie").doesNotExist();
            cluster.terminate();
            assertThat(cluster.awaitExit(SOON)).isZero();
            assertThat(cluster.runDir()).doesNotExist();
        }
    }

    @Tag("slow")
    @Test
    @DisplayName("behaviour 58: an upgrade that the new one would not survive is refused with its words (exit code 4),"
            + " and the old one goes on")
    void aConfigurationThatDoesNotWorkAnyMoreLeavesTheOldOneRunning() throws Exception {
        Path config = Files.writeString(files.resolve("clowder.properties"), "drain-timeout = 5s\n");
        try (ClowderProcess cluster =
                cluster().workers(1).arguments("--config", config.toString()).start()) {
            List<String> before = workers(cluster.awaitReady(SOON));
            Files.writeString(config, "drain-timeout = soon\n");
            Launcher.Result refused = upgrade(cluster);
            assertThat(refused.exitCode()).isEqualTo(REFUSED);
            assertThat(refused.errors().strip()).hasLineCount(1).contains("soon");
            assertThat(workers(cluster.status())).isEqualTo(before);

            Files.writeString(config, "drain-timeout = 6s\n");
            assertThat(upgrade(cluster).exitCode()).isZero();
            assertThat(workers(cluster.status())).isEqualTo(before);
        }
    }

    @Test
    @DisplayName("an upgrade that replaces the workers goes on with what was deployed and with how many there are")
    void whatWasDeployedAndScaledIsThereAfterAnUpgrade() throws Exception {
        Path config = Files.writeString(files.resolve("clowder.properties"), "expose-worker = false\n");
        Path deployed = Apps.write(
                Apps.probe("deployed.war").addAsWebResource(new StringAsset("second"), "version.txt"), files);
        try (ClowderProcess cluster =
                cluster().workers(1).arguments("--config", config.toString()).start()) {
            int first = cluster.awaitReady(SOON).worker(1).id();
            String directory = cluster.runDir().toString();
            assertThat(Launcher.ofThisBuild()
                            .run(SOON, List.of("deploy", "--run-dir", directory, deployed.toString()))
                            .exitCode())
                    .isZero();
            int second = cluster.status().worker(1).id();
            assertThat(second).isGreaterThan(first);
            assertThat(Launcher.ofThisBuild()
                            .run(SOON, List.of("scale", "--run-dir", directory, "2"))
                            .exitCode())
                    .isZero();

            Files.writeString(config, "expose-worker = true\n");
            Launcher.Result result = upgrade(cluster);

            assertThat(result.exitCode()).as(result.errors()).isZero();
            assertThat(cluster.status().workers())
                    .hasSize(2)
                    .allMatch(
                            worker -> worker.id() > second + 1 && worker.state().equals("READY"));
            assertThat(HttpConnection.fresh(cluster.port(), "/version.txt").body())
                    .isEqualTo("second");
        }
    }

    @Tag("slow")
    @Test
    @DisplayName("failure 11: workers of the new version that don't start are refused with their words (exit code 4):"
            + " the supervisor is the new one, the old workers serve on, and no request is lost")
    void anUpgradeWhoseWorkersDontStartSaysSo() throws Exception {
        try (ClowderProcess cluster = cluster().workers(1).start()) {
            List<String> before = workers(cluster.awaitReady(SOON));
            Apps.write(ShrinkWrap.create(WebArchive.class, "probe.war").addClass(FailingListener.class), files);
            try (Load load = Load.start(cluster.port(), "/worker", 2, 2)) {
                Launcher.Result refused = upgrade(cluster);
                assertThat(refused.exitCode()).as(refused.errors()).isEqualTo(REFUSED);
                assertThat(refused.errors())
                        .contains("upgraded from ")
                        .contains("but not the workers")
                        .contains("did not start");
                load.stop();
                assertThat(load.failures()).isEmpty();
            }
            assertThat(workers(cluster.status())).isEqualTo(before);
        }
    }

    @Tag("slow")
    @ParameterizedTest
    @CsvSource({"--accept, relay", "--orphan-timeout, 0s"})
    @DisplayName(
            "where workers can't serve without their supervisor an upgrade is refused with the reason (exit code 2)")
    void whereWorkersCantServeAloneAnUpgradeIsRefused(String option, String value) throws Exception {
        try (ClowderProcess cluster =
                cluster().workers(1).arguments(option, value).start()) {
            List<String> before = workers(cluster.awaitReady(SOON));
            Launcher.Result refused = upgrade(cluster);
            assertThat(refused.exitCode()).isEqualTo(NOT_HERE);
            assertThat(refused.errors().strip()).hasLineCount(1).contains(option + " " + value);
            assertThat(workers(cluster.status())).isEqualTo(before);
        }
    }

    private static List<String> workers(ClusterStatus status) {
        return status.workers().stream()
                .map(worker -> worker.slot() + "/" + worker.id() + " pid " + worker.pid())
                .toList();
    }
}
