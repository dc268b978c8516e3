package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.ClusterStatus;
import dev.clowder.arquillian.Launcher;
import dev.clowder.it.HttpConnection.Response;
import dev.clowder.it.app.CountServlet;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.jboss.shrinkwrap.api.ShrinkWrap;
import org.jboss.shrinkwrap.api.spec.WebArchive;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Two workers, {@code --sessions} as it is by default: a request is served where its session is. */
class SessionsStickyIT {
    private static final Duration SOON = Duration.ofSeconds(90);
    private static final Duration LONG = Duration.ofMinutes(4);
    private static final String COUNT = "/app/count";

    @TempDir
    static Path directory;

    private static ClowderProcess cluster;

    @BeforeAll
    static void start() throws IOException {
        WebArchive app = ShrinkWrap.create(WebArchive.class, "app.war").addClass(CountServlet.class);
        cluster = ClowderProcess.builder()
                .application("/app", Apps.write(app, directory))
                .arguments("--oversubscribe")
                .start();
    }

    @AfterAll
    static void stop() {
        cluster.close();
    }

    @BeforeEach
    void whole() throws IOException, InterruptedException {
        cluster.awaitReady(SOON);
    }

    private static SessionUser user(int slot) throws IOException {
        return SessionUser.in(slot, cluster.port(), COUNT);
    }

    @Test
    @DisplayName("a cookie jar with a fresh connection for each request keeps its session, in its slot")
    void freshConnections() throws Exception {
        for (int slot = 1; slot <= 2; slot++) {
            SessionUser user = user(slot);
            for (int count = 2; count <= 30; count++) {
                Response response = user.get(COUNT);
                assertThat(response.body()).isEqualTo(String.valueOf(count));
                assertThat(response.worker().slot()).isEqualTo(slot);
                assertThat(response.header("Set-Cookie")).isNull();
            }
        }
    }

    @Test
    @DisplayName("a kept-alive connection that several users share, as a proxy's, goes where each request has to go")
    void sharedConnection() throws Exception {
        List<SessionUser> users = List.of(user(1), user(2), user(1), user(2));
        try (HttpConnection pooled = HttpConnection.open(cluster.port())) {
            for (int round = 0; round < 20; round++) {
                for (SessionUser user : users) {
                    Response response = user.get(pooled, COUNT);
                    assertThat(response.body()).isEqualTo(String.valueOf(2 + round));
                    assertThat(response.worker().slot()).isEqualTo(user.slot());
                }
                assertThat(pooled.get(COUNT + "?read").body()).isEqualTo("none");
            }
        }
    }

    @Test
    @DisplayName("what follows the head travels too: bodies, pipelined requests, heads in pieces, Expect: 100-continue")
    void whatFollowsTheHead() throws Exception {
        for (int slot = 1; slot <= 2; slot++) {
            SessionUser user = user(slot);
            try (HttpConnection connection = HttpConnection.open(cluster.port())) {
                String post = connection.head("POST", COUNT, user.cookieLine(), "Content-Length: 5");
                String get = connection.head("GET", COUNT, user.cookieLine());
                connection.send(post + "12345" + get + get);
                assertThat(connection.read().body()).isEqualTo("2 5");
                assertThat(connection.read().body()).isEqualTo("3");
                assertThat(connection.read().body()).isEqualTo("4");
            }
            try (HttpConnection connection = HttpConnection.open(cluster.port())) {
                String post = connection.head("POST", COUNT, user.cookieLine(), "Content-Length: 100000");
                connection.send(post.substring(0, 30));
                connection.send(post.substring(30));
                connection.send("x".repeat(40_000));
                connection.send("x".repeat(60_000));
                assertThat(connection.read().body()).isEqualTo("5 100000");
            }
            try (HttpConnection connection = HttpConnection.open(cluster.port())) {
                connection.send(
                        connection.head("POST", COUNT, user.cookieLine(), "Content-Length: 3", "Expect: 100-continue"));
                assertThat(connection.readHead().status()).isEqualTo(100);
                connection.send("abc");
                assertThat(connection.read().body()).isEqualTo("6 3");
            }
            try (HttpConnection connection = HttpConnection.open(cluster.port())) {
                connection.send("GET " + COUNT + " HTTP/1.0\r\n" + user.cookieLine() + "\r\n\r\n");
                assertThat(connection.read().body()).isEqualTo("7");
            }
        }
    }

