package dev.clowder.valve;

import static dev.clowder.valve.LiveServer.valve;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.clowder.valve.LiveServer.Level;
import jakarta.servlet.ServletException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.ValveBase;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code trustFile} in a running server. */
class TrustFileReloadTest {

    private static final Duration PROMISED = Duration.ofSeconds(5);

    @TempDir
    private Path directory;

    @Test
    void aChangeIsInForceWithinFiveSecondsAndABadOneIsNot() throws Exception {
        Path file = Files.writeString(directory.resolve("proxies"), "127.0.0.7\n");
        ForwardedValve valve = valve("trust", "false", "trustFile", file.toString());
        try (LiveServer server = LiveServer.with(Level.ENGINE, valve);
                RawClient client = new RawClient("127.0.0.9", server.port())) {
            String header = "X-Forwarded-For: 203.0.113.7";
            assertThat(client.get("/", header).seen("remoteAddr")).isEqualTo("127.0.0.9");

            Files.writeString(file, "127.0.0.7\n127.0.0.9\n");
            await().atMost(PROMISED)
                    .until(() -> "203.0.113.7".equals(client.get("/", header).seen("remoteAddr")));

            Files.writeString(file, "127.0.0.7\n0.0.0.0/0\n");
            await().atMost(PROMISED).until(() -> valve.getTrustFileProblem().contains("line 2"));
            assertThat(client.get("/", header).seen("remoteAddr")).isEqualTo("203.0.113.7");
            assertThat(valve.getEffectiveTrust()).containsExactly("127.0.0.7/32", "127.0.0.9/32");

            Files.delete(file);
            await().atMost(PROMISED).until(() -> valve.getTrustFileProblem().contains("no such file"));
            assertThat(client.get("/", header).seen("remoteAddr")).isEqualTo("203.0.113.7");

            Files.writeString(file, "127.0.0.7\n");
            await().atMost(PROMISED)
                    .until(() -> "127.0.0.9".equals(client.get("/", header).seen("remoteAddr")));
            assertThat(valve.getTrustFileProblem()).isEmpty();
        }
    }

    /** Each rule is right by itself, so none of them can be named with its line. */
    @Test
    void rulesThatTogetherTrustEverybodyAreRefusedAtAStartAndLater() throws Exception {
        String everybody = "0.0.0.0/1\n128.0.0.0/1\n";
        String problem = "its ranges and those of trustFile together cover every IPv4 address";
        Path file = Files.writeString(directory.resolve("proxies"), "10.1.0.0/16\n");
        ForwardedValve valve = valve("trust", "loopback", "trustFile", file.toString());
        try (LiveServer server = LiveServer.with(Level.HOST, valve);
                RawClient client = new RawClient("127.0.0.9", server.port())) {
            Files.writeString(file, everybody);
            await().atMost(PROMISED).until(() -> valve.getTrustFileProblem().endsWith(problem));
            assertThat(client.get("/", "X-Forwarded-For: 203.0.113.7, 10.0.0.1").seen("remoteAddr"))
                    .isEqualTo("10.0.0.1");

            valve.stop();
            assertThat(valve.getTrustFileProblem())
                    .as("of a valve that stands still")
                    .isEmpty();
            assertThatThrownBy(() -> valve.start()).hasMessageEndingWith("trust=\"loopback\": " + problem);
        }
    }

    @Test
    void aRequestIsJudgedByTheRulesOfItsBeginning() throws Exception {
        Path file = Files.writeString(directory.resolve("proxies"), "127.0.0.9\n");
        ForwardedValve valve = valve("trust", "false", "trustFile", file.toString(), "malformed", "reject");
        LiveServer server = new LiveServer();
        server.add(Level.ENGINE, new ValveBase() {
            @Override
            public void invoke(Request request, Response response) throws IOException, ServletException {
                // The adapter has judged it already; the valve comes next.
                Files.writeString(file, "127.0.0.9\n10.0.0.0/8\n");
                await().atMost(PROMISED).until(() -> valve.getEffectiveTrust().length == 2);
                getNext().invoke(request, response);
            }
        });
        server.add(Level.ENGINE, valve);
        server.start();
        try (server;
                RawClient client = new RawClient("127.0.0.9", server.port())) {
            assertThat(client.get("/", "X-Forwarded-For: nonsense").status()).isEqualTo(400);
        }
    }

    @Test
    void aCountAndAFileMustBothHold() throws Exception {
        Path file = Files.writeString(directory.resolve("proxies"), "127.0.0.0/8\n10.0.0.0/8\n");
        try (LiveServer server = LiveServer.with(Level.HOST, valve("trust", "1", "trustFile", file.toString()));
                RawClient client = new RawClient("127.0.0.9", server.port())) {
            assertThat(client.get("/", "X-Forwarded-For: 203.0.113.7, 10.0.0.1").seen("remoteAddr"))
                    .isEqualTo("10.0.0.1");
        }
    }
}
