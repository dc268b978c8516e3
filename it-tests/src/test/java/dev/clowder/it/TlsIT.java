package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.ClusterStatus;
import dev.clowder.it.HttpConnection.Response;
import dev.clowder.it.app.SessionServlet;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.Certificate;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code --tls-port} beside {@code --port}: TLS, HTTP/2 by ALPN, h2c, and certificates that change. */
class TlsIT {
    private static final Duration SOON = Duration.ofSeconds(90);
    private static final String WORKER = "/worker";

    @TempDir
    static Path directory;

    private static Path war;
    private static Tls tls;
    private static ClowderProcess cluster;

    private int port;

    @BeforeAll
    static void start() throws Exception {
        war = Apps.write(Apps.probe("probe.war").addClass(SessionServlet.class), directory);
        tls = new Tls(directory.resolve("tls"));
        cluster = ClowderProcess.builder()
                .application("/", war)
                .root(directory)
                .arguments(tls.options(0))
                .start();
    }

    @AfterAll
    static void stop() {
        cluster.close();
    }

    @BeforeEach
    void whole() throws IOException, InterruptedException {
        port = tlsPort(cluster.awaitReady(SOON));
    }

    private static int tlsPort(ClusterStatus status) {
        assertThat(status.listeners())
                .extracting(ClusterStatus.Listener::protocol)
                .containsExactly("http", "https");
        return status.listeners().get(1).port();
    }

    @Test
    @DisplayName(
            "a request over TLS is secure to the application, its session cookie too; one over the plain port is not")
    void aRequestOverTlsIsSecureToTheApplication() throws Exception {
        assertSecure(port);
        assertThat(tls.get(port, "/session").header("Set-Cookie")).contains("JSESSIONID", "Secure");
        Map<String, String> plain = Details.of(HttpConnection.fresh(cluster.port(), "/details"));
        assertThat(plain).containsEntry("scheme", "http").containsEntry("secure", "false");
        assertThat(HttpConnection.fresh(cluster.port(), "/session").header("Set-Cookie"))
                .doesNotContain("Secure");
    }

    private static void assertSecure(int port) throws Exception {
        Response response = tls.get(port, "/details");
        assertThat(Details.of(response))
                .containsEntry("scheme", "https")
                .containsEntry("secure", "true")
                .containsEntry("serverPort", String.valueOf(port))
                .containsEntry("remoteAddr", "127.0.0.1");
    }

    @Tag("slow")
    @ParameterizedTest
    @ValueSource(strings = {"round-robin", "relay"})
    @DisplayName("TLS ends in the worker, however connections come there; HTTP/2 too")
    void tlsEndsInTheWorkerInEveryMode(String accept) throws Exception {
        try (ClowderProcess other = ClowderProcess.builder()
                .application("/", war)
                .root(directory)
                .workers(1)
                .arguments(tls.options(0))
                .arguments("--accept", accept)
                .start()) {
            int otherPort = tlsPort(other.awaitReady(SOON));
            assertSecure(otherPort);
            try (Http2Connection connection = Http2Connection.open(otherPort, tls.client())) {
                assertThat(connection.get("/details")).contains("secure=true", "remoteAddr=127.0.0.1");
            }
        }
    }

    @Test
    @DisplayName("HTTP/2 is spoken by ALPN over TLS and by prior knowledge on the plain port;"
            + " not by Upgrade, which would tunnel through a proxy")
    void http2IsSpokenInEveryWay() throws Exception {
        HttpClient client = HttpClient.newBuilder().sslContext(tls.client()).build();
        var versions = Map.of(
                "https://localhost:" + port, HttpClient.Version.HTTP_2,
                // Here it asks for an upgrade.
                "http://localhost:" + cluster.port(), HttpClient.Version.HTTP_1_1);
        for (var uri : versions.entrySet()) {
            var response = client.send(
                    HttpRequest.newBuilder(URI.create(uri.getKey() + WORKER)).build(), BodyHandlers.ofString());
            assertThat(response.statusCode()).isEqualTo(200);
            assertThat(response.version()).as(uri.getKey()).isEqualTo(uri.getValue());
        }
        try (Http2Connection connection = Http2Connection.open(cluster.port(), null)) {
            assertThat(connection.get("/details")).contains("scheme=http\n", "secure=false");
            assertThat(connection.get(WORKER)).endsWith(" of 2");
        }
    }

