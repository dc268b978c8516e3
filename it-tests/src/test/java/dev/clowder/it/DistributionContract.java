package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.clowder.arquillian.TomcatProcess;
import dev.clowder.it.HttpConnection.Response;
import dev.clowder.it.app.HandshakeEndpoint;
import dev.clowder.it.app.HandshakeFilter;
import dev.clowder.it.app.SessionServlet;
import java.io.IOException;
import java.net.InetAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jboss.arquillian.junit5.container.annotation.ArquillianTest;
import org.jboss.arquillian.test.api.ArquillianResource;
import org.jboss.shrinkwrap.api.spec.WebArchive;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What our jar does in the {@code lib/} of a Tomcat as its makers distribute it, configured in {@code server.xml} as in
 * {@code arquillian.xml}. 127.0.0.1 is a trusted proxy, 127.0.0.2 is anybody.
 */
@ArquillianTest
abstract class DistributionContract {
    /** The connectors in the order of {@code server.xml}. */
    private static final int PLAIN = 1;

    private static final int PROXY_REQUIRED = 2;
    private static final int PROXY_MIXED = 3;
    private static final int IN_PLACE_OF_REMOTE_IP_VALVE = 4;

    private static final String ANYBODY = "127.0.0.2";
    private static final String[] PROXIED = {
        "X-Forwarded-For: 6.6.6.6, 203.0.113.7:4711",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Host: www.example.com:8443"
    };

    @ArquillianResource
    private TomcatProcess tomcat;

    static WebArchive application() {
        return Apps.probe("probe.war").addClasses(SessionServlet.class, HandshakeEndpoint.class, HandshakeFilter.class);
    }

    /** The line of Tomcat, as the beginning of its version. */
    abstract String line();

    @Test
    void itIsTheTomcatThatWasMeant() {
        assertThat(tomcat.output()).contains("Server version name:   Apache Tomcat/" + line());
    }

    @Test
    @DisplayName("a trusted proxy is believed in everything: address, port, scheme, secure, host, URL, attribute, JSP")
    void aTrustedProxyIsBelieved() throws IOException {
        Map<String, String> seen = Details.of(get(PLAIN, "/probe/details", PROXIED));
        assertThat(seen)
                .containsEntry("remoteAddr", "203.0.113.7")
                .containsEntry("remoteHost", "203.0.113.7")
                .containsEntry("remotePort", "4711")
                .containsEntry("scheme", "https")
                .containsEntry("secure", "true")
                .containsEntry("serverName", "www.example.com")
                .containsEntry("serverPort", "8443")
                .containsEntry("url", "https://www.example.com:8443/probe/details")
                .containsEntry("forwarded.ips", "[203.0.113.7]")
                .containsEntry("forwarded.reason", "CLIENT")
                .containsEntry("same", "true");
        assertThat(get(PLAIN, "/probe/forwarded.jsp", PROXIED).body().strip()).isEqualTo("[203.0.113.7] CLIENT");
    }

    @Test
    @DisplayName("anybody else is not: the headers count for nothing, and the application does not even see them")
    void headersOfAnybodyElseCountForNothing() throws IOException {
        Map<String, String> seen = Details.of(getFrom(ANYBODY, PLAIN, "", "/probe/details", PROXIED));
        assertThat(seen)
                .containsEntry("remoteAddr", ANYBODY)
                .containsEntry("scheme", "http")
                .containsEntry("secure", "false")
                .containsEntry("serverName", "127.0.0.1")
                .containsEntry("forwarded.reason", "UNTRUSTED_PEER");
        assertThat(seen.get("headers")).doesNotContainIgnoringCase("x-forwarded");
    }

    @Test
    @DisplayName("the forwarded host chooses the virtual host; that of anybody does not")
    void theForwardedHostChoosesTheVirtualHost() throws IOException {
        String shop = "X-Forwarded-Host: shop.example.com";
        assertThat(Details.of(get(PLAIN, "/probe/details", shop)))
                .containsEntry("virtualHost", "Catalina/shop.example.com");
        assertThat(Details.of(getFrom(ANYBODY, PLAIN, "", "/probe/details", shop)))
                .containsEntry("virtualHost", "Catalina/localhost");
    }

