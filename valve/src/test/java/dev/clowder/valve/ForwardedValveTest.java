package dev.clowder.valve;

import static dev.clowder.valve.LiveServer.valve;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.clowder.valve.LiveServer.Level;
import dev.clowder.valve.RawClient.Reply;
import java.io.OutputStream;
import java.net.StandardProtocolFamily;
import java.net.URI;
import java.net.UnixDomainSocketAddress;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.apache.catalina.LifecycleException;
import org.apache.catalina.connector.Connector;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The valve in a real Tomcat, asked over real sockets. 127.0.0.1 is a trusted proxy, 127.0.0.9 is anybody. */
class ForwardedValveTest {

    private static final String PROXY = "127.0.0.1";
    private static final String ANYBODY = "127.0.0.9";

    @ParameterizedTest
    @EnumSource(Level.class)
    void theApplicationSeesTheClientAndNotTheProxy(Level level) throws Exception {
        try (LiveServer server = LiveServer.with(level, valve("trust", PROXY));
                RawClient client = new RawClient(PROXY, server.port())) {
            Reply reply = client.get(
                    "/x",
                    "X-Forwarded-For: 6.6.6.6, 203.0.113.7:4711",
                    "X-Forwarded-Proto: https",
                    "X-Forwarded-Host: outside.example");

            assertThat(reply.seen("remoteAddr")).isEqualTo("203.0.113.7");
            assertThat(reply.seen("remoteHost")).isEqualTo("203.0.113.7");
            assertThat(reply.seen("remotePort")).isEqualTo("4711");
            assertThat(reply.seen("scheme")).isEqualTo("https");
            assertThat(reply.seen("secure")).isEqualTo("true");
            assertThat(reply.seen("serverName")).isEqualTo("outside.example");
            assertThat(reply.seen("serverPort")).isEqualTo("443");
            assertThat(reply.seen("url")).isEqualTo("https://outside.example/x");
            assertThat(reply.seen("forwarded.ip")).isEqualTo("203.0.113.7");
            assertThat(reply.seen("forwarded.ips")).isEqualTo("[203.0.113.7]");
            assertThat(reply.seen("forwarded.peer")).isEqualTo(PROXY);
            assertThat(reply.seen("forwarded.reason")).isEqualTo("CLIENT");
        }
    }

    @ParameterizedTest
    @EnumSource(Level.class)
    void spoofedHeadersOfAnUntrustedPeerAreIgnoredAndRemoved(Level level) throws Exception {
        try (LiveServer server = LiveServer.with(level, valve("trust", PROXY));
                RawClient client = new RawClient(ANYBODY, server.port())) {
            Reply reply = client.get(
                    "/",
                    "X-Forwarded-For: 6.6.6.6",
                    "X-Forwarded-Host: shop.example",
                    "X-Forwarded-Proto: https",
                    "X_Forwarded_For: 6.6.6.6",
                    "Forwarded: for=6.6.6.6",
                    "X-Other: kept");

            assertThat(reply.seen("remoteAddr")).isEqualTo(ANYBODY);
            assertThat(reply.seen("remotePort")).isEqualTo(String.valueOf(client.localPort()));
            assertThat(reply.seen("scheme")).isEqualTo("http");
            assertThat(reply.seen("application")).isEqualTo("app.internal");
            assertThat(reply.seen("url")).isEqualTo("http://app.internal:8080/");
            assertThat(reply.seen("forwarded.reason")).isEqualTo("UNTRUSTED_PEER");
            assertThat(reply.seen("header.x-other")).isEqualTo("kept");
            assertThat(reply.body()).doesNotContain("6.6.6.6").doesNotContainIgnoringCase("header.x-forwarded");
        }
    }

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

    @ParameterizedTest
    @EnumSource(Level.class)
    void nothingIsInheritedByTheNextRequestOfAConnection(Level level) throws Exception {
        try (LiveServer server = LiveServer.with(level, valve("trust", PROXY));
                RawClient client = new RawClient(PROXY, server.port())) {
            String before = client.get("/").body();
            for (String path : new String[] {"/", "/async", "/forward", "/error", "/redirect", "/app"}) {
                client.get(
                        path,
                        "X-Forwarded-For: 203.0.113.7:4711",
                        "X-Forwarded-Proto: https",
                        "X-Forwarded-Host: outside.example:444");

                assertThat(client.get("/").body()).as("after " + path).isEqualTo(before);
            }
            assertThat(before).contains("remoteAddr=127.0.0.1", "remotePort=" + client.localPort(), "scheme=http");
        }
    }

