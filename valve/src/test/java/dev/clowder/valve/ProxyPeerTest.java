package dev.clowder.valve;

import static dev.clowder.valve.LiveServer.valve;
import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.valve.LiveServer.Level;
import dev.clowder.valve.ProxyVectors.Vector;
import dev.clowder.valve.RawClient.Reply;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** One chain of trust: who the PROXY header names is the peer that the valve judges. */
class ProxyPeerTest {

    private static final String[] SPOOF = {
        "X-Forwarded-For: 203.0.113.7", "X-Forwarded-Host: shop.example", "X-Forwarded-Proto: https"
    };

    private static LiveServer server(Level level, String trust) throws Exception {
        LiveServer server = LiveServer.behindBalancer();
        server.add(level, valve("trust", trust));
        server.start();
        return server;
    }

    static Stream<Vector> withHeaders() {
        return ProxyVectors.overSockets().filter(vector -> vector.expect().has("ip"));
    }

    @ParameterizedTest
    @MethodSource("withHeaders")
    void theVectorsThatGoOnWithHeadersHaveTheirClient(Vector vector) throws Exception {
        LiveServer server = LiveServer.behindBalancer();
        server.connector.setProperty("proxyProtocolTrust", vector.attribute("proxyProtocolTrust", "loopback"));
        server.add(Level.ENGINE, valve("trust", vector.attribute("trust", "loopback")));
        server.start();
        byte[] bytes = ByteBuffer.allocate(vector.header().length + vector.following().length)
                .put(vector.header())
                .put(vector.following())
                .array();
        String peer = vector.json().get("peer").asText();
        try (server;
                RawClient client = new RawClient(peer, server.port(), bytes)) {
            assertThat(client.reply().seen("remoteAddr"))
                    .isEqualTo(vector.expect().get("ip").asText());
        }
    }

    private static byte[] from(String source) {
        return ProxyHeaderWriter.v2(new InetSocketAddress(source, 4711), new InetSocketAddress("198.51.100.1", 443));
    }

    @ParameterizedTest
    @EnumSource(Level.class)
    void theSourceOfTheProxyHeaderIsThePeerThatMustBeTrusted(Level level) throws Exception {
        try (LiveServer server = server(level, "loopback, 10.0.0.0/8")) {
            try (RawClient stranger = new RawClient("127.0.0.1", server.port(), from("192.0.2.9"))) {
                Reply reply = stranger.get("/", SPOOF);
                assertThat(reply.seen("remoteAddr")).isEqualTo("192.0.2.9");
                assertThat(reply.seen("remotePort")).isEqualTo("4711");
                assertThat(reply.seen("scheme")).isEqualTo("http");
                assertThat(reply.seen("forwarded.peer")).isEqualTo("192.0.2.9");
                assertThat(reply.seen("forwarded.reason")).isEqualTo("UNTRUSTED_PEER");
                assertThat(reply.body()).doesNotContain("203.0.113.7").doesNotContain("shop.example");
            }
            try (RawClient edge = new RawClient("127.0.0.1", server.port(), from("10.1.2.3"))) {
                Reply reply = edge.get("/", SPOOF);
                assertThat(reply.seen("remoteAddr")).as("the walk goes on").isEqualTo("203.0.113.7");
                assertThat(reply.seen("url")).isEqualTo("https://shop.example/");
                assertThat(reply.seen("forwarded.peer")).isEqualTo("10.1.2.3");
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Level.class)
    void aBalancerThatNamesNoClientIsNotBelievedEvenIfItsAddressIsTrusted(Level level) throws Exception {
        List<byte[]> anonymous = List.of(
                ProxyHeaderWriter.local(),
                ProxyHeaderWriter.v2Unspec(),
                ProxyHeaderWriter.v1Unknown(),
                "PROXY TCP4 0.0.0.0 127.0.0.1 0 80\r\n".getBytes(StandardCharsets.US_ASCII));
        try (LiveServer server = server(level, "true")) {
            for (byte[] header : anonymous) {
                try (RawClient balancer = new RawClient("127.0.0.1", server.port(), header)) {
                    for (int request = 1; request <= 2; request++) {
                        Reply reply = balancer.get("/", SPOOF);
                        assertThat(reply.seen("remoteAddr")).isEqualTo("127.0.0.1");
                        assertThat(reply.seen("url")).isEqualTo("http://app.internal:8080/");
                        assertThat(reply.seen("forwarded.reason")).isEqualTo("UNTRUSTED_PEER");
                        assertThat(reply.body()).doesNotContain("203.0.113.7");
                    }
                }
                try (RawClient named = new RawClient("127.0.0.1", server.port(), from("10.1.2.3"))) {
                    assertThat(named.get("/", SPOOF).seen("remoteAddr"))
                            .as("the next connection is judged by itself")
                            .isEqualTo("203.0.113.7");
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Level.class)
    void aClientOnAUnixSocketOfTheBalancerIsTrustedByItsKeywordOnly(Level level) throws Exception {
        byte[] unix = ProxyHeaderWriter.v2Unix("/run/client", "/run/balancer");
        try (LiveServer server = server(level, "loopback");
                RawClient balancer = new RawClient("127.0.0.1", server.port(), unix)) {
            assertThat(balancer.get("/", SPOOF).seen("remoteAddr")).isEqualTo("unix");
        }
        try (LiveServer server = server(level, "unix");
                RawClient balancer = new RawClient("127.0.0.1", server.port(), unix)) {
            assertThat(balancer.get("/", SPOOF).seen("remoteAddr")).isEqualTo("203.0.113.7");
        }
    }

    @ParameterizedTest
    @EnumSource(Level.class)
    void tlsThatEndedAtTheBalancerMakesTheRequestSecure(Level level) throws Exception {
        byte[] header = ProxyHeaderWriter.v2(
                new InetSocketAddress("192.0.2.9", 4711),
                new InetSocketAddress("198.51.100.1", 443),
                ProxyHeaderWriter.ssl(1, 1));
        try (LiveServer server = server(level, "10.0.0.0/8");
                RawClient client = new RawClient("127.0.0.1", server.port(), header)) {
            Reply reply = client.get("/", "X-Forwarded-Proto: http");
            assertThat(reply.seen("scheme")).isEqualTo("https");
            assertThat(reply.seen("secure")).isEqualTo("true");
        }
    }
}
