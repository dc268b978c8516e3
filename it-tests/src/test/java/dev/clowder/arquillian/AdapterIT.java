package dev.clowder.arquillian;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.clowder.it.app.FailingListener;
import dev.clowder.it.app.WorkerServlet;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jboss.arquillian.container.spi.client.container.DeploymentException;
import org.jboss.arquillian.container.spi.client.protocol.metadata.HTTPContext;
import org.jboss.arquillian.container.spi.client.protocol.metadata.ProtocolMetaData;
import org.jboss.shrinkwrap.api.ShrinkWrap;
import org.jboss.shrinkwrap.api.asset.StringAsset;
import org.jboss.shrinkwrap.api.spec.JavaArchive;
import org.jboss.shrinkwrap.api.spec.WebArchive;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The adapter where it is not carried by other tests: several deployments, everything that goes wrong. */
@Tag("once")
class AdapterIT {
    private static final Duration SOON = Duration.ofSeconds(60);

    @TempDir
    private Path root;

    private final ClowderContainer container = new ClowderContainer();
    private final ClowderConfiguration configuration = new ClowderConfiguration();

    @BeforeEach
    void setup() throws Exception {
        configuration.setRunDirRoot(root.toString());
        configuration.setWorkers(1);
        configuration.validate();
        container.setup(configuration);
        container.start();
    }

    @AfterEach
    void stop() throws IOException {
        container.stop();
        assertNoFiles();
    }

    private void assertNoFiles() throws IOException {
        try (Stream<Path> left = Files.list(root)) {
            assertThat(left).isEmpty();
        }
    }

    private static WebArchive archive(String name) {
        return ShrinkWrap.create(WebArchive.class, name).addClass(WorkerServlet.class);
    }

    private static ClowderProcess process(ProtocolMetaData deployed) {
        return deployed.getContexts(ClowderProcess.class).iterator().next();
    }

    private static URI uri(ProtocolMetaData deployed) {
        HTTPContext context = deployed.getContexts(HTTPContext.class).iterator().next();
        return context.getServletByName("ArquillianServletRunnerEE9").getBaseURI();
    }

    private static int status(URI base) throws IOException {
        HttpURLConnection connection =
                (HttpURLConnection) base.resolve("worker").toURL().openConnection();
        connection.setReadTimeout((int) SOON.toMillis());
        return connection.getResponseCode();
    }

    @Tag("slow")
    @Test
    @DisplayName("several deployments of one container are several launchers, each with its own URL and its own end")
    void severalDeploymentsHaveTheirOwnLaunchers() throws Exception {
        WebArchive shop = archive("shop#api##2.war");
        WebArchive other = archive("ROOT.war");
        ProtocolMetaData first = container.deploy(shop);
        ProtocolMetaData second = container.deploy(other);
        assertThat(uri(first).getPath()).isEqualTo("/shop/api/");
        assertThat(uri(second).getPath()).isEqualTo("/");
        assertThat(uri(first).getPort()).isNotEqualTo(uri(second).getPort());
        assertThat(status(uri(first))).isEqualTo(200);

        container.undeploy(shop);
        assertThat(process(first).handle().isAlive()).isFalse();
        assertThat(process(first).children()).isEmpty();
        assertThat(status(uri(second))).isEqualTo(200);
        container.undeploy(other);
        assertThat(process(second).children()).isEmpty();
        assertNoFiles();
    }

    @Tag("slow")
    @Test
    @DisplayName("once a class archive was waited for, the workers of later deployments start from it")
    void laterDeploymentsStartFromTheClassArchive() throws Exception {
        WebArchive shop = archive("shop.war");
        process(container.deploy(shop)).awaitArchive(Duration.ofMinutes(3));
        container.undeploy(shop);
        ClusterStatus.ClassArchive archive =
                process(container.deploy(shop)).status().supervisor().classArchive();
        assertThat(archive.state()).as(archive.toString()).isIn("ready", "used");
        container.undeploy(shop);
    }

    @Tag("slow")
    @Test
    @DisplayName("undeploying survives a launcher that was killed, and leaves neither workers nor files")
    void undeploySurvivesADeadLauncher() throws Exception {
        WebArchive shop = archive("shop.war");
        ClowderProcess process = process(container.deploy(shop));
        List<ProcessHandle> workers = process.children();
        process.handle().destroyForcibly();
        container.undeploy(shop);
        container.undeploy(shop);
        assertThat(workers).isNotEmpty().noneMatch(Running::is);
        assertNoFiles();
    }

    @Test
    @DisplayName("workers that accept for themselves leave when their launcher was killed, also if nobody undeploys")
    void workersLeaveWithTheirLauncher() throws Exception {
        configuration.setSpreadRequests(false);
        WebArchive shop = archive("shop.war");
        ClowderProcess process = process(container.deploy(shop));
        List<ProcessHandle> workers = process.children();
        assertThat(workers).isNotEmpty().allMatch(Running::is);
        process.kill();
        await("nobody serves for a launcher that does not come back")
                .atMost(Duration.ofSeconds(20))
                .until(() -> workers.stream().noneMatch(Running::is));
        container.undeploy(shop);
        assertNoFiles();
    }

    @Test
    @DisplayName("an application that fails is a DeploymentException with the launcher's own line and the exception")
    void aFailingApplicationIsADeploymentException() {
        WebArchive failing = archive("failing.war").addClass(FailingListener.class);
        assertThatThrownBy(() -> container.deploy(failing))
                .isInstanceOf(DeploymentException.class)
                .hasMessageMatching("(?s)failing.war was not deployed: the launcher ended with exit code 3:"
                        + " (\\S+ )?clowder: can't start: [^\n]*/failing .*")
                .hasMessageContaining("the database of this shop is closed today");
    }

