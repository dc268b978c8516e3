package dev.clowder.it;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.Launcher;
import dev.clowder.it.app.FailingListener;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.jboss.shrinkwrap.api.ShrinkWrap;
import org.jboss.shrinkwrap.api.spec.WebArchive;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What cannot work is refused with one line that names the culprit and the exit code of the contract, and leaves neither
 * a process nor a file.
 */
@EnabledOnOs(value = OS.LINUX, disabledReason = "processes left behind are found through /proc")
@Tag("once")
class BadInputIT {
    private static final Duration SOON = Duration.ofSeconds(60);
    private static final int WRONG_USAGE = 2;
    private static final int CAN_NOT_START = 3;
    private static final int NO_CLUSTER = 5;

    @TempDir
    private Path files;

    private Path war;
    private Path runDir;

    @BeforeEach
    void application() {
        war = Apps.write(Apps.probe("probe.war"), files);
        runDir = files.resolve("run");
    }

    /** Runs it, with a free port and two workers; nobody may be left. */
    private Launcher.Result run(String... arguments) throws IOException, InterruptedException {
        return new Marked().clowder(SOON, command(arguments));
    }

    private List<String> command(String... arguments) {
        List<String> command =
                new ArrayList<>(List.of("run", "--address", "127.0.0.1", "--run-dir", runDir.toString()));
        List<String> given = List.of(arguments);
        if (!given.contains("--port")) {
            command.addAll(List.of("--port", "0"));
        }
        if (!given.contains("--workers")) {
            command.addAll(List.of("--workers", String.valueOf(Math.min(2, processors()))));
        }
        command.addAll(given);
        return command;
    }

    private static int processors() {
        return Runtime.getRuntime().availableProcessors();
    }

    private void assertRefused(Launcher.Result result, int exitCode, String... culprits) {
        assertThat(result.exitCode()).as(result.toString()).isEqualTo(exitCode);
        assertThat(result.errors().strip())
                .hasLineCount(1)
                .startsWith("clowder: ")
                .contains(culprits);
        assertThat(result.output()).isEmpty();
        assertThat(Files.exists(runDir)).as("run directory").isFalse();
    }

    @Test
    void aMissingWarIsNamed() throws Exception {
        Path missing = files.resolve("missing.war");
        assertRefused(run(missing.toString()), WRONG_USAGE, missing.toString());
    }

    @Test
    void aWarThatIsNoArchiveIsNamed() throws Exception {
        Path broken = Files.writeString(files.resolve("broken.war"), "PK, but not really");
        assertRefused(run("/shop=" + broken), WRONG_USAGE, broken.toString());
    }

    @Test
    void aWarThatWasCutInHalfIsNamed() throws Exception {
        byte[] whole = Files.readAllBytes(war);
        Path half = files.resolve("half.war");
        Files.write(half, java.util.Arrays.copyOf(whole, whole.length / 2));
        assertRefused(run(half.toString()), WRONG_USAGE, half.toString());
    }

    @Test
    void aFileThatIsNoWarIsNamed() throws Exception {
        Path text = Files.writeString(files.resolve("readme.txt"), "not an application");
        assertRefused(run(text.toString()), WRONG_USAGE, text.toString());
    }

    @Test
    void twoApplicationsOnOnePathAreNamed() throws Exception {
        assertRefused(run("/a=" + war, "/a=" + files), WRONG_USAGE, "/a", war.toString());
    }

    @Test
    void noApplicationIsWrongUsage() throws Exception {
        assertRefused(run(), WRONG_USAGE, "APP");
    }

    @Test
    void anUnknownOptionIsNamed() throws Exception {
        assertRefused(run("--prot", "80", war.toString()), WRONG_USAGE, "--prot");
    }

    @ParameterizedTest
    @ValueSource(strings = {"-1", "65536", "http"})
    void aPortThatIsNoneIsNamed(String port) throws Exception {
        assertRefused(run("--port", port, war.toString()), WRONG_USAGE, "--port", port);
    }

    @Test
    void moreWorkersThanProcessorsAreRefusedWithBothNumbers() throws Exception {
        String tooMany = String.valueOf(processors() + 1);
        assertRefused(
                run("--workers", tooMany, war.toString()),
                WRONG_USAGE,
                "--workers " + tooMany,
                " " + processors() + " ",
                "--oversubscribe");
    }

    @ParameterizedTest
    @ValueSource(strings = {"10.0.0.0/0", "10.*", "somebody", "::ffff:10.0.0.0/8"})
    @DisplayName("a rule of trust that cannot be right is named (T4)")
    void aTrustRuleThatCanNotBeRightIsNamed(String rule) throws Exception {
        assertRefused(run("--trust", rule, war.toString()), WRONG_USAGE, "--trust", rule);
    }

    @Test
    void anUnknownAcceptModeIsNamed() throws Exception {
        assertRefused(run("--accept", "magic", war.toString()), WRONG_USAGE, "--accept", "magic");
    }

    @Test
    void aJavaThatIsNotThereIsNamed() throws Exception {
        assertRefused(run("--java", "/no/such/jdk", war.toString()), WRONG_USAGE, "--java", "/no/such/jdk");
    }

