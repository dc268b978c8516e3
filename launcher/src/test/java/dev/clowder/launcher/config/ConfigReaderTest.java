package dev.clowder.launcher.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.list;
import static org.assertj.core.api.InstanceOfAssertFactories.type;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("once")
class ConfigReaderTest {
    private static final int PROCESSORS = Runtime.getRuntime().availableProcessors();

    @TempDir
    Path temporary;

    private Path war;

    @BeforeEach
    void makeWar() throws IOException {
        war = war("shop.war");
    }

    @Test
    void oneWorkerPerProcessorOnPort8080IsTheDefault() throws Exception {
        LauncherConfig config = read(war.toString());
        assertThat(config.workers()).isEqualTo(PROCESSORS);
        assertThat(config.listeners().get(0).address().getPort()).isEqualTo(8080);
        assertThat(config.listeners().get(0).address().getAddress().isAnyLocalAddress())
                .isTrue();
        assertThat(config.trust()).isEqualTo("loopback");
        assertThat(config.forwardedHeaders()).isEqualTo("x-forwarded");
        assertThat(config.proxyProtocol()).isEqualTo("off");
        assertThat(config.accept()).isEqualTo(AcceptMode.AUTO);
        assertThat(config.timeouts())
                .isEqualTo(new Timeouts(
                        Duration.ofSeconds(60),
                        Duration.ofSeconds(30),
                        Duration.ofSeconds(10),
                        Duration.ofSeconds(30),
                        Duration.ofSeconds(60)));
    }

    @Test
    void theAdminPageIsForThisMachineUnlessThereIsAToken() throws Exception {
        assertThat(read(war.toString()).reporting()).isEqualTo(Reporting.NONE);
        Reporting.Admin local =
                read("--admin", "9000", war.toString()).reporting().admin();
        assertThat(local.address().getAddress().isLoopbackAddress()).isTrue();
        assertThat(local.address().getPort()).isEqualTo(9000);
        assertThat(local.token()).isNull();
        Path secret = Files.writeString(temporary.resolve("secret"), "0123456789abcdef\n");
        Files.setPosixFilePermissions(secret, PosixFilePermissions.fromString("rw-------"));
        Reporting.Admin open = read("--admin", "0.0.0.0:9000", "--admin-token", secret.toString(), war.toString())
                .reporting()
                .admin();
        assertThat(open.token()).isEqualTo("0123456789abcdef");
        assertThat(open.toString()).doesNotContain("0123456789abcdef");
    }

    @Test
    void whatTheClusterTellsIsCheckedToo() throws Exception {
        Path secret = Files.writeString(temporary.resolve("secret"), "0123456789abcdef\n");
        Files.setPosixFilePermissions(secret, PosixFilePermissions.fromString("rw-r--r--"));
        Path weak = Files.writeString(temporary.resolve("weak"), "letmein\n");
        Files.setPosixFilePermissions(weak, PosixFilePermissions.fromString("rw-------"));
        assertRefused("--admin 0.0.0.0:9000", "--admin", "0.0.0.0:9000");
        assertRefused("--admin 9000", "--admin", "9000", "--port", "9000");
        assertRefused("--admin-token", "--admin-token", weak.toString());
        assertRefused("16 characters", "--admin", "0.0.0.0:9000", "--admin-token", weak.toString());
        assertRefused("chmod 600", "--admin", "0.0.0.0:9000", "--admin-token", secret.toString());
        assertRefused("can't be read", "--admin", "9000", "--admin-token", "/nowhere/secret");
        assertRefused("--admin", "--admin", "somewhere");
        assertRefused("--log-format xml", "--log-format", "xml");
        assertRefused("--on-event", "--on-event", " ");
    }

    private void assertRefused(String culprit, String... options) {
        List<String> arguments = new ArrayList<>(List.of(options));
        arguments.add(war.toString());
        assertThatThrownBy(() -> read(arguments.toArray(String[]::new)))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining(culprit);
    }

    @ParameterizedTest
    @ValueSource(strings = {"auto", "shared", "round-robin", "least-connections", "relay"})
    void everyAcceptModeOfTheContractIsUnderstood(String mode) throws Exception {
        assertThat(read("--accept", mode, war.toString()).accept()).hasToString(mode);
    }