    @Test
    @DisplayName("the session cookie is Secure if TLS ends at the proxy, and only then")
    void theSessionCookieIsSecureBehindTls() throws IOException {
        assertThat(get(PLAIN, "/probe/session", PROXIED).header("Set-Cookie")).contains("JSESSIONID=", "; Secure");
        assertThat(get(PLAIN, "/probe/session").header("Set-Cookie"))
                .contains("JSESSIONID=")
                .doesNotContain("Secure");
    }

    @Test
    @DisplayName("Tomcat's own redirect to the root of an application carries the outside scheme, host and port")
    void theContextRootRedirectGoesOutside() throws IOException {
        Response redirect = get(PLAIN, "/probe", PROXIED);
        assertThat(redirect.status()).isEqualTo(302);
        assertThat(redirect.header("Location")).isEqualTo("https://www.example.com:8443/probe/");
        assertThat(get(PLAIN, "/probe/redirect", PROXIED).header("Location"))
                .isEqualTo("https://www.example.com:8443/probe/target");
    }

    @Test
    @DisplayName("a WebSocket's handshake through a proxy with TLS: wss is shown as https, secure, with the client")
    void aWebSocketKnowsItsClient() throws Exception {
        assertThat(handshake("X-Forwarded-For", "203.0.113.7:4711", "X-Forwarded-Proto", "wss", "X-Real-IP", "6.6.6.6"))
                .isEqualTo("true wss://127.0.0.1/probe/handshake 203.0.113.7:4711 https true null");
        assertThat(handshake("X-Forwarded-For", "203.0.113.7", "X-Forwarded-Proto", "ws"))
                .isEqualTo("false ws://127.0.0.1:" + tomcat.port(PLAIN)
                        + "/probe/handshake 203.0.113.7:0 http false null");
        assertThat(handshake(
                        "X-Forwarded-For",
                        "203.0.113.7:4711",
                        "X-Forwarded-Proto",
                        "https",
                        "X-Forwarded-Host",
                        "www.example.com:8443"))
                .isEqualTo("true wss://www.example.com:8443/probe/handshake 203.0.113.7:4711 https true null");
    }

    @Test
    @DisplayName("a WebSocket that begins on a used connection knows its own client and nothing of the request before")
    void aWebSocketOnAUsedConnectionInheritsNothing() throws IOException {
        try (HttpConnection connection = HttpConnection.open(tomcat.port(PLAIN))) {
            assertThat(afterAPlainRequest(
                            connection, "X-Forwarded-For: 203.0.113.8", "X-Forwarded-Host: ws.example.com"))
                    .isEqualTo("false ws://ws.example.com/probe/handshake 203.0.113.8:0 http false null");
        }
        try (HttpConnection connection = HttpConnection.open(tomcat.port(PLAIN))) {
            assertThat(afterAPlainRequest(connection))
                    .isEqualTo("false ws://127.0.0.1:" + tomcat.port(PLAIN) + "/probe/handshake 127.0.0.1:"
                            + connection.localPort() + " http false null");
        }
    }

