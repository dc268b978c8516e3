package dev.clowder.valve;

import static dev.clowder.valve.LiveServer.valve;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.clowder.valve.LiveServer.Level;
import org.apache.catalina.AccessLog;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What the application is asked for: virtual host, redirects, cookies, context path. 127.0.0.1 is a trusted proxy. */
class ForwardedTargetTest {

    private static final String PROXY = "127.0.0.1";

    @Test
    void theForwardedHostChoosesTheVirtualHost() throws Exception {
        try (LiveServer server = LiveServer.with(Level.ENGINE, valve("trust", PROXY));
                RawClient client = new RawClient(PROXY, server.port())) {
            assertThat(client.get("/", "X-Forwarded-Host: shop.example").seen("application"))
                    .isEqualTo("shop.example");
            assertThat(client.get("/app/", "X-Forwarded-Host: shop.example").seen("application"))
                    .isEqualTo("shop.example/app");
            assertThat(client.get("/").seen("application")).isEqualTo("app.internal");
        }
    }

    @Test
    void aSessionCookieIsSecureBehindAProxyWithTls() throws Exception {
        try (LiveServer server = LiveServer.with(Level.ENGINE, valve("trust", PROXY));
                RawClient client = new RawClient(PROXY, server.port())) {
            assertThat(client.get("/session", "X-Forwarded-Proto: https")
                            .headers()
                            .get("set-cookie"))
                    .contains("; Secure");
            assertThat(client.get("/session").headers().get("set-cookie")).doesNotContain("Secure");
        }
    }

    @Test
    void redirectsCarryTheOutsideSchemeHostAndPort() throws Exception {
        LiveServer server = new LiveServer();
        server.add(Level.ENGINE, valve("trust", PROXY));
        for (String path : new String[] {"", "/app"}) {
            ((org.apache.catalina.Context)
                            server.tomcat.getEngine().findChild("app.internal").findChild(path))
                    .setUseRelativeRedirects(false);
        }
        server.start();
        try (server;
                RawClient client = new RawClient(PROXY, server.port())) {
            String[] outside = {"X-Forwarded-Proto: https", "X-Forwarded-Host: app.internal:8443"};
            assertThat(client.get("/redirect", outside).headers())
                    .containsEntry("location", "https://app.internal:8443/there");
            // The redirect to the root of a context is made before any valve runs.
            assertThat(client.get("/app", outside).headers())
                    .containsEntry("location", "https://app.internal:8443/app/");
        }
    }