    @Test
    @DisplayName("a certificate that is replaced on disk is shown to new connections, open ones go on;"
            + " a broken one changes nothing and is named in one line")
    void aCertificateThatIsReplacedIsShownToNewConnections() throws Exception {
        SSLContext before = tls.client();
        try (HttpConnection open = HttpConnection.tls(port, before.getSocketFactory())) {
            assertThat(open.get(WORKER).status()).isEqualTo(200);
            Certificate renewed = tls.renew();
            assertThat(open.certificate()).isNotEqualTo(renewed);
            await("the new certificate").atMost(SOON).until(() -> isShown(renewed));
            assertThat(open.get(WORKER).status()).isEqualTo(200);

            byte[] good = Files.readAllBytes(tls.chain());
            Files.writeString(tls.chain(), "nothing of use");
            await("both workers say so")
                    .atMost(SOON)
                    .until(() ->
                            cluster.output().lines().filter(TlsIT::isRefusal).count() == 2);
            assertThat(isShown(renewed)).isTrue();
            assertThat(open.get(WORKER).status()).isEqualTo(200);
            Files.write(tls.chain(), good);
        }
    }

    private static boolean isRefusal(String line) {
        return line.contains("the certificate stays as it was: --tls-cert " + tls.chain());
    }

    /** To connections enough for both workers to be among those that answered. */
    private boolean isShown(Certificate certificate) throws Exception {
        var factory = tls.client().getSocketFactory();
        boolean[] seen = new boolean[3];
        for (int i = 0; i < 200 && !(seen[1] && seen[2]); i++) {
            try (HttpConnection connection = HttpConnection.tls(port, factory)) {
                if (!connection.certificate().equals(certificate)) {
                    return false;
                }
                seen[connection.get(WORKER).worker().slot()] = true;
            } catch (SSLException e) {
                // The old one, which is not trusted any more.
                return false;
            }
        }
        return true;
    }

    @Tag("slow")
    @Test
    @DisplayName(
            "behaviour 52: a reload under HTTPS, HTTP/2 and h2c loses no request; HTTP/2 clients are told by GOAWAY")
    void aReloadLosesNoRequestOverTlsOrHttp2() throws Exception {
        SSLContext client = tls.client();
        try (Load https = Load.start(() -> HttpConnection.tls(port, client.getSocketFactory()), WORKER, 1, 2, 5);
                Http2Load h2 = new Http2Load(port, client);
                Http2Load h2c = new Http2Load(cluster.port(), null)) {
            await("all get answers")
                    .atMost(SOON)
                    .until(() -> https.answers() > 20 && h2.answers.get() > 20 && h2c.answers.get() > 20);
            assertThat(cluster.command(SOON.multipliedBy(2), "reload").exitCode())
                    .isZero();
            https.stop();
            h2.stop();
            h2c.stop();
            assertThat(https.failures()).isEmpty();
            assertThat(h2.failures).isEmpty();
            assertThat(h2c.failures).isEmpty();
            assertThat(h2.told.get()).as("GOAWAY over TLS").isPositive();
            assertThat(h2c.told.get()).as("GOAWAY over h2c").isPositive();
        }
    }

    @Tag("slow")
    @Test
    @DisplayName("an idle HTTP/2 connection does not hold a worker that leaves: it is told by GOAWAY, and closed")
    void anIdleHttp2ConnectionIsToldAndClosed() throws Exception {
        try (ClowderProcess other = ClowderProcess.builder()
                        .application("/", war)
                        .root(directory)
                        .workers(1)
                        .arguments(tls.options(0))
                        .start();
                Http2Connection idle = Http2Connection.open(tlsPort(other.awaitReady(SOON)), tls.client())) {
            assertThat(idle.get(WORKER)).isNotEmpty();
            other.terminate();
            idle.awaitEnd();
            assertThat(idle.goneAway()).isTrue();
            assertThat(other.awaitExit(SOON)).isZero();
        }
    }

    /** Clients that each keep one HTTP/2 connection until they are told to go away. */
    private static final class Http2Load implements AutoCloseable {
        private final AtomicInteger answers = new AtomicInteger();
        private final AtomicInteger told = new AtomicInteger();
        private final Queue<IOException> failures = new ConcurrentLinkedQueue<>();
        private final List<Thread> clients = List.of(new Thread(this::run), new Thread(this::run));
        private final int port;
        private final @Nullable SSLContext tls;
        private volatile boolean stopped;

        Http2Load(int port, @Nullable SSLContext tls) {
            this.port = port;
            this.tls = tls;
            for (Thread client : clients) {
                client.setDaemon(true);
                client.start();
            }
        }

        private void run() {
            while (!stopped) {
                try (Http2Connection connection = Http2Connection.open(port, tls)) {
                    while (!stopped && !connection.goneAway()) {
                        if (connection.get(WORKER) != null) {
                            answers.incrementAndGet();
                        }
                        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(5));
                    }
                    if (connection.goneAway()) {
                        told.incrementAndGet();
                    }
                } catch (IOException e) {
                    failures.add(e);
                    return;
                }
            }
        }

        void stop() throws InterruptedException {
            stopped = true;
            for (Thread client : clients) {
                client.join(SOON.toMillis());
                assertThat(client.isAlive()).isFalse();
            }
        }

        @Override
        public void close() {
            stopped = true;
        }
    }
}
