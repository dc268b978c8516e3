package dev.clowder.valve;

import static dev.clowder.valve.LiveServer.valve;
import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.valve.LiveServer.Level;
import dev.clowder.valve.RawClient.Reply;
import jakarta.servlet.ServletException;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.ValveBase;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

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

    @ParameterizedTest
    @EnumSource(Level.class)
    void nothingIsInheritedByTheNextRequestOfAConnection(Level level) throws Exception {
        try (LiveServer server = LiveServer.with(level, valve("trust", PROXY));
                RawClient client = new RawClient(PROXY, server.port())) {
            String before = client.get("/").body();
            for (String path : new String[] {
                "/", "/async", "/complete", "/timeout", "/forward", "/include", "/error", "/redirect", "/app"
            }) {
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
            Reply include = client.get("/include", headers);
            Reply error = client.get("/error", headers);
            Reply async = client.get("/async", headers);

            assertThat(forward.seen("dispatch")).isEqualTo("FORWARD");
            assertThat(include.seen("dispatch")).isEqualTo("INCLUDE");
            assertThat(error.seen("dispatch")).isEqualTo("ERROR");
            assertThat(async.seen("dispatch")).isEqualTo("ASYNC");
            assertThat(async.seen("onThread")).isEqualTo("203.0.113.7:4711");
            for (Reply reply : new Reply[] {forward, include, error, async}) {
                assertThat(reply.seen("remoteAddr")).isEqualTo("203.0.113.7");
                assertThat(reply.seen("remotePort")).isEqualTo("4711");
                assertThat(reply.seen("url")).startsWith("https://app.internal/");
                assertThat(reply.seen("forwarded.reason")).isEqualTo("CLIENT");
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Level.class)
    void anAsynchronousRequestThatEndsWithoutADispatchHasItsClientToTheEnd(Level level) throws Exception {
        try (LiveServer server = LiveServer.with(level, valve("trust", PROXY));
                RawClient client = new RawClient(PROXY, server.port())) {
            for (String path : new String[] {"/complete", "/timeout"}) {
                Reply reply = client.get(path, "X-Forwarded-For: 203.0.113.7:4711", "X-Forwarded-Proto: https");

                assertThat(reply.seen("dispatch")).as(path).isEqualTo("REQUEST");
                assertThat(reply.seen("remoteAddr")).as(path).isEqualTo("203.0.113.7");
                assertThat(reply.seen("remotePort")).as(path).isEqualTo("4711");
                assertThat(reply.seen("url")).as(path).isEqualTo("https://app.internal" + path);
                assertThat(reply.seen("forwarded.reason")).as(path).isEqualTo("CLIENT");
            }
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

    /** The connection that is open keeps the way it has; what another valve began on it is not the new one's. */
    @Test
    void aValveThatTakesThePlaceOfAnotherJudgesAnew() throws Exception {
        ForwardedValve old = valve("trust", PROXY);
        try (LiveServer server = LiveServer.with(Level.ENGINE, old);
                RawClient client = new RawClient(PROXY, server.port())) {
            // Twice: the first request of a connection makes the objects. The redirect ends before the valves.
            assertThat(client.get("/", "X-Forwarded-For: 203.0.113.7").seen("remoteAddr"))
                    .isEqualTo("203.0.113.7");
            assertThat(client.get("/app", "X-Forwarded-For: 203.0.113.7").status())
                    .isEqualTo(302);

            server.tomcat.getEngine().getPipeline().removeValve(old);
            server.add(Level.ENGINE, valve("trust", PROXY, "forHeader", "X-Client"));

            Reply reply = client.get("/", "X-Client: 203.0.113.8", "X-Forwarded-For: 6.6.6.6");
            assertThat(reply.seen("remoteAddr")).isEqualTo("203.0.113.8");
            assertThat(reply.seen("forwarded.ip")).isEqualTo("203.0.113.8");
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

    /** Tomcat 10.1 makes the object that knows the client with the first request of a connection, after that was judged. */
    @ParameterizedTest
    @EnumSource(
            value = Level.class,
            names = {"ENGINE", "HOST"})
    void aValveInFrontSeesTheClientInAnEngineButNotInTheFirstRequestOn101(Level level) throws Exception {
        List<String> seen = new CopyOnWriteArrayList<>();
        LiveServer server = new LiveServer();
        server.add(level, new ValveBase() {
            @Override
            public void invoke(Request request, Response response) throws IOException, ServletException {
                seen.add(request.getRemoteAddr() + " " + request.getScheme());
                getNext().invoke(request, response);
            }
        });
        server.add(level, valve("trust", PROXY));
        server.start();
        try (server;
                RawClient client = new RawClient(PROXY, server.port())) {
            String[] headers = {"X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: https"};
            for (int i = 0; i < 2; i++) {
                assertThat(client.get("/", headers).seen("remoteAddr")).isEqualTo("203.0.113.7");
            }
            client.get("/");
            if (level == Level.ENGINE) {
                String first = TomcatLineTest.line().equals("10.1") ? PROXY : "203.0.113.7";
                assertThat(seen).containsExactly(first + " https", "203.0.113.7 https", PROXY + " http");
            } else {
                assertThat(seen).containsExactly(PROXY + " http", PROXY + " http", PROXY + " http");
            }
        }
    }

    /** A request of the proxy on a connection of its own: Tomcat closes it after a 400. */
    private static Reply once(LiveServer server, String... headers) throws Exception {
        try (RawClient client = new RawClient(PROXY, server.port())) {
            return client.get("/", headers);
        }
    }
}
