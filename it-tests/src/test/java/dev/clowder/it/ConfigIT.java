package dev.clowder.it;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.Launcher;
import dev.clowder.arquillian.RealProxy;
import dev.clowder.it.app.HandshakeEndpoint;
import dev.clowder.it.app.HandshakeFilter;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The real programs run exactly what {@code clowder config} prints, in front of clusters that run. */
@Tag("once")
class ConfigIT {
    private static final Duration SOON = Duration.ofSeconds(90);
    private static final Duration LONG = Duration.ofMinutes(4);
    // The proxies, two workers and a third that boots need the processors more than the clients do.
    private static final long PAUSE_MILLIS = 20;

    @TempDir
    static Path directory;

    private static ClowderProcess readsHeaders;
    private static ClowderProcess readsProxyProtocol;

    private final List<Foreground> programs = new ArrayList<>();

    /** What prints a configuration and runs it. */
    enum Program {
        NGINX,
        HAPROXY;

        /** Runs the file in the foreground, or only judges it. */
        List<String> command(Path file, boolean judge) {
            String path = RealProxy.find(toString());
            List<String> command = new ArrayList<>(
                    this == NGINX
                            ? List.of(path, "-p", file.getParent().toString(), "-c", file.toString())
                            : List.of(path, "-f", file.toString()));
            if (this == NGINX) {
                command.addAll(judge ? List.of("-t") : List.of("-g", "daemon off;"));
            } else {
                command.add(judge ? "-c" : "-db");
            }
            return command;
        }

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    @BeforeAll
    static void start() throws Exception {
        Path war = Apps.write(
                Apps.probe("probe.war").addClasses(HandshakeEndpoint.class, HandshakeFilter.class), directory);
        readsHeaders = ClowderProcess.builder()
                .application("/probe", war)
                .arguments(
                        "--oversubscribe",
                        "--boot-timeout",
                        "3m",
                        "--trust",
                        "127.0.0.1",
                        "--health-path",
                        "/probe/worker")
                .start();
        readsProxyProtocol = ClowderProcess.builder()
                .application("/probe", war)
                .arguments(
                        "--oversubscribe",
                        "--boot-timeout",
                        "3m",
                        "--trust",
                        "127.0.0.1",
                        "--proxy-protocol",
                        "required")
                .workers(1)
                .start();
        readsHeaders.awaitReady(SOON);
        readsProxyProtocol.awaitReady(SOON);
    }

    @AfterAll
    static void stop() {
        readsHeaders.close();
        readsProxyProtocol.close();
    }

    @AfterEach
    void stopPrograms() throws Exception {
        for (Foreground program : programs) {
            program.close();
        }
    }

    @ParameterizedTest
    @EnumSource
    @DisplayName(
            "in front of a cluster that reads headers: the client is named, and what it says of itself does not count")
    void headersNameTheClient(Program program) throws Exception {
        int port = start(program, "--run-dir", readsHeaders.runDir().toString());
        Map<String, String> details = details(port);
        assertThat(details)
                .containsEntry("remoteAddr", "127.0.0.2")
                .containsEntry("forwarded.ips", "[127.0.0.2]")
                .containsEntry("scheme", "http")
                .containsEntry("serverName", "shop.example.com")
                .containsEntry("serverPort", String.valueOf(port));
        assertThat(details.get("headers")).doesNotContain("Forwarded,");
        assertThatAWebSocketOpens(port);
    }

    @ParameterizedTest
    @EnumSource
    @DisplayName("in front of a cluster with --proxy-protocol: the PROXY header names the client, also in its checks")
    void aProxyHeaderNamesTheClient(Program program) throws Exception {
        int port = start(program, "--run-dir", readsProxyProtocol.runDir().toString());
        assertThat(details(port))
                .containsEntry("remoteAddr", "127.0.0.2")
                .containsEntry("serverName", "shop.example.com");
        assertThatAWebSocketOpens(port);
    }

    @Tag("slow")
    @Test
    @DisplayName("behaviour 52: a rolling reload behind nginx and HAProxy fails no request, fresh or kept alive")
    void aRollingReloadBehindThemFailsNoRequest() throws Exception {
        reloadUnderTraffic(readsHeaders);
    }

    @Test
    @Tag("slow")
    @DisplayName("behaviour 52: the same with the PROXY protocol")
    void aRollingReloadWithTheProxyProtocolFailsNoRequest() throws Exception {
        reloadUnderTraffic(readsProxyProtocol);
    }

    private void reloadUnderTraffic(ClowderProcess cluster) throws Exception {
        String runDir = cluster.runDir().toString();
        try (Load behindNginx =
                        Load.start(start(Program.NGINX, "--run-dir", runDir), "/probe/worker", 2, 3, PAUSE_MILLIS);
                Load behindHaproxy =
                        Load.start(start(Program.HAPROXY, "--run-dir", runDir), "/probe/worker", 2, 3, PAUSE_MILLIS)) {
            await("clients are served")
                    .atMost(SOON)
                    .until(() -> behindNginx.answers() > 50 && behindHaproxy.answers() > 50);
            Launcher.Result reload = cluster.command(LONG, "reload");
            assertThat(reload.exitCode()).as(reload.errors()).isZero();
            int nginx = behindNginx.answers();
            int haproxy = behindHaproxy.answers();
            await("the new workers serve")
                    .atMost(SOON)
                    .until(() -> behindNginx.answers() > nginx + 50 && behindHaproxy.answers() > haproxy + 50);
            behindNginx.stop();
            behindHaproxy.stop();
            assertThat(behindNginx.failures()).isEmpty();
            assertThat(behindHaproxy.failures()).isEmpty();
        }
    }

