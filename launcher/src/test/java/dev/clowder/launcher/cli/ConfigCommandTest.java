package dev.clowder.launcher.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.clowder.launcher.check.CheckCommand;
import dev.clowder.launcher.config.ConfigException;
import dev.clowder.launcher.config.ConfigReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code config} for clusters that do not run. The programs themselves judge its output in the integration tests. */
@Tag("once")
class ConfigCommandTest {
    private static final int WRONG_USAGE = 2;

    @TempDir
    Path directory;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();
    private String runDir;

    @BeforeEach
    void nobodyRuns() {
        runDir = directory.resolve("run").toString();
    }

    private int clowder(String... arguments) throws ConfigException {
        return CommandLines.of(
                        arguments[0],
                        ConfigReader::runCommand,
                        CheckCommand::new,
                        new PrintWriter(out, true),
                        new PrintWriter(err, true))
                .execute(arguments);
    }

    private String config(String... arguments) throws ConfigException {
        List<String> all = new ArrayList<>(List.of("config"));
        all.addAll(List.of(arguments));
        all.addAll(List.of("--run-dir", runDir));
        assertThat(clowder(all.toArray(String[]::new))).as(err.toString()).isZero();
        return out.toString();
    }

    @Test
    void theUnitOfTheDocumentationIsTheOneThatIsPrinted() throws Exception {
        String guide = Files.readString(Path.of("..", "docs", "systemd.md"));
        String unit = guide.substring(guide.indexOf("[Unit]"), guide.indexOf("```", guide.indexOf("[Unit]")));
        DescribedCluster shop = new DescribedCluster(
                RunArguments.parse(List.of("--port", "8080", "shop.war"), Path.of("/opt/shop")),
                List.of("/usr/bin/java", "-jar", "/opt/clowder/clowder.jar"),
                new InetSocketAddress(8080),
                "");
        assertThat(SystemdUnit.text(shop, "shop", "shop")).isEqualTo(unit);
    }

    @Test
    void timesOfTheUnitFollowThoseOfTheCluster() throws Exception {
        assertThat(config(
                        "systemd",
                        "--boot-timeout",
                        "2m",
                        "--drain-timeout",
                        "1500ms",
                        "--stop-timeout",
                        "5s",
                        "/opt/shop.war"))
                .contains(
                        "TimeoutStartSec=150\n",
                        "# --drain-timeout 1500ms, --stop-timeout 5s,",
                        "TimeoutStopSec=26\n",
                        "--run-dir /run/clowder --log-dir /var/log/clowder ",
                        "--drain-timeout 1500ms");
    }