    @Tag("slow")
    @Test
    @DisplayName("a broken descriptor is a DeploymentException at once")
    void aBrokenDescriptorIsADeploymentException() {
        WebArchive broken = archive("broken.war").addAsWebInfResource(new StringAsset("<web-app><oops"), "web.xml");
        assertThatThrownBy(() -> container.deploy(broken))
                .isInstanceOf(DeploymentException.class)
                .hasMessageContaining("the launcher ended with exit code 3");
    }

    @Tag("slow")
    @Test
    @DisplayName(
            "with catalinaHome an installed Tomcat serves the application; one that fails is a DeploymentException too")
    void anInstalledTomcatServesTheApplication() throws Exception {
        configuration.setCatalinaHome(System.getProperty("tomcat.10"));
        configuration.validate();
        WebArchive shop = archive("shop#api.war");
        ProtocolMetaData deployed = container.deploy(shop);
        assertThat(uri(deployed).getPath()).isEqualTo("/shop/api/");
        assertThat(status(uri(deployed))).isEqualTo(200);
        assertThat(process(deployed).output()).contains("[Apache Tomcat/10.1.");
        container.undeploy(shop);

        WebArchive failing = archive("failing.war").addClass(FailingListener.class);
        assertThatThrownBy(() -> container.deploy(failing))
                .isInstanceOf(DeploymentException.class)
                .hasMessageContaining("failing.war was not deployed: the application did not start")
                .hasMessageContaining("the database of this shop is closed today");
    }

    @Test
    void anArchiveThatIsNoWebArchiveIsRefusedByName() {
        assertThatThrownBy(() -> container.deploy(ShrinkWrap.create(JavaArchive.class, "tool.jar")))
                .isInstanceOf(DeploymentException.class)
                .hasMessageContaining("tool.jar");
    }

    @Test
    void anOptionThatTheLauncherDoesNotKnowIsShownInItsOwnWords() {
        configuration.setArguments("--prot 80");
        assertThatThrownBy(() -> container.deploy(archive("shop.war")))
                .isInstanceOf(DeploymentException.class)
                .hasMessageContaining("exit code 2")
                .hasMessageContaining("--prot");
    }

    @Tag("slow")
    @Test
    @DisplayName("a launcher that is not ready in time is stopped, and what it wrote is shown")
    void aLauncherThatIsNotReadyInTimeIsStopped() throws IOException {
        configuration.setStartupTimeoutSeconds(1);
        WebArchive slow = archive("slow.war").addClass(SlowListener.class);
        assertThatThrownBy(() -> container.deploy(slow))
                .isInstanceOf(DeploymentException.class)
                .hasMessageContaining("was not ready within 1 s")
                .hasMessageContaining("--- output of the launcher ---");
        assertNoFiles();
    }

    @Test
    @DisplayName("in the container: green is green, red is red with its message, a server that ends is an error")
    void resultsFromInsideTheContainerAreTold(@TempDir Path temporary) throws Exception {
        List<String> results = new ArrayList<>();
        Process jvm = jvm(temporary, "tests", InContainerControls.class.getName());
        try (BufferedReader out = jvm.inputReader(StandardCharsets.UTF_8)) {
            out.lines()
                    .filter(line -> line.matches("(SUCCESSFUL|FAILED|ABORTED) .*"))
                    .forEach(results::add);
            assertThat(jvm.waitFor(SOON.toSeconds(), TimeUnit.SECONDS)).isTrue();
        } finally {
            jvm.destroyForcibly();
        }
        assertThat(results).filteredOn(line -> line.startsWith("SUCCESSFUL")).hasSize(5);
        assertThat(results)
                .filteredOn(line -> line.startsWith("FAILED"))
                .hasSize(2)
                .anySatisfy(line -> assertThat(line).contains("failsOnPurpose", "red on purpose in worker "))
                .anySatisfy(line -> assertThat(line).contains("endsItsServer", "Error launching test"));
    }

    @Test
    @DisplayName("kill -9 of the test JVM leaves no launcher and no worker behind")
    void aKilledTestJvmLeavesNobodyBehind(@TempDir Path temporary) throws Exception {
        Process jvm = jvm(temporary, "deploy");
        List<ProcessHandle> processes = new ArrayList<>();
        try (BufferedReader out = jvm.inputReader(StandardCharsets.UTF_8)) {
            List<String> said = new ArrayList<>();
            String pids = out.lines()
                    .peek(said::add)
                    .filter(line -> line.startsWith("PIDS "))
                    .findFirst()
                    .orElseThrow(() -> new AssertionError("the test JVM did not deploy: " + said));
            Arrays.stream(pids.split(" "))
                    .skip(1)
                    .map(pid -> ProcessHandle.of(Long.parseLong(pid)).orElseThrow())
                    .forEach(processes::add);
            assertThat(processes).hasSizeGreaterThanOrEqualTo(3).allMatch(ProcessHandle::isAlive);
            jvm.destroyForcibly();
            await("nobody is left").atMost(SOON).until(() -> processes.stream().noneMatch(Running::is));
        } finally {
            jvm.destroyForcibly();
            processes.forEach(ProcessHandle::destroyForcibly);
        }
    }

    private static Process jvm(Path temporary, String... arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                "-Dclowder.jar=" + Launcher.findJar(),
                "-Djava.io.tmpdir=" + temporary,
                ControlMain.class.getName()));
        command.addAll(List.of(arguments));
        return new ProcessBuilder(command).redirectErrorStream(true).start();
    }
}