    @Test
    void aJavaThatIsNoJavaIsNamed() throws Exception {
        Path script = Files.writeString(files.resolve("java"), "#!/bin/sh\necho not today\nexit 1\n");
        Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwxr-xr-x"));
        assertRefused(run("--java", script.toString(), war.toString()), WRONG_USAGE, "--java", script.toString());
    }

    @ParameterizedTest
    @ValueSource(strings = {"shared", "relay"})
    @DisplayName("failure 13: a port in use is named in every mode")
    void aPortInUseIsNamed(String mode) throws Exception {
        refusedPort(mode);
    }

    /** Returns a port that was refused because it was taken, and is free now. */
    private int refusedPort(String mode) throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            String port = String.valueOf(taken.getLocalPort());
            assertRefused(run("--accept", mode, "--port", port, war.toString()), CAN_NOT_START, port);
            return taken.getLocalPort();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"shared", "relay"})
    @DisplayName("behaviour 32: a privileged port gives a permission error in every mode")
    void aPrivilegedPortIsAPermissionError(String mode) throws Exception {
        List<String> command = new ArrayList<>(withoutRightToBind());
        Launcher launcher = Launcher.ofThisBuild();
        command.addAll(
                List.of(launcher.javaHome().resolve("bin").resolve("java").toString(), "-jar"));
        command.add(launcher.jar().toString());
        command.addAll(command("--accept", mode, "--port", "81", war.toString()));
        assertRefused(new Marked().run(SOON, command), CAN_NOT_START, "81", "ermission");
    }

    /** What to put in front of a command so that it may not bind port 81; nothing for an ordinary user. */
    private static List<String> withoutRightToBind() throws IOException {
        Path first = Path.of("/proc/sys/net/ipv4/ip_unprivileged_port_start");
        assumeTrue(
                // Not readString, which takes the first byte of such a file for all of it.
                !Files.exists(first)
                        || Integer.parseInt(Files.readAllLines(first).get(0)) > 81,
                "this machine has no privileged ports (ip_unprivileged_port_start)");
        if (!mayBind()) {
            return List.of();
        }
        assumeTrue(
                Files.isExecutable(Path.of("/usr/bin/setpriv")),
                "this user may bind privileged ports, and there is no setpriv to give that up");
        return List.of("/usr/bin/setpriv", "--inh-caps=-net_bind_service", "--bounding-set=-net_bind_service");
    }

    private static boolean mayBind() {
        try (ServerSocket socket = new ServerSocket()) {
            socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 81));
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    @Test
    @DisplayName("failure 40: the run directory of a living cluster is refused and not disturbed;"
            + " behaviour 31: a port that was in use works when it is free")
    void theRunDirectoryOfALivingClusterIsRefused() throws Exception {
        try (ClowderProcess cluster = ClowderProcess.builder()
                .workers(1)
                .port(refusedPort("shared"))
                .runDir(runDir)
                .application("/", war)
                // Its training would come and go among the files and processes that are compared here.
                .arguments("--class-archive", "off")
                .start()) {
            cluster.awaitReady(SOON);
            List<String> before = names(runDir);
            // What Marked relies on in all the other tests.
            assertThat(cluster.children())
                    .isNotEmpty()
                    .allSatisfy(worker -> assertThat(environment(worker)).isEqualTo(environment(cluster.handle())));
            Launcher.Result second = run(war.toString());
            assertThat(second.exitCode()).isEqualTo(CAN_NOT_START);
            assertThat(second.errors().strip())
                    .hasLineCount(1)
                    .contains(runDir.toString(), String.valueOf(cluster.handle().pid()));
            assertThat(names(runDir)).isEqualTo(before);
            assertThat(HttpConnection.fresh(cluster.port(), "/worker").status()).isEqualTo(200);
        }
    }

    private static Set<String> environment(ProcessHandle process) throws IOException {
        Path file = Path.of("/proc", String.valueOf(process.pid()), "environ");
        return Set.of(Files.readString(file, ISO_8859_1).split("\0", -1));
    }

    @Test
    @DisplayName("control: a process that is left behind would be found")
    void aProcessLeftBehindWouldBeFound() {
        assertThatThrownBy(() -> new Marked().run(SOON, List.of("sh", "-c", "sleep 60 >/dev/null 2>&1 &")))
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining("left processes behind");
    }

    private static List<String> names(Path directory) throws IOException {
        try (Stream<Path> entries = Files.list(directory)) {
            return entries.map(Path::toString).sorted().toList();
        }
    }

    @Test
    @DisplayName("a run directory that cannot be made is named")
    void aRunDirectoryThatCanNotBeMadeIsNamed() throws Exception {
        Path file = Files.writeString(files.resolve("file"), "in the way");
        runDir = file.resolve("run");
        assertRefused(run(war.toString()), WRONG_USAGE, "--run-dir", runDir.toString());
        runDir = Path.of("/proc/clowder");
        assertRefused(run(war.toString()), WRONG_USAGE, "--run-dir", runDir.toString());
    }

    @Test
    @DisplayName("a run directory of somebody else is refused, and nothing is written into it")
    void aRunDirectoryOfSomebodyElseIsRefused() throws Exception {
        Path somebodys = Path.of("/usr").toRealPath();
        boolean root = "root".equals(System.getProperty("user.name"));
        if (root) {
            somebodys = Files.createDirectory(files.resolve("theirs"));
            Files.setAttribute(somebodys, "unix:uid", 65534);
        }
        List<String> before = names(somebodys);
        runDir = somebodys;
        Launcher.Result result = run(war.toString());
        assertThat(result.exitCode()).isEqualTo(WRONG_USAGE);
        assertThat(result.errors().strip()).hasLineCount(1).contains("--run-dir", somebodys.toString());
        assertThat(names(somebodys)).isEqualTo(before);
    }

    @Test
    @DisplayName("an application that fails to deploy: exit code 3, its exception once, not once for each worker")
    void anApplicationThatFailsToDeployShowsItsExceptionOnce() throws Exception {
        Path failing =
                Apps.write(ShrinkWrap.create(WebArchive.class, "failing.war").addClass(FailingListener.class), files);
        Launcher.Result result = run("/shop=" + failing);
        assertThat(result.exitCode()).as(result.toString()).isEqualTo(CAN_NOT_START);
        String all = result.output() + result.errors();
        assertThat(all.split("the database of this shop is closed today", -1))
                .as(all)
                .hasSize(2);
        assertThat(all.lines().filter(line -> line.contains("clowder: can't start")))
                .singleElement()
                .asString()
                .contains("/shop");
        // Who comes later finds the cause, and nothing else.
        assertThat(names(runDir)).containsExactly(runDir.resolve("logs").toString());
        assertThat(runDir.resolve("logs").resolve("slot-1.log"))
                .content()
                .contains("the database of this shop is closed today");
    }

    @ParameterizedTest
    @ValueSource(strings = {"status", "stop", "logs"})
    void aCommandWithoutAClusterSaysSo(String command) throws Exception {
        Launcher.Result result = new Marked().clowder(SOON, List.of(command, "--run-dir", runDir.toString()));
        assertRefused(result, NO_CLUSTER, runDir.toString());
    }

    @Test
    void anUnknownCommandIsNamed() throws Exception {
        Launcher.Result result = new Marked().clowder(SOON, List.of("fly"));
        assertRefused(result, WRONG_USAGE, "fly");
    }

    /** Runs an installed Tomcat with this {@code server.xml}; nobody may be left. */
    private Launcher.Result runInstalled(String serverXml, String... arguments)
            throws IOException, InterruptedException {
        Path base = files.resolve("base");
        Path home = Path.of(System.getProperty("tomcat.11"));
        Files.createDirectories(base.resolve("conf"));
        Files.writeString(base.resolve("conf/server.xml"), serverXml);
        List<String> command = new ArrayList<>(List.of("run", "--catalina-base", base.toString()));
        command.addAll(List.of("--catalina-home", home.toString(), "--run-dir", runDir.toString()));
        command.addAll(List.of("--log-dir", files.resolve("logs").toString()));
        command.addAll(List.of(arguments));
        return new Marked().clowder(SOON, command);
    }

    @Test
    void aServerXmlThatCanNotBeParsedIsNamedWithTheLine() throws Exception {
        assertRefused(
                runInstalled("<Server>\n<Service>\n</Server>"), WRONG_USAGE, "conf/server.xml line 3", "\"Service\"");
    }

    @Test
    void aDirectoryWithoutATomcatIsNamed() throws Exception {
        Launcher.Result result = new Marked()
                .clowder(SOON, List.of("run", "--catalina-base", files.toString(), "--run-dir", runDir.toString()));
        assertRefused(result, WRONG_USAGE, "--catalina-base " + files, "conf/server.xml");
    }

    @Test
    void anApplicationBesideAnInstalledTomcatIsRefused() throws Exception {
        String good = "<Server><Service><Connector port=\"0\"/></Service></Server>";
        assertRefused(runInstalled(good, war.toString()), WRONG_USAGE, war.toString(), "--catalina-base");
    }

    @Test
    void aPortOfServerXmlThatIsInUseIsNamedWithItsLine() throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            int port = taken.getLocalPort();
            String xml =
                    "<Server><Service>\n<Connector address=\"127.0.0.1\" port=\"" + port + "\"/></Service></Server>";
            assertRefused(runInstalled(xml), CAN_NOT_START, String.valueOf(port), "server.xml line 2");
        }
    }

    @Test
    void aClassOfServerXmlThatIsNotThereIsNamedWithItsLine() throws Exception {
        Launcher.Result result = runInstalled("""
                <Server><Service name="Catalina"><Connector port="0"/><Engine name="Catalina" defaultHost="localhost">
                <Valve className="com.example.NoSuchValve"/>
                </Engine></Service></Server>""");
        assertThat(result.exitCode()).isEqualTo(CAN_NOT_START);
        assertThat(result.output()).contains("conf/server.xml line 2", "com.example.NoSuchValve");
        assertThat(Files.exists(runDir)).isFalse();
    }
}