    @ParameterizedTest
    @EnumSource
    @DisplayName("rule F4: with --forwarded-headers forwarded one element is written, and a Host can't end its quotes")
    void aDescribedClusterCanReadForwarded(Program program) throws Exception {
        try (ServerSocket application = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
            application.setSoTimeout((int) SOON.toMillis());
            String port = String.valueOf(application.getLocalPort());
            String nobody = directory.resolve("nobody").toString();
            int listen = start(
                    program,
                    "--port",
                    port,
                    "--run-dir",
                    nobody,
                    "--address",
                    "127.0.0.1",
                    "--forwarded-headers",
                    "forwarded");
            String asked = program == Program.NGINX ? "shop.example.com:" + listen : "shop.example.com";
            assertThat(headSeenBy(application, listen, "shop.example.com"))
                    .contains("\r\nforwarded: for=127.0.0.2;proto=http;host=\"" + asked + "\"\r\n")
                    .doesNotContain("6.6.6.6");
            assertThat(headSeenBy(application, listen, "x\";for=6.6.6.6;host=\"y"))
                    .contains("\r\nforwarded: for=127.0.0.2;proto=http\r\n");
        }
    }

    /** The head of a request that comes through the proxy, in lower case; checks of the proxy are passed over. */
    private static String headSeenBy(ServerSocket application, int listen, String host) throws IOException {
        try (HttpConnection client = HttpConnection.open(InetAddress.getByName("127.0.0.2"), listen)) {
            client.send(client.head(
                    "GET", "/wanted", "Host: " + host, "Forwarded: for=6.6.6.6", "X-Forwarded-For: 6.6.6.6"));
            while (true) {
                try (Socket connection = application.accept()) {
                    connection.setSoTimeout((int) SOON.toMillis());
                    InputStream in = connection.getInputStream();
                    StringBuilder head = new StringBuilder();
                    for (int b = in.read(); b >= 0; b = head.indexOf("\r\n\r\n") < 0 ? in.read() : -1) {
                        head.append((char) b);
                    }
                    if (head.indexOf("/wanted") >= 0) {
                        connection
                                .getOutputStream()
                                .write("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n".getBytes(ISO_8859_1));
                        assertThat(client.read().status()).isEqualTo(204);
                        return head.toString().toLowerCase(Locale.ROOT);
                    }
                }
            }
        }
    }

    @Test
    @DisplayName("the unit of a running cluster has its command, and systemd-analyze finds nothing wrong")
    void systemdUnderstandsTheUnit() throws Exception {
        String unit = config(
                "systemd",
                "--name",
                "shop",
                "--user",
                "daemon",
                "--run-dir",
                readsHeaders.runDir().toString());
        assertThat(unit)
                .contains(" run --port " + readsHeaders.port() + " --run-dir /run/shop --log-dir /var/log/shop ")
                .contains(" --health-path /probe/worker ")
                .contains(" /probe=" + directory.resolve("probe.war").toAbsolutePath() + "\n")
                .doesNotContain("--stop-on-eof");
        Path analyze = Path.of("/usr/bin/systemd-analyze");
        assumeTrue(Files.isExecutable(analyze), "no systemd-analyze on this machine");
        Path file = Files.writeString(directory.resolve("shop.service"), unit);
        Launcher.Result verified = new Marked().run(SOON, List.of(analyze.toString(), "verify", file.toString()));
        assertThat(verified.exitCode()).as(verified.errors()).isZero();
        assertThat(verified.errors()).doesNotContain("shop.service:");
    }

    private static Map<String, String> details(int port) throws IOException {
        try (HttpConnection client = HttpConnection.open(InetAddress.getByName("127.0.0.2"), port)) {
            return Details.of(client.get(
                    "/probe/details",
                    "Host: shop.example.com",
                    "X-Forwarded-For: 6.6.6.6",
                    "Forwarded: for=6.6.6.6",
                    "X-Forwarded-Host: evil.example"));
        }
    }

    private static void assertThatAWebSocketOpens(int port) throws IOException {
        try (HttpConnection client = HttpConnection.open(port)) {
            HttpConnection.Response response = handshake(client);
            assertThat(response.status()).as(response.body()).isEqualTo(101);
        }
    }

    private static HttpConnection.Response handshake(HttpConnection client) throws IOException {
        client.send(client.head(
                "GET",
                "/probe/handshake",
                "Connection: Upgrade",
                "Upgrade: websocket",
                "Sec-WebSocket-Version: 13",
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="));
        return client.readHead();
    }

    /** Starts the program with what is printed for these options, unchanged. */
    private int start(Program program, String... options) throws Exception {
        int port = Foreground.freePort();
        List<String> all = new ArrayList<>(List.of(options));
        all.addAll(List.of("--listen", "127.0.0.1:" + port));
        Path own = Files.createTempDirectory(directory, program.toString());
        Path file = Files.writeString(
                own.resolve(program + ".conf"), config(program.toString(), all.toArray(String[]::new)));
        Launcher.Result checked = new Marked().run(SOON, program.command(file, true));
        assertThat(checked.exitCode()).as(checked.errors()).isZero();
        assertThat(checked.output() + checked.errors()).doesNotContainIgnoringCase("warn");
        programs.add(Foreground.start(own, program.command(file, false)).awaitPort(port));
        return port;
    }

    private static String config(String program, String... options) throws Exception {
        List<String> command = new ArrayList<>(List.of("config", program));
        command.addAll(List.of(options));
        Launcher.Result printed = Launcher.ofThisBuild().run(LONG, command);
        assertThat(printed.exitCode()).as(printed.errors()).isZero();
        return printed.output();
    }
}
