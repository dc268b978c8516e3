package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.ClusterStatus;
import dev.clowder.arquillian.Launcher;
import dev.clowder.arquillian.RealProxy;
import dev.clowder.arquillian.Running;
import dev.clowder.valve.ProxyHeaderWriter;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * {@code --proxy-protocol} holds in every accept mode, also where the supervisor puts a header of its own in front of the
 * client's. The clusters trust 127.0.0.1 and nobody else.
 */
@Tag("once")
class ProxyProtocolIT {
    private static final Duration SOON = Duration.ofMinutes(2);
    private static final String DETAILS = "/details";
    private static final InetSocketAddress CLIENT = new InetSocketAddress("203.0.113.7", 56324);
    private static final InetSocketAddress BALANCER = new InetSocketAddress("198.51.100.1", 443);
    private static final byte[] HEADER = ProxyHeaderWriter.v2(CLIENT, BALANCER);
    private static final String FORGED = "X-Forwarded-For: 6.6.6.6";

    /** An accept mode, with a mode of the protocol; both of the latter, in either half. */
    private enum Way {
        SHARED("shared", "mixed"),
        ROUND_ROBIN("round-robin", "required"),
        LEAST_CONNECTIONS("least-connections", "mixed"),
        RELAY("relay", "required");

        final String accept;
        final String protocol;

        Way(String accept, String protocol) {
            this.accept = accept;
            this.protocol = protocol;
        }
    }

    @TempDir
    private static Path directory;

    private static final Map<Way, ClowderProcess> CLUSTERS = new EnumMap<>(Way.class);

    @BeforeAll
    static void start() throws Exception {
        for (Way way : Way.values()) {
            ClowderProcess cluster = cluster(way, directory.resolve(way.accept), way.protocol);
            CLUSTERS.put(way, cluster);
            cluster.awaitReady(SOON);
        }
    }

    /** Written once: another one would be rolled out by the next supervisor. */
    private static Path application() {
        Path war = directory.resolve("probe.war");
        return Files.exists(war) ? war : Apps.write(Apps.probe("probe.war"), directory);
    }

    private static ClowderProcess cluster(Way way, Path runDir, String protocol) throws IOException {
        return ClowderProcess.builder()
                .workers(1)
                .root(directory)
                .runDir(runDir)
                .application("/", application())
                .arguments("--trust", "127.0.0.1", "--accept", way.accept, "--proxy-protocol", protocol)
                .arguments("--health-path", "/worker")
                .start();
    }

    @AfterAll
    static void stop() {
        CLUSTERS.values().parallelStream().forEach(ClowderProcess::close);
    }

    private static HttpConnection from(int last, ClowderProcess cluster) throws IOException {
        return HttpConnection.open(InetAddress.getByName("127.0.0." + last), cluster.port());
    }

    private static Map<String, String> ask(ClowderProcess cluster, byte[] header, String... lines) throws IOException {
        try (HttpConnection balancer = from(1, cluster)) {
            balancer.send(header);
            return Details.of(balancer.get(DETAILS, lines));
        }
    }

    private static void assertClosed(HttpConnection connection) {
        assertThatThrownBy(() -> connection.get(DETAILS)).isInstanceOf(IOException.class);
    }

    @ParameterizedTest
    @EnumSource
    @DisplayName("the source of the header is the client and the peer, and what it forges is in vain (P11)")
    void theSourceOfTheHeaderIsThePeer(Way way) throws IOException {
        ClowderProcess cluster = CLUSTERS.get(way);
        for (byte[] header : List.of(HEADER, ProxyHeaderWriter.v1(CLIENT, BALANCER))) {
            assertThat(ask(cluster, header, FORGED))
                    .containsEntry("remoteAddr", "203.0.113.7")
                    .containsEntry("remotePort", "56324")
                    .containsEntry("proxied.source", "203.0.113.7")
                    .containsEntry("forwarded.peer", "203.0.113.7")
                    .containsEntry("forwarded.reason", "UNTRUSTED_PEER")
                    .containsEntry("headers", "[Host]");
        }
    }

    @ParameterizedTest
    @EnumSource
    @DisplayName("one chain: a source that is a trusted proxy itself is believed in its headers (P11)")
    void aSourceThatIsATrustedProxyIsBelieved(Way way) throws IOException {
        byte[] inner = ProxyHeaderWriter.v2(new InetSocketAddress(InetAddress.getLoopbackAddress(), 4711), BALANCER);
        assertThat(ask(CLUSTERS.get(way), inner, "X-Forwarded-For: 6.6.6.6, 203.0.113.9"))
                .containsEntry("remoteAddr", "203.0.113.9")
                .containsEntry("forwarded.ips", "[203.0.113.9]")
                .containsEntry("forwarded.peer", "127.0.0.1");
    }

    @ParameterizedTest
    @EnumSource
    @DisplayName("a header that names nobody leaves the balancer as the peer, whose HTTP headers do not count (P12)")
    void aHeaderThatNamesNobodyLeavesTheBalancer(Way way) throws IOException {
        for (byte[] header : List.of(ProxyHeaderWriter.local(), ProxyHeaderWriter.v1Unknown())) {
            assertThat(ask(CLUSTERS.get(way), header, FORGED))
                    .containsEntry("remoteAddr", "127.0.0.1")
                    .containsEntry("forwarded.reason", "UNTRUSTED_PEER");
        }
    }

    @ParameterizedTest
    @EnumSource
    @DisplayName("a trusted source that sends no header is closed without an answer (P1, P2)")
    void aTrustedSourceWithoutAHeaderIsClosed(Way way) throws IOException {
        try (HttpConnection silent = from(1, CLUSTERS.get(way))) {
            assertClosed(silent);
        }
    }