    /** An installation with connectors for 8081 and 8443, as much of it as is looked at. */
    private Path installation() throws IOException {
        Path base = directory.resolve("tomcat");
        Path jar = Files.createDirectories(base.resolve("lib")).resolve("catalina.jar");
        try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(jar))) {
            zip.putNextEntry(new ZipEntry("org/apache/catalina/util/ServerInfo.properties"));
            zip.write("server.number=11.0.0.0".getBytes(UTF_8));
        }
        Files.writeString(
                Files.createDirectories(base.resolve("conf")).resolve("server.xml"),
                "<Server><Service><Connector port=\"8081\" address=\"127.0.0.2\"/><Connector port=\"8443\"/>"
                        + "</Service></Server>");
        return base;
    }

    @Test
    void anInstalledTomcatHasAnUnitWithoutAnApplication() throws Exception {
        Path base = installation();
        assertThat(config("systemd", "--catalina-base", base.toString()))
                .contains(" run --run-dir /run/clowder --log-dir /var/log/clowder --catalina-base " + base + "\n")
                .contains("\nFileDescriptorStoreMax=2\n");
    }

    @Test
    void theUnitOfAnInstalledTomcatNamesNoPortWhichRunWouldRefuse() throws Exception {
        assertThat(config(
                        "systemd",
                        "--port",
                        "8081",
                        "--catalina-base",
                        installation().toString()))
                .doesNotContain("--port");
    }

    @Test
    void anInstalledTomcatIsReachedWhereItsFirstConnectorListens() throws Exception {
        assertThat(config("nginx", "--catalina-base", installation().toString()))
                .contains("server 127.0.0.2:8081");
    }

    @Test
    void anInstalledTomcatWithAnApplicationBesideIsRefusedAsRunDoes() throws Exception {
        assertThat(clowder(
                        "config",
                        "systemd",
                        "--catalina-base",
                        installation().toString(),
                        "/opt/y.war",
                        "--run-dir",
                        runDir))
                .isEqualTo(WRONG_USAGE);
        assertThat(err.toString()).contains("APP /opt/y.war: not together with --catalina-base");
    }

    @Test
    void systemdKeepsTheSocketOfEachPort() throws Exception {
        assertThat(config("systemd", "--tls-port", "8443", "--tls-cert", "c", "--tls-key", "k", "/opt/shop.war"))
                .contains("\nFileDescriptorStoreMax=2\n");
    }

    @Test
    void anUnitHasAbsolutePathsAndQuotesWhatSystemdWouldRead() throws Exception {
        String here = Path.of("").toAbsolutePath().toString();
        assertThat(config("systemd", "--worker-opts", "-Da=100% -Db=$x \"y\"", "--stop-on-eof", "/=one.war"))
                .contains(" \"-Da=100%% -Db=$$x \\\"y\\\"\" /=" + here + "/one.war\n")
                .doesNotContain("--stop-on-eof");
    }

    @Test
    void valuesOfAConfigFileCountToo() throws Exception {
        Path file = Files.writeString(
                directory.resolve("clowder.properties"), "drain-timeout = 100s\nforwarded-headers = forwarded\n");
        assertThat(config("nginx", "--config", file.toString()))
                .contains(
                        "worker_shutdown_timeout 100s;",
                        "proxy_read_timeout 110s;",
                        "proxy_set_header Forwarded \"$clo");
    }

    @ParameterizedTest
    @CsvSource({
        "nginx, --forwarded-headers x-forwarded, proxy_set_header X-Forwarded-For $remote_addr;",
        "nginx, --forwarded-headers forwarded, proxy_set_header X-Forwarded-For \"\";",
        "nginx, --forwarded-headers x-real-ip, proxy_set_header x-real-ip $remote_addr;",
        "nginx, --proxy-protocol required, proxy_protocol on;",
        "nginx, --address ::1, server [::1]:8080;",
        "nginx, --address 0.0.0.0, server 127.0.0.1:8080;",
        "nginx, --listen [::1]:8000, listen [::1]:8000;",
        "haproxy, --forwarded-headers x-forwarded, http-request set-header X-Forwarded-For %[src]",
        "haproxy, --forwarded-headers forwarded, http-request del-header X-Forwarded- -m beg",
        "haproxy, --proxy-protocol mixed, send-proxy-v2",
        "haproxy, --health-path /ok, http-check send meth GET uri /ok ver",
        "haproxy, --listen 8000, bind :8000",
    })
    void whatTheClusterReadsIsWhatTheProxySends(String program, String options, String line) throws Exception {
        List<String> words = new ArrayList<>(List.of(program));
        words.addAll(List.of(options.split(" ")));
        assertThat(config(words.toArray(String[]::new)).lines().map(String::strip))
                .anySatisfy(printed -> assertThat(printed).contains(line));
        assertThat(out.toString())
                .contains("for a cluster that does not run now")
                .doesNotContain("{{");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "config; for which program? nginx, haproxy or systemd",
                "config apache; Unmatched argument at index 1: 'apache'",
                "config nginx --prot 8080; Unknown option: '--prot'",
                "config nginx --port 0; --port 0: not a port that a proxy can connect to",
                "config nginx --listen 99999; '99999' is no place to listen",
                "config nginx --listen localhost:80; 'localhost:80' is no place to listen",
                "config nginx --server-name a;b; --server-name a;b: not a host name",
                "config nginx --drain-timeout 5; '5' is not a time",
                "config nginx --proxy-protocol maybe; --proxy-protocol maybe: use off, required or mixed",
                "config nginx --forwarded-headers a:b; --forwarded-headers a:b: use x-forwarded",
                "config haproxy --health-path /a{b; --health-path /a{b: use a path such as /health",
                "config systemd --name ../x y.war; --name ../x: use letters",
                "config systemd --sessions redis://:secret@host y.war; --sessions: everybody can read a unit",
                "config systemd; name the application, or an installed Tomcat by --catalina-base",
                "config systemd --catalina-base /no/such/tomcat; --catalina-base /no/such/tomcat: no such directory",
                "proxy --to htt://localhost; --to htt://localhost: use a URL such as",
                "proxy --to localhost:3000; --to localhost:3000: ",
                "proxy --to http://localhost:0; 0 is not a port",
                "proxy --to http://localhost:3000/app; only scheme, host and port",
                "proxy --to https://localhost; speaks plain HTTP to the application",
                "proxy --to http://no-such-host.invalid; no such host",
                "proxy --to http://localhost:3000 --hops 0; --hops 0: use 1 to 100",
                "proxy --to http://localhost:3000 --hops 127.0.0.1,me; --hops me: not an address",
                "proxy --to http://localhost:3000 --client me; --client me: not an address",
                "proxy --to http://localhost:3000 --headers all; --headers all: use x-forwarded, forwarded, both or none",
                "proxy --to http://localhost:3000 --proxy-protocol v3; --proxy-protocol v3: use off, v1 or v2",
                "proxy --to http://localhost:3000 --public shop; --public shop: use a URL",
            })
    void whatCanNotBeRightIsOneLine(String line) throws Exception {
        int separator = line.lastIndexOf("; ");
        List<String> arguments = List.of(line.substring(0, separator).split(" "));
        assertThat(clowder(arguments.toArray(String[]::new))).isEqualTo(WRONG_USAGE);
        assertThat(err.toString()).startsWith("clowder: ").contains(line.substring(separator + 2));
        assertThat(err.toString().lines()).hasSize(1);
        assertThat(out.toString()).isEmpty();
    }

    @Test
    void withoutAnApplicationAndWithoutAClusterThereIsNothingToProxy() throws Exception {
        assertThat(clowder("proxy", "--run-dir", runDir)).isEqualTo(CommandLines.NO_CLUSTER);
        assertThat(err.toString()).contains("no cluster runs in " + runDir, "--to URL names another application");
    }

    @Test
    void whatRunsIsOverriddenByWhatIsTyped() throws Exception {
        Path srv = Path.of("/srv");
        RunArguments started = RunArguments.parse(List.of("--port", "80", "--drain-timeout=10s", "a.war"), srv);
        RunArguments typed = RunArguments.parse(List.of("--drain-timeout", "20s", "--log-dir", "logs"), srv);
        assertThat(started.with(typed).normal())
                .containsExactly("--port", "80", "--drain-timeout", "20s", "--log-dir", "/srv/logs", "/srv/a.war");
    }

    @Test
    void aTemplateWithoutItsValuesIsAnError() {
        assertThatThrownBy(() -> Template.fill("systemd.service", Map.of()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("systemd.service: no value for description");
    }
}