    @Test
    @DisplayName(
            "a session id in the URL is followed as a cookie is, and a client is told by its address wherever it goes")
    void sessionIdInTheUrl() throws Exception {
        for (int slot = 1; slot <= 2; slot++) {
            SessionUser user = user(slot);
            for (int count = 2; count < 12; count++) {
                Response response = HttpConnection.fresh(cluster.port(), COUNT + ";jsessionid=" + user.id());
                assertThat(response.body()).isEqualTo(String.valueOf(count));
            }
        }
    }

    @Test
    @DisplayName("an attribute that can't be serialised works, as in one Tomcat")
    void notSerializable() throws Exception {
        SessionUser user = user(1);
        for (int count = 1; count <= 20; count++) {
            assertThat(user.get(COUNT + "?held").body()).isEqualTo(String.valueOf(count));
        }
    }

    @Test
    @DisplayName("a session that nobody has begins anew, where the request is")
    void unknownSession() throws Exception {
        for (String id : List.of("0123456789ABCDEF.1", "0123456789ABCDEF.2", "0123456789ABCDEF.9", "x.", ".1", "")) {
            Response response = HttpConnection.fresh(cluster.port(), COUNT, "Cookie: JSESSIONID=" + id);
            assertThat(response.body()).isEqualTo("1");
            assertThat(response.header("Set-Cookie")).isNotNull();
        }
    }

    @Test
    @DisplayName("a reload keeps every session, less what can't be serialised, which is told once")
    void reload() throws Exception {
        List<SessionUser> users = List.of(user(1), user(2), user(1), user(2));
        users.get(0).get(COUNT + "?held");
        Launcher.Result reload = cluster.command(LONG, "reload");
        assertThat(reload.exitCode()).as(reload.errors()).isZero();
        for (SessionUser user : users) {
            Response response = user.get(COUNT);
            assertThat(response.body()).isEqualTo("2");
            assertThat(response.worker().slot()).isEqualTo(user.slot());
        }
        assertThat(users.get(0).get(COUNT + "?held").body()).isEqualTo("1");
        await("what was left out is told")
                .atMost(SOON)
                .untilAsserted(() -> assertThat(cluster.output()).containsOnlyOnce("CountServlet$Held can't move"));
        try (Stream<Path> files = Files.walk(cluster.runDir())) {
            assertThat(files.map(file -> file.getFileName().toString())).doesNotContain("SESSIONS.ser");
        }
    }

    @Test
    @DisplayName("kill -9 of a worker loses the sessions of its slot, and no other")
    void killLosesTheVictimsOnly() throws Exception {
        SessionUser victim = user(1);
        SessionUser other = user(2);
        ClusterStatus before = cluster.status();
        ProcessHandle.of(before.worker(1).pid()).orElseThrow().destroyForcibly();
        assertThat(other.get(COUNT).body()).isEqualTo("2");
        cluster.awaitReady(SOON);
        assertThat(victim.get(COUNT).body()).isEqualTo("1");
        assertThat(other.get(COUNT).body()).isEqualTo("3");
    }

    @Test
    @DisplayName("scale takes sessions of a slot that goes to another one, and back when it comes again")
    void scale() throws Exception {
        SessionUser leaving = user(2);
        SessionUser staying = user(1);
        scaleTo(1);
        assertThat(leaving.get(COUNT).body()).isEqualTo("2");
        assertThat(staying.get(COUNT).body()).isEqualTo("2");
        scaleTo(2);
        for (int count = 3; count < 10; count++) {
            assertThat(leaving.get(COUNT).body()).isEqualTo(String.valueOf(count));
        }
        await("the sessions are back in their slot")
                .atMost(SOON)
                .until(() -> leaving.get(COUNT).worker().slot() == 2);
    }

    private static void scaleTo(int workers) throws Exception {
        Launcher.Result scaled = cluster.command(LONG, "scale", String.valueOf(workers));
        assertThat(scaled.exitCode()).as(scaled.errors()).isZero();
    }
}