    @ParameterizedTest
    @ValueSource(strings = {"x-forwarded", "forwarded", "x-real-ip", "CF-Connecting-IP"})
    void everyFormOfForwardedHeadersIsUnderstood(String headers) throws Exception {
        assertThat(read("--forwarded-headers", headers, war.toString()).forwardedHeaders())
                .isEqualTo(headers);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "x-forwarded-for", "x_real_ip", "x-real-ip, forwarded"})
    void headersThatCanNotBeReadAreNamed(String headers) {
        assertThatThrownBy(() -> read("--forwarded-headers", headers, war.toString()))
                .isInstanceOf(ConfigException.class)
                .hasMessageStartingWith("--forwarded-headers " + headers + ": use x-forwarded, forwarded, or ");
    }

    @ParameterizedTest
    @CsvSource({"off, off", "required, required", "Mixed, mixed"})
    void everyModeOfTheProxyProtocolIsUnderstood(String text, String mode) throws Exception {
        assertThat(read("--proxy-protocol", text, war.toString()).proxyProtocol())
                .isEqualTo(mode);
    }

    @ParameterizedTest
    @CsvSource({
        "on, loopback, '--proxy-protocol on: use off, required or mixed'",
        "required, false, '--proxy-protocol required: with --trust false nobody may send a header'",
        "mixed, 0, '--proxy-protocol mixed: with --trust 0 nobody may send a header'"
    })
    void aModeOfTheProxyProtocolThatCanNotWorkIsNamed(String mode, String trust, String problem) {
        assertThatThrownBy(() -> read("--proxy-protocol", mode, "--trust", trust, war.toString()))
                .isInstanceOf(ConfigException.class)
                .hasMessage(problem);
    }

    @ParameterizedTest
    @CsvSource({
        "--tls-port 1 --tls-cert c, --tls-key",
        "--tls-port 1 --tls-key k, --tls-cert",
        "--tls-cert c --tls-key k, --tls-port"
    })
    void theOptionsOfTlsBelongTogether(String options, String missing) {
        List<String> arguments = new ArrayList<>(List.of(options.split(" ", -1)));
        arguments.add(war.toString());
        assertThatThrownBy(() -> read(arguments.toArray(String[]::new)))
                .isInstanceOf(ConfigException.class)
                .hasMessage(missing + ": missing; --tls-port, --tls-cert and --tls-key belong together");
    }

    @Test
    void everyProblemOfTlsIsReported() {
        assertThatThrownBy(
                        () -> read("--port", "81", "--tls-port", "81", "--tls-cert", "c", "--tls-key", "k", "none.war"))
                .asInstanceOf(type(ConfigException.class))
                .extracting(ConfigException::problems)
                .asInstanceOf(list(String.class))
                .satisfiesExactly(
                        cert -> assertThat(cert).startsWith("--tls-cert ").endsWith("/c: no such file"),
                        port -> assertThat(port).isEqualTo("--tls-port 81: that is --port already"),
                        app -> assertThat(app).startsWith("none.war"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            --access-log=logs/a.log                                  | combined                 | 104857600
            --access-log=logs/a.log --access-log-size=16k            | combined                 | 16384
            --access-log=logs/a.log --access-log-size=0              | combined                 | 0
            --access-log=logs/a.log --access-log-pattern=common      | common                   | 104857600
            --access-log=logs/a.log --access-log-pattern=%{end:msec}t,%a,%%,%{c.d-e}i | %{end:msec}t,%a,%%,%{c.d-e}i | 104857600
            """)
    void theAccessLogOfAllWorkersHasAPatternAndASize(String options, String pattern, long limit) throws Exception {
        List<String> arguments = new ArrayList<>(List.of(options.split(" ")));
        arguments.add(war.toString());
        assertThat(read(arguments.toArray(String[]::new)).accessLog())
                .isEqualTo(new AccessLog(Path.of("logs/a.log").toAbsolutePath(), pattern, limit));
        assertThat(read(war.toString()).accessLog()).isNull();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            --access-log-pattern=combind --access-log=a     | --access-log-pattern combind:
            --access-log-pattern=%h,%x --access-log=a       | --access-log-pattern %h,%x:
            --access-log-pattern=%{Referer --access-log=a   | --access-log-pattern %{Referer:
            --access-log-pattern=%h% --access-log=a         | --access-log-pattern %h%:
            --access-log-size=1k --access-log=a             | --access-log-size 1k:
            --access-log-size=many --access-log=a           | --access-log-size many:
            --access-log-size=16k                           | --access-log: missing
            --access-log-pattern=common                     | --access-log: missing
            """)
    void anAccessLogThatCanNotBeWrittenAsAskedIsNamed(String options, String problem) {
        List<String> arguments = new ArrayList<>(List.of(options.split(" ")));
        arguments.add(war.toString());
        assertThatThrownBy(() -> read(arguments.toArray(String[]::new)))
                .isInstanceOf(ConfigException.class)
                .hasMessageStartingWith(problem);
    }

    @Test
    void aSingleApplicationIsMountedAtTheRoot() throws Exception {
        assertThat(read(war.toString()).apps()).containsExactly(new App("", war));
    }

    @Test
    void severalAreMountedByTheirFileNamesAsTomcatDoes() throws Exception {
        Path root = war("ROOT.war");
        Path nested = war("a#b##7.war");
        Path directory = Files.createDirectory(temporary.resolve("docs"));
        assertThat(read(war.toString(), root.toString(), nested.toString(), directory.toString())
                        .apps())
                .containsExactly(
                        new App("/shop", war), new App("", root), new App("/a/b", nested), new App("/docs", directory));
    }

    @Test
    void aPathBeforeAnApplicationMountsItThere() throws Exception {
        assertThat(read("/=" + war, "/api/v1=" + war).apps())
                .containsExactly(new App("", war), new App("/api/v1", war));
    }

    @Test
    void aFileWithAnEqualsSignInItsNameIsAFile() throws Exception {
        Path odd = war("a=b.war");
        assertThat(read(odd.toString()).apps()).containsExactly(new App("", odd));
    }

    @ParameterizedTest
    @CsvSource({"500ms, 500", "30s, 30000", "2m, 120000", "1h, 3600000"})
    void timesAreReadAsPeopleWriteThem(String text, long millis) throws Exception {
        assertThat(read("--drain-timeout", text, war.toString()).timeouts().drain())
                .isEqualTo(Duration.ofMillis(millis));
    }

    @Test
    void aTimeThatNoClockCanHoldIsNamed() {
        assertThatThrownBy(() -> read("--boot-timeout", "9999999h", war.toString()))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("--boot-timeout 9999999h");
    }

    @ParameterizedTest
    @ValueSource(strings = {"auto", "local", "sticky", "replicated"})
    void sessionsAreUnderstood(String mode) throws Exception {
        assertThat(read("--sessions", mode, war.toString()).sessions()).isEqualTo(mode(mode));
    }

    private static Sessions mode(String name) {
        return new Sessions(Sessions.Mode.valueOf(name.toUpperCase(Locale.ROOT)), "");
    }

    @ParameterizedTest
    @CsvSource({
        "JDBC, jdbc:postgresql://host/db?user=me&password=secret",
        "REDIS, redis://host",
        "REDIS, redis://user:secret%40@host:6380/15",
        "REDIS, rediss://:secret@[::1]:6379/"
    })
    void sessionsInAnEngineKeepTheUrlAndDoNotShowIt(Sessions.Mode mode, String url) throws Exception {
        Sessions sessions = read("--sessions", url, war.toString()).sessions();
        assertThat(sessions).isEqualTo(new Sessions(mode, url));
        assertThat(sessions.toString()).isEqualTo(mode + ":...");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "stick",
                "jdbc:",
                "jdbc:postgresql",
                "jdbc:mysql://host/db?user=me&password=secret",
                "redis:",
                "redis://",
                "redis:///0",
                "redis://user:secret@ho st",
                "redis://user:secret@host:99999",
                "redis://user:secret@host/shop",
                "redis://user:secret@host?timeout=1",
                "rediss://:secret@host:0"
            })
    void sessionsThatCanNotBeKeptAreRefused(String mode) {
        assertThatThrownBy(() -> read("--sessions", mode, war.toString()))
                .isInstanceOf(ConfigException.class)
                .hasMessageStartingWith("--sessions " + mode.replaceFirst(":.*", ":...") + ": ")
                .hasMessageNotContaining("secret");
    }

    @Test
    void everyProblemIsReportedAtOnceAndNamesItsCulprit() {
        assertThatThrownBy(() -> read(
                        "--port",
                        "70000",
                        "--accept",
                        "magic",
                        "--stop-timeout",
                        "0s",
                        "--workers",
                        "none",
                        "gone.war"))
                .asInstanceOf(type(ConfigException.class))
                .extracting(ConfigException::problems)
                .satisfies(problems -> {
                    assertThat(problems).hasSize(5);
                    assertThat(problems).anyMatch(p -> p.startsWith("--port 70000: "));
                    assertThat(problems).anyMatch(p -> p.startsWith("--accept magic: "));
                    assertThat(problems).anyMatch(p -> p.startsWith("--stop-timeout 0ms: "));
                    assertThat(problems).anyMatch(p -> p.startsWith("--workers none: "));
                    assertThat(problems).anyMatch(p -> p.equals("gone.war: no such file or directory"));
                });
    }

    @Test
    void moreWorkersThanProcessorsNeedAnExplicitWord() throws Exception {
        String many = String.valueOf(PROCESSORS + 1);
        assertThatThrownBy(() -> read("--workers", many, war.toString()))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("--workers " + many)
                .hasMessageContaining("--oversubscribe");
        assertThat(read("--workers", many, "--oversubscribe", war.toString()).workers())
                .isEqualTo(PROCESSORS + 1);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            loopbak           | loopbak
            10.0.0.0/0        | 10.0.0.0/0
            10.0.0.0/8, true  | true
            """)
    void aTrustRuleThatCantBeRightIsNamed(String trust, String culprit) {
        assertThatThrownBy(() -> read("--trust", trust, war.toString()))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("--trust " + trust)
                .hasMessageContaining(culprit);
    }

    @Test
    void twoApplicationsAtOnePathAreRefused() {
        assertThatThrownBy(() -> read("/a=" + war, "/a=" + war))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("/a is taken");
    }

    @ParameterizedTest
    @CsvSource({"//=", "/a//b=", "/a/=", "/a/../b=", "/a b=", "/..="})
    void whatIsNoContextPathIsRefused(String mount) {
        assertThatThrownBy(() -> read(mount + war))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("not a context path");
    }

    @Test
    void aBrokenWarIsNamed() throws Exception {
        Path broken = Files.writeString(temporary.resolve("broken.war"), "no zip");
        assertThatThrownBy(() -> read(broken.toString()))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining(broken + ": not a valid .war file");
    }

    @Test
    void aFileThatIsNoWarIsNamed() throws Exception {
        Path text = Files.writeString(temporary.resolve("notes.txt"), "text");
        assertThatThrownBy(() -> read(text.toString())).hasMessageContaining("notes.txt: not a .war file");
    }

    @Test
    void aWrongJavaIsNamed() {
        assertThatThrownBy(() -> read("--java", "/nowhere/java", war.toString()))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("--java /nowhere/java");
    }

    @Test
    void anUnknownOptionIsNamed() {
        assertThatThrownBy(() -> read("--prot", "80", war.toString()))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("--prot");
    }

    @Test
    void whatIsTypedWinsOverTheConfigFileAndTheFileOverTheDefault() throws Exception {
        Path file = Files.writeString(
                temporary.resolve("c.properties"), "port = 81\nworkers=1\ndrain-timeout=5s\nexpose-worker=true\n");
        LauncherConfig config = read("--config", file.toString(), "--port", "82", war.toString());
        assertThat(config.listeners().get(0).address().getPort()).isEqualTo(82);
        assertThat(config.workers()).isEqualTo(1);
        assertThat(config.timeouts().drain()).isEqualTo(Duration.ofSeconds(5));
        assertThat(config.exposeWorker()).isTrue();
    }

    @Test
    void anUnknownNameInTheConfigFileIsAnError() throws Exception {
        Path file = Files.writeString(temporary.resolve("c.properties"), "prot = 81\n");
        assertThatThrownBy(() -> read("--config=" + file, war.toString()))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining(file.toString())
                .hasMessageContaining("prot");
    }

    @Test
    void workerOptionsAreSplitAtBlanks() throws Exception {
        assertThat(read("--worker-opts", "-Xmx64m -Da=b", war.toString()).workerOptions())
                .containsExactly("-Xmx64m", "-Da=b");
    }

    private static LauncherConfig read(String... arguments) throws ConfigException {
        List<String> all = new ArrayList<>(List.of(arguments));
        return ConfigReader.read(all.toArray(String[]::new));
    }

    private Path war(String name) throws IOException {
        Path path = temporary.resolve(name);
        try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(path))) {
            zip.putNextEntry(new ZipEntry("index.html"));
        }
        return path;
    }
}
