package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.Launcher;
import dev.clowder.it.HttpConnection.Response;
import dev.clowder.it.app.CountServlet;
import dev.clowder.it.app.KeepServlet;
import dev.clowder.it.app.UserServlet;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLSocketFactory;
import org.jboss.shrinkwrap.api.ShrinkWrap;
import org.jboss.shrinkwrap.api.asset.StringAsset;
import org.jboss.shrinkwrap.api.spec.WebArchive;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Sticky sessions that are hard to move, and workers that say nothing when they should. */
@Tag("slow")
class SessionsMoveIT {
    private static final Duration SOON = Duration.ofSeconds(90);
    private static final Duration LONG = Duration.ofMinutes(4);
    /** Longer than any worker waits for another one in a request. */
    private static final Duration PATIENCE = Duration.ofSeconds(15);

    private static final String COUNT = "/app/count";
    private static final String USER = "/app/private/user";

    private static final String WEB_XML = """
            <web-app xmlns="https://jakarta.ee/xml/ns/jakartaee" version="6.0">
              <security-constraint>
                <web-resource-collection>
                  <web-resource-name>private</web-resource-name><url-pattern>/private/*</url-pattern>
                </web-resource-collection>
                <auth-constraint><role-name>cat</role-name></auth-constraint>
              </security-constraint>
              <login-config>
                <auth-method>FORM</auth-method>
                <form-login-config>
                  <form-login-page>/login.html</form-login-page><form-error-page>/wrong.html</form-error-page>
                </form-login-config>
              </login-config>
              <security-role><role-name>cat</role-name></security-role>
            </web-app>
            """;

    @TempDir
    static Path directory;

    private static ClowderProcess cluster;
    private static SSLSocketFactory tls;