    /** Sends a plain request of another client, then the handshake with these lines, and returns the answer to a message. */
    private static String afterAPlainRequest(HttpConnection connection, String... lines) throws IOException {
        assertThat(Details.of(connection.get("/probe/details", PROXIED))).containsEntry("remoteAddr", "203.0.113.7");
        List<String> all = new ArrayList<>(List.of(
                "Connection: Upgrade",
                "Upgrade: websocket",
                "Sec-WebSocket-Version: 13",
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="));
        all.addAll(List.of(lines));
        connection.send(connection.head("GET", "/probe/handshake", all.toArray(new String[0])));
        assertThat(connection.readHead().status()).isEqualTo(101);
        // A text of one letter under a mask of zeros (RFC 6455, section 5.2); the answer fits into the short form too.
        connection.send(new byte[] {(byte) 0x81, (byte) 0x81, 0, 0, 0, 0, '?'});
        byte[] head = connection.readBytes(2);
        return new String(connection.readBytes(head[1]), StandardCharsets.UTF_8);
    }

    /** Opens a WebSocket with these headers and returns the answer to a message. */
    private String handshake(String... headers) throws Exception {
        BlockingQueue<String> received = new LinkedBlockingQueue<>();
        WebSocket.Builder builder = HttpClient.newHttpClient().newWebSocketBuilder();
        for (int i = 0; i < headers.length; i += 2) {
            builder.header(headers[i], headers[i + 1]);
        }
        WebSocket socket = builder.buildAsync(
                        URI.create("ws://127.0.0.1:" + tomcat.port(PLAIN) + "/probe/handshake"),
                        new WebSocket.Listener() {
                            @Override
                            public CompletionStage<?> onText(WebSocket from, CharSequence data, boolean last) {
                                received.add(data.toString());
                                return null;
                            }
                        })
                .get(30, TimeUnit.SECONDS);
        try {
            socket.sendText("who am I?", true).get(30, TimeUnit.SECONDS);
            return received.poll(30, TimeUnit.SECONDS);
        } finally {
            socket.abort();
        }
    }

    @Test
    @DisplayName("the access log has the client, its port, the peer and the reason")
    void theAccessLogNamesTheClient() throws IOException {
        get(PLAIN, "/probe/details?one", PROXIED);
        get(PLAIN, "/probe/details?two");
        getFrom(ANYBODY, PLAIN, "", "/probe/details?three", PROXIED);
        assertLogged("?one", "203.0.113.7 203.0.113.7 4711 127.0.0.1 200 203.0.113.7 CLIENT ");
        assertLogged("?two", "127.0.0.1 127.0.0.1 \\d+ 127.0.0.1 200 127.0.0.1 NO_HEADER ");
        assertLogged("?three", "127.0.0.2 127.0.0.2 \\d+ 127.0.0.2 200 127.0.0.2 UNTRUSTED_PEER ");
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', textBlock = """
            line   | GET /bad?%s HTTP/1.1 x\\r\\nHost: a\\r\\nX-Forwarded-For: 6.6.6.6\\r\\n
            header | GET /bad?%s HTTP/1.1\\r\\nHost: a\\r\\nX-Forwarded-For: 6.6.6.6\\r\\nno header\\r\\n
            host   | GET /bad?%s HTTP/1.1\\r\\nHost: a b\\r\\nX-Forwarded-For: 6.6.6.6\\r\\n
            """)
    @DisplayName(
            "a request that Tomcat's parser refuses is logged with the peer, on a new connection and on a used one")
    void aRequestThatIsRefusedWhileParsingIsLoggedWithThePeer(String name, String bad) throws IOException {
        String request = bad.replace("\\r\\n", "\r\n") + PROXIED[0] + "\r\n\r\n";
        try (HttpConnection connection = HttpConnection.open(tomcat.port(PLAIN))) {
            connection.send(request.replace("%s", name + "-first"));
            assertThat(connection.read().status()).isEqualTo(400);
        }
        try (HttpConnection connection = HttpConnection.open(tomcat.port(PLAIN))) {
            assertThat(connection.get("/probe/details", PROXIED).status()).isEqualTo(200);
            connection.send(request.replace("%s", name + "-later"));
            assertThat(connection.read().status()).isEqualTo(400);
        }
        String peer = "127.0.0.1 127.0.0.1 \\d+ 127.0.0.1 400 127.0.0.1 UNTRUSTED_PEER ";
        assertLogged("?" + name + "-first", peer);
        assertLogged("?" + name + "-later", peer);
    }

    @Test
    @DisplayName("RemoteIpValve's settings under our class name: what Tomcat's valve does")
    void remoteIpValvesSettingsKeepWorking() throws IOException {
        Map<String, String> seen = Details.of(get(
                IN_PLACE_OF_REMOTE_IP_VALVE,
                "/probe/details",
                PROXIED[1],
                PROXIED[2],
                "X-Forwarded-For: 6.6.6.6, 203.0.113.7, 10.0.0.1"));
        assertThat(seen)
                .containsEntry("remoteAddr", "203.0.113.7")
                .containsEntry("scheme", "https")
                .containsEntry("secure", "true")
                .containsEntry("serverPort", "443")
                .containsEntry("serverName", "127.0.0.1");
        assertThat(Details.of(getFrom(ANYBODY, IN_PLACE_OF_REMOTE_IP_VALVE, "", "/probe/details", PROXIED)))
                .containsEntry("remoteAddr", ANYBODY)
                .containsEntry("scheme", "http");
    }

    @ParameterizedTest(name = "connector {0}")
    @ValueSource(ints = {PROXY_REQUIRED, PROXY_MIXED})
    @DisplayName("PROXY protocol, version 1 and 2: the source is the peer, for the application and the access log")
    void theSourceOfAProxyHeaderIsThePeer(int connector) throws IOException {
        String v1 = "PROXY TCP4 203.0.113.9 198.51.100.1 4711 80\r\n";
        String v2 = latin1("0d0a0d0a000d0a515549540a 21 11 000c cb00710a c6336401 1267 0050");
        assertPeer(connector, v1, "203.0.113.9", "v1");
        assertPeer(connector, v2, "203.0.113.10", "v2");
    }

    /** These bytes, as a text that is sent as them. */
    private static String latin1(String hex) {
        return new String(HexFormat.of().parseHex(hex.replace(" ", "")), StandardCharsets.ISO_8859_1);
    }

    private void assertPeer(int connector, String header, String source, String version) throws IOException {
        String query = "?" + version + "-on-" + connector;
        Map<String, String> seen =
                Details.of(getFrom("127.0.0.1", connector, header, "/probe/details" + query, PROXIED));
        assertThat(seen)
                .containsEntry("remoteAddr", source)
                .containsEntry("remotePort", "4711")
                .containsEntry("forwarded.peer", source)
                .containsEntry("forwarded.reason", "UNTRUSTED_PEER");
        assertLogged(query, source + " " + source + " 4711 " + source + " 200 " + source + " UNTRUSTED_PEER ");
    }

    @Test
    @DisplayName("PROXY protocol: a source that is a trusted proxy itself is believed")
    void aProxyBehindABalancerIsBelieved() throws IOException {
        String header = "PROXY TCP4 127.0.0.1 127.0.0.1 4711 80\r\n";
        assertThat(Details.of(getFrom("127.0.0.1", PROXY_REQUIRED, header, "/probe/details", PROXIED)))
                .containsEntry("remoteAddr", "203.0.113.7")
                .containsEntry("scheme", "https");
    }

    @Test
    @DisplayName("PROXY protocol, required: without a header, or with that of anybody, the connection is closed")
    void whoMustSendAHeaderAndDoesNotIsClosed() {
        String header = "PROXY TCP4 203.0.113.9 198.51.100.1 4711 80\r\n";
        assertThatThrownBy(() -> get(PROXY_REQUIRED, "/probe/details")).isInstanceOf(IOException.class);
        assertThatThrownBy(() -> getFrom(ANYBODY, PROXY_REQUIRED, header, "/probe/details"))
                .isInstanceOf(IOException.class);
    }

    @Test
    @DisplayName("PROXY protocol, mixed: anybody is served as he is, and one who sends a header is not believed")
    void withMixedAnybodyIsServedAsHeIs() throws IOException {
        assertThat(Details.of(getFrom(ANYBODY, PROXY_MIXED, "", "/probe/details")))
                .containsEntry("remoteAddr", ANYBODY);
        assertThat(getFrom(ANYBODY, PROXY_MIXED, "PROXY TCP4 203.0.113.9 198.51.100.1 4711 80\r\n", "/probe/details")
                        .status())
                .isEqualTo(400);
        assertThatThrownBy(() -> get(PROXY_MIXED, "/probe/details")).isInstanceOf(IOException.class);
    }

    /** Waits for the line of a request, which is written after its answer. */
    private void assertLogged(String query, String before) {
        await().atMost(Duration.ofSeconds(30))
                .until(() -> tomcat.log("access.txt").contains(query + " "));
        assertThat(tomcat.log("access.txt").lines().filter(line -> line.contains(query + " ")))
                .singleElement()
                .asString()
                .matches(before + ".*");
    }

    private Response get(int connector, String path, String... headerLines) throws IOException {
        return getFrom("127.0.0.1", connector, "", path, headerLines);
    }

    @SuppressWarnings("AddressSelection") // A literal has one address.
    private Response getFrom(String address, int connector, String before, String path, String... headerLines)
            throws IOException {
        try (HttpConnection connection = HttpConnection.open(InetAddress.getByName(address), tomcat.port(connector))) {
            connection.send(before);
            return connection.get(path, headerLines);
        }
    }
}
