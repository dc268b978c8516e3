package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.RealProxy;
import dev.clowder.arquillian.RealProxy.Program;
import java.io.IOException;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The proxies of Node's developers in front: {@code http-proxy}, a reverse proxy, and {@code proxy}, a forward proxy. */
@Tag("slow")
class NodeProxiesIT extends BehindProxyContract {
    private static final String DETAILS = "/details";

    private ClowderProcess cluster;
    private RealProxy reverse;
    private RealProxy forward;

    @Override
    void start() throws Exception {
        cluster = cluster();
        reverse = proxy(Program.NODE, "http-proxy.mjs", Map.of("plain", cluster.port()));
        forward = proxy(Program.NODE, "proxy.mjs", Map.of());
    }

    @Override
    Stream<Route> routes() {
        return Stream.of(
                new Route("http-proxy", reverse.port("careful"), Kind.HEADERS),
                new Route("proxy", forward.port("careful"), Kind.HEADERS, "[%s]", clowder(), false));
    }

    /** What a client of a forward proxy writes before the path. */
    private String clowder() {
        return "http://127.0.0.1:" + cluster.port();
    }

    @Test
    @DisplayName(
            "http-proxy left alone: it keeps a forged X-Forwarded-Host, but a forged address or scheme is in vain (V1, V2)")
    void httpProxyKeepsAForgedHost() throws IOException {
        try (HttpConnection client = client(2, reverse.port("careless"))) {
            assertThat(Details.of(client.get(DETAILS, FORGED)))
                    .containsEntry("remoteAddr", "127.0.0.2")
                    .containsEntry("scheme", "http")
                    .containsEntry("secure", "false")
                    .containsEntry("serverName", "evil.example.com");
        }
    }

    @Test
    @DisplayName(
            "proxy left alone: of two X-Forwarded-For lines it appends to the first, so that the client names itself")
    void proxyAppendsToTheFirstLineOnly() throws IOException {
        try (HttpConnection client = client(2, forward.port("careless"))) {
            assertThat(Details.of(client.get(clowder() + DETAILS, "X-Forwarded-For: 6.6.6.6")))
                    .containsEntry("remoteAddr", "127.0.0.2");
            assertThat(Details.of(
                            client.get(clowder() + DETAILS, "X-Forwarded-For: 6.6.6.6", "X-Forwarded-For: 6.6.6.7")))
                    .containsEntry("remoteAddr", "6.6.6.7");
        }
    }

    @Test
    @DisplayName(
            "CONNECT through proxy: its address is the peer, and what the client forges inside the tunnel is in vain")
    void insideATunnelTheProxyIsThePeer() throws IOException {
        try (HttpConnection client = tunnel("stranger")) {
            assertThat(Details.of(client.get(DETAILS, FORGED)))
                    .containsEntry("remoteAddr", "127.0.0.4")
                    .containsEntry("scheme", "http")
                    .containsEntry("serverName", "127.0.0.1")
                    .containsEntry("forwarded.reason", "UNTRUSTED_PEER");
            assertThat(Details.of(client.get(DETAILS))).containsEntry("remoteAddr", "127.0.0.4");
        }
    }

    @Test
    @DisplayName("CONNECT through a proxy that --trust names: the client speaks as that proxy, so it must not be named")
    void insideTheTunnelOfATrustedProxyTheClientIsBelieved() throws IOException {
        try (HttpConnection client = tunnel("careful")) {
            assertThat(Details.of(client.get(DETAILS, "X-Forwarded-For: 6.6.6.6")))
                    .containsEntry("remoteAddr", "6.6.6.6")
                    .containsEntry("forwarded.peer", "127.0.0.1");
        }
    }

    @Test
    @DisplayName("a WebSocket passes through CONNECT")
    void aWebSocketPassesThroughATunnel() throws IOException {
        try (HttpConnection client = tunnel("stranger")) {
            assertThat(handshake(client, "/handshake", FORGED)).contains("/handshake 127.0.0.4:");
        }
    }

    private HttpConnection tunnel(String listener) throws IOException {
        HttpConnection client = client(2, forward.port(listener));
        String authority = "127.0.0.1:" + cluster.port();
        client.send(client.head("CONNECT", authority, "Host: " + authority));
        assertThat(client.readHead().status()).isEqualTo(200);
        return client;
    }
}