    @ParameterizedTest
    @EnumSource(Level.class)
    void everyDispatchSeesTheSameClient(Level level) throws Exception {
        try (LiveServer server = LiveServer.with(level, valve("trust", PROXY));
                RawClient client = new RawClient(PROXY, server.port())) {
            String[] headers = {"X-Forwarded-For: 203.0.113.7:4711", "X-Forwarded-Proto: https"};

            Reply forward = client.get("/forward", headers);
            Reply error = client.get("/error", headers);
            Reply async = client.get("/async", headers);

            assertThat(forward.seen("dispatch")).isEqualTo("FORWARD");
            assertThat(error.seen("dispatch")).isEqualTo("ERROR");
            assertThat(async.seen("dispatch")).isEqualTo("ASYNC");
            assertThat(async.seen("onThread")).isEqualTo("203.0.113.7:4711");
            for (Reply reply : new Reply[] {forward, error, async}) {
                assertThat(reply.seen("remoteAddr")).isEqualTo("203.0.113.7");
                assertThat(reply.seen("remotePort")).isEqualTo("4711");
                assertThat(reply.seen("url")).startsWith("https://app.internal/");
                assertThat(reply.seen("forwarded.reason")).isEqualTo("CLIENT");
            }
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void theAccessLogNamesTheClient(boolean requestAttributes) throws Exception {
        LiveServer server = new LiveServer();
        server.add(Level.ENGINE, valve("trust", PROXY));
        server.logAccess("%a %h %{remote}p %v %p %s %{forwarded}r %{peer}a", requestAttributes);
        server.start();
        try (server;
                RawClient client = new RawClient(PROXY, server.port())) {
            client.get("/", "X-Forwarded-For: 203.0.113.7:4711");
            client.get("/async", "X-Forwarded-For: 203.0.113.8");
            client.get("/app", "X-Forwarded-For: 203.0.113.9");
            client.get("/");

            // The line is written after the answer.
            await().atMost(Duration.ofSeconds(10)).until(() -> server.accessLog.size() == 4);
            assertThat(server.accessLog)
                    .containsExactly(
                            "203.0.113.7 203.0.113.7 4711 app.internal 8080 200 203.0.113.7 CLIENT 127.0.0.1",
                            "203.0.113.8 203.0.113.8 0 app.internal 8080 200 203.0.113.8 CLIENT 127.0.0.1",
                            "203.0.113.9 203.0.113.9 0 app.internal 8080 302 203.0.113.9 CLIENT 127.0.0.1",
                            "127.0.0.1 127.0.0.1 " + client.localPort()
                                    + " app.internal 8080 200 127.0.0.1 NO_HEADER 127.0.0.1");
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

    @Test
    void everyStreamOfAnHttp2ConnectionHasItsOwnClient() throws Exception {
        try (LiveServer server = LiveServer.with(Level.ENGINE, valve("trust", "loopback"))) {
            HttpClient client =
                    HttpClient.newBuilder().version(HttpClient.Version.HTTP_2).build();
            URI uri = URI.create("http://127.0.0.1:" + server.port() + "/");
            for (int i = 1; i <= 3; i++) {
                HttpRequest with = HttpRequest.newBuilder(uri)
                        .header("X-Forwarded-For", "203.0.113." + i + ":" + i)
                        .header("X-Forwarded-Host", "shop.example")
                        .header("X-Forwarded-Proto", "https")
                        .build();
                HttpResponse<String> reply = client.send(with, HttpResponse.BodyHandlers.ofString());
                assertThat(reply.version()).isEqualTo(HttpClient.Version.HTTP_2);
                assertThat(reply.body())
                        .contains("protocol=HTTP/2.0")
                        .contains("remoteAddr=203.0.113." + i + "\n")
                        .contains("remotePort=" + i + "\n")
                        .contains("application=shop.example\n")
                        .contains("url=https://shop.example/\n");

                HttpRequest without = HttpRequest.newBuilder(uri).build();
                assertThat(client.send(without, HttpResponse.BodyHandlers.ofString())
                                .body())
                        .contains("remoteAddr=127.0.0.1\n", "secure=false", "application=app.internal\n");
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Level.class)
    void aChainThatIsToBeRefusedNeverReachesTheApplication(Level level) throws Exception {
        try (LiveServer server =
                LiveServer.with(level, valve("trust", PROXY, "malformed", "reject", "conflict", "reject"))) {
            Reply malformed = once(server, "X-Forwarded-For: junk");
            Reply conflict = once(server, "X-Forwarded-For: 203.0.113.7", "Forwarded: for=203.0.113.8");
            Reply agreement = once(server, "X-Forwarded-For: 203.0.113.7", "Forwarded: for=203.0.113.7");

            assertThat(malformed.status()).isEqualTo(400);
            assertThat(malformed.body()).doesNotContain("application=");
            assertThat(conflict.status()).isEqualTo(400);
            assertThat(conflict.body()).doesNotContain("application=");
            assertThat(agreement.seen("remoteAddr")).isEqualTo("203.0.113.7");
        }
    }

    /** A request of the proxy on a connection of its own: Tomcat closes it after a 400. */
    private static Reply once(LiveServer server, String... headers) throws Exception {
        try (RawClient client = new RawClient(PROXY, server.port())) {
            return client.get("/", headers);
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
            assertThat(client.get("/app/error", prefix).seen("uri")).isEqualTo("/out/error-page");
            assertThat(client.get("/app/async", prefix).seen("uri")).isEqualTo("/out/dispatched-to");
            assertThat(client.get("/app/redirect", prefix).headers()).containsEntry("location", "/out/there");
            assertThat(client.get("/app/x").seen("uri")).isEqualTo("/app/x");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "trust|10.0.0.0/8, 0.0.0.0/0",
                "trust|loopbak",
                "headers|x-forwarded-for",
                "conflict|refuse",
                "malformed|true",
                "strip|yes",
                "hosts|*",
                "subdomainOffset|-1",
                "prefix|on",
                "forHeader|X_Forwarded_For",
                "hostHeader|X-Forwarded-For",
                "trustFile|no-such-file",
                "trsut|loopback",
            })
    void whatCannotBeRightStopsTheStartAndIsNamed(String setting) throws Exception {
        String attribute = setting.substring(0, setting.indexOf('|'));
        String text = setting.substring(setting.indexOf('|') + 1);
        LiveServer server = new LiveServer();
        server.add(Level.ENGINE, valve(attribute, text));
        try (server) {
            assertThatThrownBy(server::start)
                    .isInstanceOf(LifecycleException.class)
                    .hasStackTraceContaining("ForwardedValve can't start: " + attribute + "=\"")
                    .hasStackTraceContaining(text + "\": ");
            assertThat(server.connector.getState().isAvailable()).isFalse();
        }
    }

    @Test
    void aSecondValveOnTheWayLeavesTheRequestAlone() throws Exception {
        LiveServer server = new LiveServer();
        server.add(Level.ENGINE, valve("trust", PROXY));
        server.add(Level.CONTEXT, valve("trust", "true"));
        server.start();
        try (server;
                RawClient client = new RawClient(PROXY, server.port())) {
            Reply reply = client.get("/", "X-Forwarded-For: 6.6.6.6, 203.0.113.7");

            assertThat(reply.seen("remoteAddr")).isEqualTo("203.0.113.7");
        }
    }

    @Test
    void twoValvesInOnePipelineAreAMistake() throws Exception {
        LiveServer server = new LiveServer();
        server.add(Level.ENGINE, valve());
        server.add(Level.ENGINE, valve());
        try (server) {
            assertThatThrownBy(server::start).hasStackTraceContaining("two ForwardedValves");
        }
    }

    @Test
    void thePeerOfAUnixSocketIsTrustedByItsKeywordOnly() throws Exception {
        for (String trust : new String[] {"loopback", "unix"}) {
            LiveServer server = new LiveServer();
            server.add(Level.ENGINE, valve("trust", trust));
            Path path = server.base().resolve("s");
            Connector unix = new Connector();
            unix.setProperty("unixDomainSocketPath", path.toString());
            server.tomcat.getService().addConnector(unix);
            server.start();
            try (server;
                    SocketChannel socket = SocketChannel.open(StandardProtocolFamily.UNIX)) {
                socket.connect(UnixDomainSocketAddress.of(path));
                OutputStream out = Channels.newOutputStream(socket);
                out.write("GET / HTTP/1.1\r\nHost: app.internal\r\nX-Forwarded-For: 203.0.113.7\r\n\r\n"
                        .getBytes(StandardCharsets.US_ASCII));
                Reply reply = RawClient.read(Channels.newInputStream(socket));

                assertThat(reply.seen("forwarded.peer")).isEqualTo("unix");
                assertThat(reply.seen("remoteAddr")).isEqualTo(trust.equals("unix") ? "203.0.113.7" : "unix");
            }
        }
    }

    @Test
    void aConnectorAddedToARunningServerIsCoveredToo() throws Exception {
        try (LiveServer server = LiveServer.with(Level.ENGINE, valve("trust", PROXY))) {
            Connector late = new Connector();
            late.setPort(0);
            server.tomcat.getService().addConnector(late);
            try (RawClient client = new RawClient(PROXY, late.getLocalPort())) {
                assertThat(client.get("/", "X-Forwarded-Host: shop.example").seen("application"))
                        .isEqualTo("shop.example");
            }
        }
    }

    @Test
    void whatTheProxySaysOfARequestOutweighsTheConnectorsProxyName() throws Exception {
        LiveServer server = new LiveServer();
        server.add(Level.ENGINE, valve("trust", PROXY));
        server.connector.setProxyName("front.example");
        server.connector.setProxyPort(81);
        server.start();
        try (server;
                RawClient client = new RawClient(PROXY, server.port())) {
            assertThat(client.get("/").seen("url")).isEqualTo("http://front.example:81/");
            Reply reply = client.get("/", "X-Forwarded-Host: outside.example", "X-Forwarded-Proto: https");
            assertThat(reply.seen("url")).isEqualTo("https://outside.example/");
            assertThat(reply.seen("forwarded.host")).isEqualTo("outside.example");
        }
    }

    /** Trusts whoever stands where it may, for the test of {@code class:}. */
    public static final class OnlyPeer implements TrustPolicy {
        @Override
        public boolean trusts(String address, int hop) {
            if (hop > 0 && address.equals("203.0.113.66")) {
                throw new IllegalStateException("asked about the unspeakable");
            }
            return hop == 0 && address.equals(PROXY);
        }
    }

    @Test
    void aPolicyOfYourOwnDecides() throws Exception {
        try (LiveServer server = LiveServer.with(Level.ENGINE, valve("trust", "class:" + OnlyPeer.class.getName()));
                RawClient client = new RawClient(PROXY, server.port())) {
            assertThat(client.get("/", "X-Forwarded-For: 6.6.6.6, 203.0.113.7").seen("remoteAddr"))
                    .isEqualTo("203.0.113.7");
            assertThat(client.get("/", "X-Forwarded-For: 6.6.6.6, 203.0.113.66").seen("remoteAddr"))
                    .as("a policy that throws trusts nobody")
                    .isEqualTo("203.0.113.66");
        }
    }

    @Test
    void aStoppedValveDoesNothingAndARestartedOneJudgesAsBefore() throws Exception {
        ForwardedValve valve = valve("trust", PROXY);
        try (LiveServer server = LiveServer.with(Level.ENGINE, valve);
                RawClient client = new RawClient(PROXY, server.port())) {
            String header = "X-Forwarded-Host: shop.example";
            assertThat(client.get("/", header).seen("application")).isEqualTo("shop.example");
            valve.stop();
            assertThat(client.get("/", header).seen("application")).isEqualTo("app.internal");
            assertThat(client.get("/", header).seen("forwarded.ip")).isNull();
            valve.start();
            assertThat(client.get("/", header).seen("application")).isEqualTo("shop.example");
        }
    }

    @Test
    void aRelativeTrustFileIsFoundInCatalinaBase() throws Exception {
        LiveServer server = new LiveServer();
        Files.writeString(server.base().resolve("proxies.txt"), "# ours\n127.0.0.9 # the edge\n");
        server.add(Level.ENGINE, valve("trust", "false", "trustFile", "proxies.txt"));
        server.start();
        try (server;
                RawClient client = new RawClient(ANYBODY, server.port())) {
            assertThat(client.get("/", "X-Forwarded-For: 203.0.113.7").seen("remoteAddr"))
                    .isEqualTo("203.0.113.7");
        }
    }
}
