package dev.clowder.valve;

import static dev.clowder.valve.LiveServer.valve;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.clowder.valve.LiveServer.Level;
import dev.clowder.valve.RawClient.Reply;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Headers that no proxy writes, in a real Tomcat that takes them up to a megabyte: the answer is that of the part that is
 * good. How much is read for it is in {@link ForwardingPropertiesTest#theWorkIsLinear}.
 */
class ForwardedBadInputTest {
    private static final String PROXY = "127.0.0.1";
    private static final int MANY = 10_000;

    private static LiveServer xForwarded;
    private static LiveServer forwarded;

    @BeforeAll
    static void start() throws Exception {
        xForwarded = server(valve("trust", "loopback"));
        forwarded = server(valve("trust", "loopback", "headers", "forwarded"));
    }

    private static LiveServer server(ForwardedValve valve) throws Exception {
        LiveServer server = new LiveServer();
        server.connector.setProperty("maxHttpRequestHeaderSize", String.valueOf(1 << 20));
        server.connector.setProperty("maxHeaderCount", String.valueOf(2 * MANY));
        server.add(Level.ENGINE, valve);
        server.start();
        return server;
    }

    @AfterAll
    static void stop() throws Exception {
        xForwarded.close();
        forwarded.close();
    }

    private static Reply get(LiveServer server, String lines) throws Exception {
        try (RawClient client = new RawClient(PROXY, server.port())) {
            return client.sendRaw("GET / HTTP/1.1\r\nHost: app.internal\r\n" + lines + "\r\n\r\n");
        }
    }

    /** In place of RemoteIpValve one header more is told, and the chain given back behind the application. */
    @ParameterizedTest
    @ValueSource(strings = {"203.0.113.7, 198.51.100.9", "198.51.100.3, 203.0.113.7, 198.51.100.9"})
    void asManyLinesAsAreAllowedAreServedAndGivenBack(String chain) throws Exception {
        int allowed = 100;
        LiveServer server = new LiveServer();
        server.connector.setProperty("maxHeaderCount", String.valueOf(allowed));
        server.add(Level.ENGINE, valve("remoteIpHeader", "X-Forwarded-For", "trustedProxies", "198\\.51\\.100\\.9"));
        server.logAccess("%{x-forwarded-for}i %s", false);
        server.start();
        try (server;
                RawClient client = new RawClient(PROXY, server.port())) {
            String others = "\r\nX-A: b".repeat(allowed - 2);
            for (int i = 0; i < 2; i++) {
                Reply reply = client.sendRaw(
                        "GET / HTTP/1.1\r\nHost: app.internal" + others + "\r\nX-Forwarded-For: " + chain + "\r\n\r\n");
                assertThat(reply.status()).isEqualTo(200);
                assertThat(reply.seen("remoteAddr")).isEqualTo("203.0.113.7");
            }
            await().untilAsserted(() -> assertThat(server.accessLog).containsExactly(chain + " 200", chain + " 200"));
        }
    }

    @Test
    void aChainOfTenThousandProxiesIsWalkedToItsClient() throws Exception {
        String proxies = ", 127.0.0.5".repeat(MANY);
        Reply oneLine = get(xForwarded, "X-Forwarded-For: 6.6.6.6, 203.0.113.7" + proxies);
        Reply manyLines =
                get(xForwarded, "X-Forwarded-For: 203.0.113.7" + "\r\nX-Forwarded-For: 127.0.0.5".repeat(MANY));
        Reply elements = get(forwarded, "Forwarded: for=203.0.113.7" + ", for=127.0.0.5".repeat(MANY));
        for (Reply reply : new Reply[] {oneLine, manyLines, elements}) {
            assertThat(reply.seen("remoteAddr")).isEqualTo("203.0.113.7");
            assertThat(reply.seen("forwarded.ips"))
                    .startsWith("[203.0.113.7, 127.0.0.5, 127.0.0.5, ")
                    .hasSize(110_013);
            assertThat(reply.seen("forwarded.reason")).isEqualTo("CLIENT");
        }
    }

    @Test
    void tenThousandMembersOfAStrangerAreNotWalked() throws Exception {
        Reply reply = get(xForwarded, "X-Forwarded-For: " + "6.6.6.6, ".repeat(MANY) + "203.0.113.7");
        assertThat(reply.seen("remoteAddr")).isEqualTo("203.0.113.7");
        assertThat(reply.seen("forwarded.ips")).isEqualTo("[203.0.113.7]");
    }

    @ParameterizedTest
    @ValueSource(strings = {"for=\"", "for=\"\\\"", "\"\\", "for=\"a\"\"", "for=\"1.2.3.4\";for=\""})
    void aBombOfQuotesIsOneBadMember(String part) throws Exception {
        String bomb = "Forwarded: " + part.repeat(MANY) + "!";
        assertThat(get(forwarded, bomb).seen("forwarded.reason")).isEqualTo("MALFORMED");
        assertThat(get(forwarded, bomb).seen("remoteAddr")).isEqualTo(PROXY);
        // F3: what a proxy writes on a line of its own is not swallowed by it.
        assertThat(get(forwarded, bomb + "\r\nForwarded: for=203.0.113.7").seen("remoteAddr"))
                .isEqualTo("203.0.113.7");
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', textBlock = """
            fe80::1%eth0            | 127.0.0.5   | MALFORMED
            [fe80::1%25eth0]:80     | 127.0.0.5   | MALFORMED
            203.0.113.7%1           | 127.0.0.5   | MALFORMED
            203.0.113.7:0           | 127.0.0.5   | MALFORMED
            203.0.113.7:65536       | 127.0.0.5   | MALFORMED
            203.0.113.7:            | 127.0.0.5   | MALFORMED
            203.0.113.7:80:80       | 127.0.0.5   | MALFORMED
            203.0.113.7:65535       | 203.0.113.7 | CLIENT
            [2001:db8::7]:1         | 2001:db8::7 | CLIENT
            """)
    void zonesAndPortsOfAMember(String member, String ip, String reason) throws Exception {
        Reply reply = get(xForwarded, "X-Forwarded-For: 6.6.6.6, " + member + ", 127.0.0.5");
        assertThat(reply.seen("remoteAddr")).isEqualTo(ip);
        assertThat(reply.seen("forwarded.reason")).isEqualTo(reason);
    }

    /** A lone continuation byte, a cut sequence, an overlong slash, a surrogate, UTF-16, and bytes that UTF-8 never has. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "\u0080",
                "\u00c3",
                "\u00c0\u00af",
                "\u00ed\u00a0\u0080",
                "\u00fe\u00ffa",
                "\u00ff\u00ff\u00ff\u00ff"
            })
    void bytesThatAreNoTextAreNoAddressAndNoHost(String bytes) throws Exception {
        Reply chain = get(xForwarded, "X-Forwarded-For: 203.0.113.7" + bytes + ", 127.0.0.5");
        assertThat(chain.seen("remoteAddr")).isEqualTo("127.0.0.5");
        assertThat(chain.seen("forwarded.reason")).isEqualTo("MALFORMED");
        assertThat(get(forwarded, "Forwarded: for=\"" + bytes + "\"").seen("remoteAddr"))
                .isEqualTo(PROXY);

        Reply values = get(
                xForwarded,
                "X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Host: a" + bytes + ".example\r\nX-Forwarded-Proto: https"
                        + bytes + "\r\nX-Forwarded-Port: 8" + bytes);
        assertThat(values.status()).isEqualTo(200);
        assertThat(values.seen("remoteAddr")).isEqualTo("203.0.113.7");
        assertThat(values.seen("url")).isEqualTo("http://app.internal/");
    }
}