    /** Tomcat takes isSecure from the connector unless a scheme is set. */
    @ParameterizedTest
    @EnumSource(Level.class)
    void whatTheProxySaysOfTlsOutdoesTheConnector(Level level) throws Exception {
        for (boolean secure : new boolean[] {true, false}) {
            LiveServer server = new LiveServer();
            server.connector.setScheme(secure ? "http" : "https");
            server.connector.setSecure(secure);
            server.add(level, valve("trust", PROXY));
            server.start();
            try (server;
                    RawClient client = new RawClient(PROXY, server.port())) {
                RawClient.Reply https = client.get("/", "X-Forwarded-Proto: https");
                assertThat(https.seen("scheme") + " " + https.seen("secure")).isEqualTo("https true");
                RawClient.Reply http = client.get("/", "X-Forwarded-Proto: http");
                assertThat(http.seen("scheme") + " " + http.seen("secure")).isEqualTo("http false");
                assertThat(client.get("/").seen("secure")).isEqualTo(String.valueOf(secure));
                // A host says nothing of TLS, and the connector's word stands.
                RawClient.Reply host = client.get("/", "X-Forwarded-Host: app.internal");
                assertThat(host.seen("secure")).isEqualTo(String.valueOf(secure));
                assertThat(host.seen("forwarded.secure")).isEqualTo(String.valueOf(secure));
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Level.class)
    void inPlaceOfRemoteIpValveAClientAloneChangesNothingOfTls(Level level) throws Exception {
        for (boolean secure : new boolean[] {true, false}) {
            LiveServer server = new LiveServer();
            server.connector.setScheme(secure ? "http" : "https");
            server.connector.setSecure(secure);
            server.add(level, valve("remoteIpHeader", "X-Forwarded-For"));
            server.start();
            try (server;
                    RawClient client = new RawClient(PROXY, server.port())) {
                RawClient.Reply reply = client.get("/", "X-Forwarded-For: 203.0.113.7");
                assertThat(reply.seen("remoteAddr")).isEqualTo("203.0.113.7");
                assertThat(reply.seen("secure")).isEqualTo(String.valueOf(secure));
            }
        }
    }

    /** Tomcat refuses these when it has read them whole: what the proxy says of them counts. */
    @ParameterizedTest
    @EnumSource(
            value = Level.class,
            names = {"ENGINE", "HOST"}) // Without a path there is no context.
    void whatTomcatRefusesAfterReadingItIsTheClients(Level level) throws Exception {
        LiveServer server = new LiveServer();
        ForwardedValve valve = valve("trust", PROXY);
        server.add(level, valve);
        server.logAccess("%a %s", false);
        server.start();
        try (server) {
            for (String line : new String[] {"TRACE / HTTP/1.1", "GET /%5c HTTP/1.1"}) {
                server.accessLog.clear();
                try (RawClient client = new RawClient(PROXY, server.port())) {
                    int status = client.sendRaw(line + "\r\nHost: app.internal\r\nX-Forwarded-For: 203.0.113.7\r\n\r\n")
                            .status();
                    assertThat(status).isBetween(400, 405);
                    await().untilAsserted(() -> assertThat(server.accessLog).containsExactly("203.0.113.7 " + status));
                }
            }
            assertThat(valve.getUntrustedPeerCount()).isZero();
        }
    }

    /** A CDN that ends TLS sends its header with the address, and the usual one with the protocol. */
    @Test
    void besideAHeaderWithOneAddressTheProtocolCountsAndTheHostOnlyIfItIsNamed() throws Exception {
        String[] lines = {"X-Real-IP: 203.0.113.7", "X-Forwarded-Proto: https", "X-Forwarded-Host: shop.example"};
        try (LiveServer server = LiveServer.with(Level.ENGINE, valve("trust", PROXY, "headers", "x-real-ip"));
                RawClient client = new RawClient(PROXY, server.port())) {
            RawClient.Reply reply = client.get("/", lines);
            assertThat(reply.seen("remoteAddr")).isEqualTo("203.0.113.7");
            assertThat(reply.seen("scheme") + " " + reply.seen("secure")).isEqualTo("https true");
            assertThat(reply.seen("application")).isEqualTo("app.internal");
            assertThat(reply.seen("header.x-forwarded-host")).isNull();
        }
        ForwardedValve named = valve("trust", PROXY, "headers", "x-real-ip", "hostHeader", "X-Forwarded-Host");
        try (LiveServer server = LiveServer.with(Level.ENGINE, named);
                RawClient client = new RawClient(PROXY, server.port())) {
            assertThat(client.get("/", lines).seen("application")).isEqualTo("shop.example");
        }
    }

    @ParameterizedTest
    @EnumSource(Level.class)
    void aRequestWithoutAHostHasTheDefaultHost(Level level) throws Exception {
        try (LiveServer server = LiveServer.with(level, valve("trust", PROXY, "requestAttributesEnabled", "true"))) {
            String without;
            try (RawClient client = new RawClient(PROXY, server.port())) {
                without = client.sendRaw("GET / HTTP/1.0\r\n\r\n").seen("serverName");
            }
            try (RawClient client = new RawClient(PROXY, server.port())) {
                String head = String.join(
                        "\r\n",
                        "GET / HTTP/1.0",
                        "Connection: keep-alive",
                        "X-Forwarded-For: 203.0.113.7",
                        "X-Forwarded-Proto: https",
                        "",
                        "");
                for (int i = 0; i < 2; i++) {
                    RawClient.Reply reply = client.sendRaw(head);
                    assertThat(reply.seen("serverName")).isEqualTo(without).isNotEmpty();
                    assertThat(reply.seen("url")).startsWith("https://" + without);
                    assertThat(reply.seen("forwarded.hostname")).isEqualTo(without);
                    assertThat(reply.seen("forwarded.host")).isEqualTo(without);
                    assertThat(reply.seen("forwarded.ip")).isEqualTo("203.0.113.7");
                    assertThat(reply.seen(AccessLog.SERVER_NAME_ATTRIBUTE)).isEqualTo(without);
                }
            }
        }
    }

    /** Here nothing else is left to be done after the mapping. */
    @Test
    void aRequestWithoutAHostAndWithoutAHeaderHasTheDefaultHostTooAndTheNextHasItsOwn() throws Exception {
        try (LiveServer server = LiveServer.with(Level.ENGINE, valve("trust", PROXY));
                RawClient client = new RawClient(PROXY, server.port())) {
            String without = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
            for (int i = 0; i < 2; i++) {
                assertThat(client.sendRaw(without).seen("forwarded.hostname")).isEqualTo("app.internal");
                assertThat(client.sendRaw(without).seen("forwarded.host")).isEqualTo("app.internal:" + server.port());
                assertThat(client.get("/").seen("forwarded.host")).isEqualTo("app.internal:8080");
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Level.class)
    void thePrefixTakesThePlaceOfTheContextPathInEveryDispatch(Level level) throws Exception {
        ForwardedValve valve = valve("trust", PROXY, "prefix", "true");
        LiveServer server = new LiveServer();
        if (level == Level.CONTEXT) {
            server.tomcat
                    .getEngine()
                    .findChild("app.internal")
                    .findChild("/app")
                    .getPipeline()
                    .addValve(valve);
        } else {
            server.add(level, valve);
        }
        server.start();
        try (server;
                RawClient client = new RawClient(PROXY, server.port())) {
            String prefix = "X-Forwarded-Prefix: /out";
            assertThat(client.get("/app/a%20b", prefix).seen("uri")).isEqualTo("/out/a%20b");
            assertThat(client.get("/app/x", prefix).seen("contextPath")).isEqualTo("/out");
            assertThat(client.get("/app/x", prefix).seen("url")).isEqualTo("http://app.internal:8080/out/x");
            assertThat(client.get("/app/forward", prefix).seen("uri")).isEqualTo("/out/forwarded-to");
            assertThat(client.get("/app/include", prefix).seen("uri")).isEqualTo("/out/include");
            assertThat(client.get("/app/error", prefix).seen("uri")).isEqualTo("/out/error-page");
            assertThat(client.get("/app/async", prefix).seen("uri")).isEqualTo("/out/dispatched-to");
            assertThat(client.get("/app/complete", prefix).seen("uri")).isEqualTo("/out/complete");
            assertThat(client.get("/app/redirect", prefix).headers()).containsEntry("location", "/out/there");
            assertThat(client.get("/app/x").seen("uri")).isEqualTo("/app/x");
        }
    }
}