    @ParameterizedTest
    @EnumSource
    @DisplayName("any other source: closed when headers are required, served without one when mixed (P1)")
    void anyOtherSourceMustNotSendAHeader(Way way) throws IOException {
        ClowderProcess cluster = CLUSTERS.get(way);
        boolean mixed = way.protocol.equals("mixed");
        try (HttpConnection stranger = from(2, cluster)) {
            if (mixed) {
                assertThat(Details.of(stranger.get(DETAILS, FORGED)))
                        .containsEntry("remoteAddr", "127.0.0.2")
                        .containsEntry("remotePort", String.valueOf(stranger.localPort()))
                        .containsEntry("proxied", "false");
            } else {
                assertClosed(stranger);
            }
        }
        try (HttpConnection stranger = from(2, cluster)) {
            stranger.send(HEADER);
            if (mixed) {
                assertThat(stranger.get(DETAILS).status()).isEqualTo(400);
            } else {
                assertClosed(stranger);
            }
        } catch (IOException closed) {
            assertThat(mixed).as("closed while it sent: " + closed).isFalse();
        }
    }

    @Test
    @DisplayName("curl --haproxy-protocol is served as the client that it says it is; without it curl gets nothing")
    void curlSpeaksTheProxyProtocol() throws Exception {
        ClowderProcess cluster = CLUSTERS.get(Way.ROUND_ROBIN);
        Launcher.Result proxied = curl(cluster.uri(DETAILS).toString(), "--haproxy-protocol");
        assertThat(proxied.exitCode()).as(proxied.toString()).isZero();
        assertThat(proxied.output().lines())
                .contains("remoteAddr=127.0.0.1", "proxied.version=1", "proxied.source=127.0.0.1");
        Launcher.Result plain = curl(cluster.uri(DETAILS).toString(), "--http1.1");
        // "Empty reply from server", or a reset.
        assertThat(plain.exitCode()).as(plain.toString()).isIn(52, 56);
    }

    @Test
    @DisplayName("TLS and HTTP/2 begin behind the header, and end in the worker as ever")
    void tlsBeginsBehindTheHeader() throws Exception {
        Tls tls = new Tls(directory.resolve("tls"));
        try (ClowderProcess cluster = ClowderProcess.builder()
                .workers(1)
                .root(directory)
                .application("/", application())
                .arguments(tls.options(0))
                .arguments("--trust", "127.0.0.1", "--proxy-protocol", "required")
                .start()) {
            int port = cluster.awaitReady(SOON).listeners().get(1).port();
            String url = "https://127.0.0.1:" + port + DETAILS;
            Launcher.Result proxied = curl(url, "--haproxy-protocol", "--insecure", "--http2", "--include");
            assertThat(proxied.exitCode()).as(proxied.toString()).isZero();
            assertThat(proxied.output()).startsWith("HTTP/2 200");
            assertThat(proxied.output().lines()).contains("proxied.version=1", "scheme=https", "secure=true");
            Launcher.Result plain = curl(url, "--insecure");
            // No end of the TLS handshake: "SSL connect error", or a reset.
            assertThat(plain.exitCode()).as(plain.toString()).isIn(35, 56);
        }
    }

    private static Launcher.Result curl(String url, String... options) throws Exception {
        List<String> command =
                new ArrayList<>(List.of(RealProxy.find("curl"), "--silent", "--show-error", "--noproxy", "*"));
        command.addAll(List.of(options));
        command.add(url);
        return new Marked().run(SOON, command);
    }

    @Test
    @DisplayName("after a reload the new workers want the header too, and none was ever in doubt for want of one")
    void theNewWorkersOfAReloadWantTheHeaderToo() throws Exception {
        ClowderProcess cluster = CLUSTERS.get(Way.RELAY);
        ClusterStatus.Worker before = cluster.status().worker(1);
        assertThat(before.isReady()).isTrue();
        assertThat(before.restarts()).as("probes were answered").isZero();
        Launcher.Result reload = cluster.command(SOON, "reload");
        assertThat(reload.exitCode()).as(reload.toString()).isZero();
        assertThat(cluster.status().worker(1).id()).isGreaterThan(before.id());
        assertThat(ask(cluster, HEADER)).containsEntry("remoteAddr", "203.0.113.7");
        try (HttpConnection silent = from(1, cluster)) {
            assertClosed(silent);
        }
    }

    @Tag("slow")
    @Test
    @DisplayName("a new supervisor adopts workers of the same settings only: with others they are replaced")
    void workersAreAdoptedOnlyWithTheSameSettings() throws Exception {
        Path runDir = directory.resolve("adopted");
        try (ClowderProcess first = cluster(Way.SHARED, runDir, "required")) {
            long pid = first.awaitReady(SOON).worker(1).pid();
            first.kill();
            first.awaitExit(SOON);
            try (ClowderProcess second = cluster(Way.SHARED, runDir, "required")) {
                assertThat(second.awaitReady(SOON).worker(1).pid()).isEqualTo(pid);
                assertThat(ask(second, HEADER)).containsEntry("remoteAddr", "203.0.113.7");
                second.kill();
                second.awaitExit(SOON);
                try (ClowderProcess third = cluster(Way.SHARED, runDir, "off")) {
                    // It is adopted too, and replaced by one with the new settings.
                    third.awaitReady(SOON);
                    await("the old worker leaves")
                            .atMost(SOON)
                            .until(() ->
                                    ProcessHandle.of(pid).filter(Running::is).isEmpty());
                    assertThat(Details.of(HttpConnection.fresh(third.port(), DETAILS)))
                            .containsEntry("proxied", "false");
                }
            }
        }
    }
}
