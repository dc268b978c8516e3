package dev.clowder.valve;

import static dev.clowder.valve.LiveServer.valve;
import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.valve.LiveServer.Level;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import org.apache.catalina.Context;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What holds for HTTP/1.1 holds for the streams of one HTTP/2 connection, one after the other. 127.0.0.1 is a trusted proxy. */
class ForwardedHttp2Test {

    private static final String[] OUTSIDE = {
        "X-Forwarded-For", "203.0.113.7:4711",
        "X-Forwarded-Proto", "https",
        "X-Forwarded-Host", "app.internal:8443"
    };

    private final HttpClient client =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_2).build();

    @ParameterizedTest
    @EnumSource(Level.class)
    void everyDispatchSeesTheSameClientAndTheNextStreamNothingOfIt(Level level) throws Exception {
        try (LiveServer server = LiveServer.with(level, valve("trust", "loopback"))) {
            get(server, "/"); // It has the headers with which HTTP/1.1 becomes HTTP/2.
            String plain = get(server, "/").body();
            assertThat(plain).contains("remoteAddr=127.0.0.1\n", "scheme=http\n", "forwarded.reason=NO_HEADER\n");
            for (String[] dispatch : new String[][] {
                {"/forward", "FORWARD"},
                {"/include", "INCLUDE"},
                {"/error", "ERROR"},
                {"/async", "ASYNC"},
                {"/complete", "REQUEST"},
                {"/timeout", "REQUEST"}
            }) {
                assertThat(get(server, dispatch[0], OUTSIDE).body())
                        .contains("dispatch=" + dispatch[1] + "\n")
                        .contains("protocol=HTTP/2.0\n")
                        .contains("remoteAddr=203.0.113.7\n")
                        .contains("remotePort=4711\n")
                        .contains("url=https://app.internal:8443/")
                        .contains("forwarded.reason=CLIENT\n");
                assertThat(get(server, "/").body()).as("after " + dispatch[0]).isEqualTo(plain);
            }
            assertThat(get(server, "/async", OUTSIDE).body()).contains("onThread=203.0.113.7:4711\n");
        }
    }

    @ParameterizedTest
    @EnumSource(Level.class)
    void aSessionCookieIsSecureBehindAProxyWithTls(Level level) throws Exception {
        try (LiveServer server = LiveServer.with(level, valve("trust", "loopback"))) {
            assertThat(cookie(get(server, "/session", OUTSIDE))).contains("; Secure");
            assertThat(cookie(get(server, "/session"))).contains("JSESSIONID").doesNotContain("Secure");
        }
    }

    @ParameterizedTest
    @EnumSource(Level.class)
    void redirectsCarryTheOutsideSchemeHostAndPort(Level level) throws Exception {
        LiveServer server = new LiveServer();
        server.add(level, valve("trust", "loopback"));
        for (String path : new String[] {"", "/app"}) {
            ((Context) server.container(Level.CONTEXT, path)).setUseRelativeRedirects(false);
        }
        server.start();
        try (server) {
            assertThat(location(get(server, "/redirect", OUTSIDE))).isEqualTo("https://app.internal:8443/there");
            // This redirect is made before any valve runs: only at the engine's level is the outside known by then.
            if (level == Level.ENGINE) {
                assertThat(location(get(server, "/app", OUTSIDE))).isEqualTo("https://app.internal:8443/app/");
            }
            assertThat(location(get(server, "/redirect"))).startsWith("http://127.0.0.1:" + server.port() + "/");
        }
    }

    private HttpResponse<String> get(LiveServer server, String path, String... headers) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.port() + path));
        if (headers.length > 0) {
            request.headers(headers);
        }
        HttpResponse<String> reply = client.send(request.build(), HttpResponse.BodyHandlers.ofString());
        assertThat(reply.version()).isEqualTo(HttpClient.Version.HTTP_2);
        return reply;
    }

    private static String cookie(HttpResponse<String> reply) {
        return reply.headers().firstValue("Set-Cookie").orElseThrow();
    }

    private static String location(HttpResponse<String> reply) {
        return reply.headers().firstValue("Location").orElseThrow();
    }
}