    @BeforeAll
    static void start() throws Exception {
        Tls certificate = new Tls(directory.resolve("tls"));
        tls = certificate.client().getSocketFactory();
        Path users = directory.resolve("users.xml");
        Files.writeString(users, "<tomcat-users><user username='tom' password='meow' roles='cat'/></tomcat-users>");
        String realm = "<Context><Realm className='org.apache.catalina.realm.MemoryRealm' pathname='" + users.toUri()
                + "'/></Context>";
        WebArchive app = ShrinkWrap.create(WebArchive.class, "app.war")
                .addClasses(CountServlet.class, KeepServlet.class, UserServlet.class)
                .addAsWebResource(new StringAsset("log in"), "login.html")
                .addAsWebResource(new StringAsset("wrong"), "wrong.html")
                .addAsManifestResource(new StringAsset(realm), "context.xml")
                .setWebXML(new StringAsset(WEB_XML));
        cluster = ClowderProcess.builder()
                .application("/app", Apps.write(app, directory))
                .arguments("--oversubscribe", "--hang-timeout", "60s")
                .arguments(certificate.options(0))
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

    private static void restart(int slot) throws Exception {
        Launcher.Result restart = cluster.command(LONG, "restart", String.valueOf(slot));
        assertThat(restart.exitCode()).as(restart.errors()).isZero();
    }

    private static Response logIn(SessionUser user) throws IOException {
        String form = "j_username=tom&j_password=meow";
        try (HttpConnection connection = HttpConnection.open(cluster.port())) {
            connection.send(connection.head(
                            "POST",
                            "/app/private/j_security_check",
                            user.cookieLine(),
                            "Content-Type: application/x-www-form-urlencoded",
                            "Content-Length: " + form.length())
                    + form);
            Response response = connection.read();
            assertThat(response.status()).isIn(302, 303);
            user.tookCookie(response);
            return response;
        }
    }

    @Test
    @DisplayName("who has logged in by a form, or is about to, still is when the worker was replaced")
    void logins() throws Exception {
        SessionUser in = user(1);
        SessionUser half = user(1);
        assertThat(in.get(USER).body()).isEqualTo("log in");
        assertThat(half.get(USER).body()).isEqualTo("log in");
        assertThat(logIn(in).header("Location")).endsWith(USER);
        assertThat(in.get(USER).body()).isEqualTo("tom true");

        restart(1);

        assertThat(in.get(USER).body()).isEqualTo("tom true");
        assertThat(logIn(half).header("Location")).endsWith(USER);
        assertThat(half.get(USER).body()).isEqualTo("tom true");
        assertThat(in.slot()).isEqualTo(1);
    }

    @Test
    @DisplayName("an attribute that is nested too deep to be written is left out, and nothing else")
    void deeplyNested() throws Exception {
        SessionUser deep = user(1);
        SessionUser other = user(1);
        assertThat(deep.get("/app/keep?deep").body()).contains("deep");

        restart(1);

        assertThat(other.get(COUNT).body()).isEqualTo("2");
        assertThat(deep.get(COUNT).body()).isEqualTo("2");
        assertThat(deep.get("/app/keep").body()).isEqualTo("count");
        await("what was left out is told")
                .atMost(SOON)
                .untilAsserted(() -> assertThat(cluster.output()).containsOnlyOnce("KeepServlet$Nested can't move"));
    }

    @Test
    @DisplayName("while a slow session is written nobody is logged out: 503, Retry-After, and then all are there")
    void slowHandover() throws Exception {
        Path go = directory.resolve("go");
        Path unbound = directory.resolve("unbound");
        SessionUser slow = user(1);
        SessionUser other = user(1);
        slow.get("/app/keep?waits=" + go + "&bound=" + unbound);
        CompletableFuture<Void> restarted = CompletableFuture.runAsync(() -> {
            try {
                restart(1);
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        });
        try {
            List<Response> refused = new ArrayList<>();
            await("a request that has waited long enough").atMost(SOON).until(() -> {
                Response response = raw(other, COUNT + "?read");
                if (response.status() != 200) {
                    refused.add(response);
                } else {
                    assertThat(response.body()).isEqualTo("1");
                }
                return !refused.isEmpty();
            });
            assertThat(refused.get(0).status()).isEqualTo(503);
            assertThat(refused.get(0).header("Retry-After")).isEqualTo("1");
            assertThat(rawSecure(other, COUNT).status()).isEqualTo(503);
            assertThat(unbound).as("a session that is still here").doesNotExist();
        } finally {
            Files.createFile(go);
        }
        restarted.get(LONG.toSeconds(), TimeUnit.SECONDS);
        assertThat(other.get(COUNT).body()).isEqualTo("2");
        assertThat(slow.get(COUNT).body()).isEqualTo("2");
        assertThat(slow.get("/app/keep").body().split(" ")).containsExactlyInAnyOrder("count", "waits");
        await("who was left behind knows").atMost(SOON).until(() -> Files.exists(unbound));
    }

    @Test
    @DisplayName("a peer that connects and says nothing, or half of something, holds nobody up and is let go")
    void silentPeers() throws Exception {
        SessionUser user = user(1);
        byte[] half = {'M', 0, 0};
        ByteBuffer noBody = ByteBuffer.allocate(8).put((byte) 'M').putInt(1000).put(new byte[] {1, 2, 3});
        ByteBuffer bundle = ByteBuffer.allocate(9).put((byte) 'A').putInt(0).putInt(1);
        ByteBuffer noDescriptor = ByteBuffer.allocate(5 + 64).put((byte) 'M').putInt(64);
        List<SocketChannel> peers = List.of(
                peer(ByteBuffer.allocate(0)),
                peer(ByteBuffer.wrap(half)),
                peer(noBody.flip()),
                peer(bundle.flip()),
                peer(noDescriptor.rewind()));
        try {
            long begin = System.nanoTime();
            for (int count = 2; count <= 30; count++) {
                assertThat(user.get(COUNT).body()).isEqualTo(String.valueOf(count));
            }
            assertThat(Duration.ofNanos(System.nanoTime() - begin)).isLessThan(Duration.ofSeconds(4));
            for (SocketChannel peer : peers) {
                CompletableFuture<Integer> end = CompletableFuture.supplyAsync(() -> read(peer));
                assertThat(end.get(SOON.toSeconds(), TimeUnit.SECONDS)).isNegative();
            }
        } finally {
            for (SocketChannel peer : peers) {
                peer.close();
            }
        }
    }

    private static SocketChannel peer(ByteBuffer says) throws IOException {
        SocketChannel peer = SocketChannel.open(StandardProtocolFamily.UNIX);
        peer.connect(UnixDomainSocketAddress.of(cluster.runDir().resolve("sessions-1.sock")));
        peer.write(says);
        return peer;
    }

    private static int read(SocketChannel peer) {
        try {
            return peer.read(ByteBuffer.allocate(1));
        } catch (IOException e) {
            return -1;
        }
    }

    @Test
    @DisplayName("requests for a worker that is stopped are told to come again, all others are served")
    void stoppedWorker() throws Exception {
        SessionUser stopped = user(2);
        SessionUser healthy = user(1);
        long pid = cluster.status().worker(2).pid();
        signal("-STOP", pid);
        try {
            long begin = System.nanoTime();
            List<CompletableFuture<Response>> answers = List.of(
                    CompletableFuture.supplyAsync(() -> raw(stopped, COUNT)),
                    CompletableFuture.supplyAsync(() -> rawSecure(stopped, COUNT)));
            for (int count = 2; count <= 30; count++) {
                assertThat(healthy.get(COUNT).body()).isEqualTo(String.valueOf(count));
            }
            for (CompletableFuture<Response> answer : answers) {
                Response response = answer.get(SOON.toSeconds(), TimeUnit.SECONDS);
                assertThat(response.status()).isEqualTo(503);
                assertThat(response.header("Retry-After")).isEqualTo("1");
                assertThat(response.header("Set-Cookie")).isNull();
            }
            assertThat(Duration.ofNanos(System.nanoTime() - begin)).isLessThan(PATIENCE);
        } finally {
            signal("-CONT", pid);
        }
        await("its sessions are here as before")
                .atMost(SOON)
                .until(() -> raw(stopped, COUNT + "?read").body().equals("1"));
    }

    private static void signal(String signal, long pid) throws Exception {
        assertThat(new ProcessBuilder("kill", signal, String.valueOf(pid))
                        .start()
                        .waitFor())
                .isZero();
    }

    /** The same over HTTPS. */
    private static Response rawSecure(SessionUser user, String path) {
        try (HttpConnection connection =
                HttpConnection.tls(cluster.status().listeners().get(1).port(), tls)) {
            return connection.get(path, user.cookieLine());
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    /** One GET whose answer may be any. */
    private static Response raw(SessionUser user, String path) {
        try {
            return HttpConnection.fresh(cluster.port(), path, user.cookieLine());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
