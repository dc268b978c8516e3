package dev.clowder.valve;

import static dev.clowder.valve.LiveServer.valve;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.clowder.valve.LiveServer.Level;
import java.time.Duration;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the access log says of a request. 127.0.0.1 is a trusted proxy. */
class ForwardedAccessLogTest {

    private static final String PROXY = "127.0.0.1";

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
            client.get("/complete", "X-Forwarded-For: 203.0.113.10");
            client.get("/timeout", "X-Forwarded-For: 203.0.113.11");
            client.get("/");

            // The line is written after the answer.
            await().atMost(Duration.ofSeconds(10)).until(() -> server.accessLog.size() == 6);
            assertThat(server.accessLog)
                    .containsExactly(
                            "203.0.113.7 203.0.113.7 4711 app.internal 8080 200 203.0.113.7 CLIENT 127.0.0.1",
                            "203.0.113.8 203.0.113.8 0 app.internal 8080 200 203.0.113.8 CLIENT 127.0.0.1",
                            "203.0.113.9 203.0.113.9 0 app.internal 8080 302 203.0.113.9 CLIENT 127.0.0.1",
                            "203.0.113.10 203.0.113.10 0 app.internal 8080 200 203.0.113.10 CLIENT 127.0.0.1",
                            "203.0.113.11 203.0.113.11 0 app.internal 8080 200 203.0.113.11 CLIENT 127.0.0.1",
                            "127.0.0.1 127.0.0.1 " + client.localPort()
                                    + " app.internal 8080 200 127.0.0.1 NO_HEADER 127.0.0.1");
        }
    }

    /** Tomcat answers it before any valve runs; an Engine's has judged it by then, but on 10.1 may know no object to tell. */
    @ParameterizedTest
    @EnumSource(Level.class)
    void theRedirectToTheRootOfAnApplicationIsLoggedWithTheClientInAnEngineButNotTheFirstOn101(Level level)
            throws Exception {
        LiveServer server = new LiveServer();
        server.add(level, valve("trust", PROXY));
        server.logAccess("%a %s", false);
        server.start();
        try (server;
                RawClient client = new RawClient(PROXY, server.port())) {
            client.get("/app", "X-Forwarded-For: 203.0.113.7");
            client.get("/app", "X-Forwarded-For: 203.0.113.8");

            await().atMost(Duration.ofSeconds(10)).until(() -> server.accessLog.size() == 2);
            boolean first = level == Level.ENGINE && !TomcatLineTest.line().equals("10.1");
            assertThat(server.accessLog)
                    .containsExactly(
                            (first ? "203.0.113.7" : PROXY) + " 302",
                            (level == Level.ENGINE ? "203.0.113.8" : PROXY) + " 302");
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = Level.class,
            names = {"ENGINE", "HOST"})
    void ofARequestThatIsNotReadToItsEndNoHeaderCounts(Level level) throws Exception {
        LiveServer server = new LiveServer();
        server.add(level, valve("trust", PROXY));
        server.logAccess("%a %{forwarded}r %s %U", false);
        server.start();
        // A proxy may have added its line after these; Tomcat stops reading before it.
        String spoofed = "Host: app.internal\r\nX-Forwarded-For: 6.6.6.6\r\n";
        String last = "X-Forwarded-For: 203.0.113.7\r\n\r\n";
        try (server) {
            refused(server, "GET /line HTTP/1.1 \1\r\n" + spoofed + last);
            refused(server, "GET /header HTTP/1.1\r\n" + spoofed + "no header\r\n" + last);
            refused(server, "GET /long HTTP/1.1\r\n" + spoofed + "Cookie: " + "a".repeat(9000) + "\r\n" + last);
            refused(server, "GET /many HTTP/1.1\r\n" + spoofed + "A: b\r\n".repeat(100) + last);
            refused(server, "GET /host HTTP/1.1\r\nHost: a b\r\n" + last);

            await().atMost(Duration.ofSeconds(10)).until(() -> server.accessLog.size() == 10);
            assertThat(server.accessLog)
                    .filteredOn(line -> line.contains(" 400 "))
                    .hasSize(5)
                    .allMatch(line -> line.startsWith("127.0.0.1 127.0.0.1 UNTRUSTED_PEER 400 "));
        }
    }

    /** The refused request is the second of its connection, where Tomcat still has the objects of the first. */
    private static void refused(LiveServer server, String request) throws Exception {
        try (RawClient client = new RawClient(PROXY, server.port())) {
            client.get("/", "X-Forwarded-For: 203.0.113.7");
            assertThat(client.sendRaw(request).status()).isEqualTo(400);
        }
    }
}
