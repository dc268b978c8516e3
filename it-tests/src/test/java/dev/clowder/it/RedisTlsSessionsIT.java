package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.it.HttpConnection.Response;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Sessions in a Redis that speaks TLS only and gives its user the rights that the manual lists. */
@Tag("slow")
class RedisTlsSessionsIT {
    private static final Duration SOON = Duration.ofSeconds(90);
    private static final String COUNTER = "/shop/counter";

    @TempDir
    private static Path files;

    private static SessionEngine engine;
    private static Path application;
    private static Path configuration;
    private static ClowderProcess cluster;

    @BeforeAll
    static void start() throws Exception {
        Tls tls = new Tls(files.resolve("tls"));
        engine = SessionEngine.redisOverTls(Files.createDirectory(files.resolve("engine")), tls);
        engine.start();
        application = Apps.write(Apps.counter("shop.war"), files);
        configuration = Files.writeString(files.resolve("clowder.properties"), "sessions = " + engine.url() + "\n");
        cluster = cluster()
                .arguments(
                        "--worker-opts=-Djavax.net.ssl.trustStore=" + tls.trust(),
                        "--worker-opts=-Djavax.net.ssl.trustStorePassword=changeit")
                .start();
        cluster.awaitReady(SOON);
    }

    private static ClowderProcess.Builder cluster() {
        return ClowderProcess.builder()
                .application("/shop", application)
                .arguments("--config", configuration.toString(), "--oversubscribe");
    }

    @AfterAll
    static void stop() {
        cluster.close();
        engine.close();
    }

    @Test
    @DisplayName("users count exactly, and everything that sessions do is allowed to the user")
    void countsAreExact() throws Exception {
        try (CountingUsers load = CountingUsers.start(List.of(cluster.port()), COUNTER, 5, 6, 4, 400)) {
            load.await();
            assertThat(load.wrong()).isEmpty();
            assertThat(load.lost()).isZero();
            assertThat(load.refused()).isZero();
        }
        String ended = begin("?add=3&seconds=600");
        assertThat(count(ended, "?add=0&end=1")).isEqualTo("3");
        assertThat(count(ended, "?add=0")).as("a new session").isEqualTo("0");
    }

    @Test
    @DisplayName("a session that nobody uses for its time is over")
    void unusedSessionsEnd() throws Exception {
        String cookie = begin("?add=9&seconds=2");
        String kept = begin("?add=7&seconds=600");
        // Whoever asks keeps it: each look comes later than the time of the session.
        await("its end")
                .pollDelay(Duration.ofSeconds(3))
                .pollInterval(Duration.ofSeconds(3))
                .atMost(SOON)
                .until(() -> !count(cookie, "?add=0").equals("9"));
        assertThat(count(kept, "?add=0")).isEqualTo("7");
    }

    @Test
    @DisplayName("a certificate that the JVM does not trust is not trusted: no session, and no end of the others")
    void anUnknownCertificateIsRefused() throws Exception {
        try (ClowderProcess careful = cluster().start()) {
            careful.awaitReady(SOON);
            assertThat(HttpConnection.fresh(careful.port(), "/shop/worker").status())
                    .isEqualTo(200);
            Response refused = HttpConnection.fresh(careful.port(), COUNTER);
            assertThat(refused.status()).isEqualTo(503);
            assertThat(careful.output()).doesNotContain("s3cret");
        }
    }

    private static String begin(String query) throws IOException {
        Response begun = HttpConnection.fresh(cluster.port(), COUNTER + query);
        assertThat(begun.status()).as(begun.toString()).isEqualTo(200);
        return "Cookie: " + String.valueOf(begun.header("Set-Cookie")).split(";", 2)[0];
    }

    private static String count(String cookie, String query) throws IOException {
        return HttpConnection.fresh(cluster.port(), COUNTER + query, cookie).body();
    }
}
