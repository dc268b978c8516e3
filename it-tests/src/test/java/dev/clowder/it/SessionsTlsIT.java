package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.ClusterStatus;
import dev.clowder.arquillian.Launcher;
import dev.clowder.it.HttpConnection.Response;
import dev.clowder.it.HttpConnection.Worker;
import dev.clowder.it.app.CountServlet;
import dev.clowder.it.app.TravelServlet;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Sticky sessions over HTTPS, HTTP/2 and h2c: the connection stays where it is, and a request is answered by the worker of
 * its session. Sessions begin over the plain port, in the slot that is wanted.
 */
@Tag("once")
class SessionsTlsIT {
    private static final Duration SOON = Duration.ofSeconds(90);
    private static final Duration LONG = Duration.ofMinutes(4);
    private static final String COUNT = "/count";
    private static final int LARGE = 10_000_000;
    /** The only one whose headers of forwarding are believed. */
    private static final String PROXY = "127.0.0.2";

    @TempDir
    static Path directory;

    private static Path accessLog;
    private static Tls tls;
    private static SSLContext trusting;
    private static ClowderProcess cluster;

    private int port;

    @BeforeAll
    static void start() throws Exception {
        tls = new Tls(directory.resolve("tls"));
        trusting = tls.client();
        accessLog = directory.resolve("access.log");
        cluster = ClowderProcess.builder()
                .application(
                        "/",
                        Apps.write(
                                Apps.behindProxy("app.war").addClasses(CountServlet.class, TravelServlet.class),
                                directory))
                .root(directory)
                .arguments(tls.options(0))
                .arguments("--oversubscribe", "--trust", PROXY, "--boot-timeout", "240s")
                .arguments("--access-log", accessLog.toString(), "--access-log-pattern", "%h %H %{X-Mark}i %s")
                .start();
    }

    @AfterAll
    static void stop() {
        cluster.close();
    }

    @BeforeEach
    void whole() throws IOException, InterruptedException {
        port = cluster.awaitReady(SOON).listeners().get(1).port();
    }

    private static SessionUser user(int slot) throws IOException {
        return SessionUser.in(slot, cluster.port(), COUNT);
    }

    /** A connection that another worker than that of a slot has. */
    private HttpConnection away(int slot) throws IOException {
        return awayFrom(null, slot);
    }

    private HttpConnection awayFrom(@Nullable InetAddress from, int slot) throws IOException {
        // As long as a worker that has just died may need to be back.
        for (long end = System.nanoTime() + SOON.toNanos(); System.nanoTime() < end; ) {
            HttpConnection connection = HttpConnection.tls(from, port, trusting.getSocketFactory());
            if (connection.get("/worker").worker().slot() != slot) {
                return connection;
            }
            connection.close();
        }
        throw new AssertionError("all connections go to slot " + slot);
    }

    private HttpClient away2(int slot) throws Exception {
        return away(slot, HttpClient.Version.HTTP_2);
    }

    /** A client with one connection, which another worker than that of a slot has. */
    private HttpClient away(int slot, HttpClient.Version version) throws Exception {
        // As long as a worker that has just died may need to be back.
        for (long end = System.nanoTime() + SOON.toNanos(); System.nanoTime() < end; ) {
            HttpClient client = HttpClient.newBuilder()
                    .sslContext(trusting)
                    .version(version)
                    .build();
            HttpResponse<String> response = client.send(request("/worker").build(), BodyHandlers.ofString());
            assertThat(response.version()).isEqualTo(version);
            if (slot(response) != slot) {
                return client;
            }
        }
        throw new AssertionError("all connections go to slot " + slot);
    }

    private HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create("https://localhost:" + port + path))
                .timeout(SOON);
    }

    private HttpRequest.Builder request(SessionUser user, String path) {
        return request(path).header("Cookie", user.cookieLine().substring("Cookie: ".length()));
    }

    private static int slot(HttpResponse<?> response) {
        return Worker.of(response.headers().firstValue("X-Clowder-Worker").orElseThrow())
                .slot();
    }

    private static Response get(SessionUser user, HttpConnection connection, String path, String... more)
            throws IOException {
        List<String> lines = new ArrayList<>(List.of(more));
        lines.add(user.cookieLine());
        return connection.get(path, lines.toArray(new String[0]));
    }

    @Test
    @DisplayName("HTTPS: fresh connections, and one that users share, count in one session, in its slot")
    void https() throws Exception {
        List<SessionUser> users = List.of(user(1), user(2));
        try (HttpConnection kept = HttpConnection.tls(port, trusting.getSocketFactory())) {
            for (int count = 2; count <= 20; count += 2) {
                for (SessionUser user : users) {
                    try (HttpConnection fresh = HttpConnection.tls(port, trusting.getSocketFactory())) {
                        assertThat(user.get(fresh, COUNT).body()).isEqualTo(String.valueOf(count));
                    }
                    Response response = user.get(kept, COUNT);
                    assertThat(response.body()).isEqualTo(String.valueOf(count + 1));
                    assertThat(response.worker().slot()).isEqualTo(user.slot());
                    assertThat(response.header("Set-Cookie")).isNull();
                }
                assertThat(kept.get(COUNT + "?read").body()).isEqualTo("none");
            }
            for (SessionUser user : users) {
                assertThat(kept.get(COUNT + ";jsessionid=" + user.id()).body()).isEqualTo("22");
            }
        }
    }

    @Test
    @DisplayName("HTTP/2 and h2c: the same, request by request on one connection")
    void http2() throws Exception {
        List<SessionUser> users = List.of(user(1), user(2));
        HttpClient client = HttpClient.newBuilder().sslContext(trusting).build();
        try (Http2Connection clear = Http2Connection.open(cluster.port(), null)) {
            for (int count = 2; count <= 20; count += 2) {
                for (SessionUser user : users) {
                    HttpResponse<String> response =
                            client.send(request(user, COUNT).build(), BodyHandlers.ofString());
                    assertThat(response.version()).isEqualTo(HttpClient.Version.HTTP_2);
                    assertThat(response.body()).isEqualTo(String.valueOf(count));
                    assertThat(slot(response)).isEqualTo(user.slot());
                    assertThat(clear.get(COUNT, "JSESSIONID=" + user.id())).isEqualTo(String.valueOf(count + 1));
                }
            }
        }
    }

    @Test
    @DisplayName("the application sees the client's connection and TLS, not that between the workers;"
            + " the request is one line of the access log")
    void facts() throws Exception {
        String path = "/travel/facts?a=%20b";
        for (int slot = 1; slot <= 2; slot++) {
            SessionUser user = user(slot);
            try (HttpConnection connection = away(slot)) {
                String[] claims = {"X-Forwarded-For: 203.0.113.9", "X-Twice: 1", "X-Twice: 2"};
                Response there = get(user, connection, path, claims[0], claims[1], claims[2], "X-Mark: https" + slot);
                assertThat(there.worker().slot()).isEqualTo(slot);
                // Without a session it is answered where the connection is.
                Response here = connection.get(path, claims);
                assertThat(here.worker().slot()).isNotEqualTo(slot);
                assertThat(there.body()).isEqualTo(here.body());
                assertThat(there.body().lines())
                        .contains(
                                "remote=127.0.0.1:" + connection.localPort(),
                                "local=127.0.0.1:" + port,
                                "scheme=https true",
                                "protocol=HTTP/1.1",
                                "url=https://127.0.0.1:" + port + path,
                                "forwarded=[]",
                                "twice=[1, 2]")
                        .anyMatch(line -> line.matches("cipher=TLS_\\w+"));
            }
            HttpClient client = away2(slot);
            HttpRequest.Builder claim = request(user, path).header("X-Forwarded-For", "203.0.113.9");
            HttpResponse<String> there =
                    client.send(claim.copy().header("X-Mark", "h2-" + slot).build(), BodyHandlers.ofString());
            HttpResponse<String> here =
                    client.send(claim.setHeader("Cookie", "a=b").build(), BodyHandlers.ofString());
            assertThat(slot(there)).isEqualTo(slot);
            assertThat(slot(here)).isNotEqualTo(slot);
            assertThat(there.body()).isEqualTo(here.body());
            assertThat(there.headers().allValues("X-Many")).containsExactly("a", "b");
            assertThat(there.body().lines())
                    .contains("scheme=https true", "protocol=HTTP/2.0", "url=https://localhost:" + port + path)
                    .contains("forwarded=[]");
        }
        await("each is one line, with its client").atMost(SOON).untilAsserted(() -> {
            try (Stream<String> lines = Files.lines(accessLog)) {
                assertThat(lines.filter(line -> !line.contains(" - ")))
                        .containsExactlyInAnyOrder(
                                "127.0.0.1 HTTP/1.1 https1 200",
                                "127.0.0.1 HTTP/2.0 h2-1 200",
                                "127.0.0.1 HTTP/1.1 https2 200",
                                "127.0.0.1 HTTP/2.0 h2-2 200");
            }
        });
    }

    @Test
    @DisplayName("a trusted proxy's word for its client counts for the worker that answers too")
    void behindAProxy() throws Exception {
        SessionUser user = user(1);
        try (HttpConnection connection = awayFrom(InetAddress.getByName(PROXY), 1)) {
            Response response = get(user, connection, "/details", "X-Forwarded-For: 198.51.100.7, 203.0.113.9");
            assertThat(Details.of(response))
                    .containsEntry("remoteAddr", "203.0.113.9")
                    .containsEntry("forwarded.peer", PROXY)
                    .containsEntry("secure", "true");
            assertThat(response.worker().slot()).isEqualTo(1);
        }
    }

    @Test
    @DisplayName("concurrent requests of one session, over HTTPS, HTTP/2 and plain HTTP, meet in one JVM")
    void concurrent() throws Exception {
        SessionUser user = user(2);
        HttpClient client = away2(2);
        String path = "/travel/meet?parties=6";
        List<CompletableFuture<String>> answers = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            answers.add(client.sendAsync(request(user, path).build(), BodyHandlers.ofString())
                    .thenApply(HttpResponse::body));
        }
        for (int i = 0; i < 2; i++) {
            HttpConnection connection = away(2);
            // A thread for each: on two processors the common pool has a single one, and they wait for each other.
            answers.add(CompletableFuture.supplyAsync(
                    () -> {
                        try (connection) {
                            return get(user, connection, path).body();
                        } catch (IOException e) {
                            return e.toString();
                        }
                    },
                    request -> new Thread(request, "client").start()));
        }
        assertThat(user.get(path).body()).isEqualTo("met");
        for (CompletableFuture<String> answer : answers) {
            assertThat(answer.get()).isEqualTo("met");
        }
    }

    @Tag("slow")
    @ParameterizedTest
    @EnumSource(HttpClient.Version.class)
    @DisplayName("10 MB arrive intact in both directions, with their length and without")
    void large(HttpClient.Version version) throws Exception {
        SessionUser user = user(1);
        HttpClient client = away(1, version);
        byte[] bytes = TravelServlet.random(LARGE);
        String digest = TravelServlet.digest(new ByteArrayInputStream(bytes));
        for (HttpRequest.BodyPublisher body : List.of(
                BodyPublishers.ofByteArray(bytes),
                BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(bytes)))) {
            HttpRequest upload = request(user, "/travel/digest").POST(body).build();
            assertThat(client.send(upload, BodyHandlers.ofString()).body()).isEqualTo(digest);
        }
        for (String framing : List.of("", "&chunked")) {
            HttpResponse<InputStream> download = client.send(
                    request(user, "/travel/bytes?count=" + LARGE + framing).build(), BodyHandlers.ofInputStream());
            assertThat(TravelServlet.digest(download.body())).isEqualTo(digest);
            assertThat(slot(download)).isEqualTo(1);
        }
    }

    @Test
    @DisplayName(
            "what HTTP/1.1 can do is done: 100 Continue, an answer before the body, refusals, HEAD, pipelining, close")
    void oddities() throws Exception {
        SessionUser user = user(1);
        try (HttpConnection connection = away(1)) {
            connection.send(
                    connection.head("POST", COUNT, user.cookieLine(), "Content-Length: 3", "Expect: 100-continue"));
            assertThat(connection.readHead().status()).isEqualTo(100);
            connection.send("abc");
            assertThat(connection.read().body()).isEqualTo("2 3");

            connection.send(connection.head("POST", "/upload", user.cookieLine(), "Content-Length: 4"));
            assertThat(connection.readHead().status()).isEqualTo(200);
            assertThat(connection.readChunk()).isEqualTo("started");
            connection.send("body");
            assertThat(connection.readChunk()).isEqualTo(" got body");
            assertThat(connection.readChunk()).isEmpty();

            connection.send(connection.head("HEAD", "/travel/bytes?count=5000", user.cookieLine()));
            assertThat(connection.readHead().header("Content-Length")).isEqualTo("5000");

            String get = connection.head("GET", COUNT, user.cookieLine());
            connection.send(
                    connection.head("POST", COUNT, user.cookieLine(), "Content-Length: 5") + "12345" + get + get);
            assertThat(connection.read().body()).isEqualTo("3 5");
            assertThat(connection.read().body()).isEqualTo("4");
            assertThat(connection.read().body()).isEqualTo("5");

            connection.send(
                    connection.head("POST", "/travel/refuse", user.cookieLine(), "Content-Length: 5") + "12345");
            assertThat(connection.read().status()).isEqualTo(413);
        }
        try (HttpConnection connection = away(1)) {
            Response closing = get(user, connection, "/travel/close");
            assertThat(closing.body()).isEqualTo("the end");
            assertThat(closing.header("Connection")).isEqualTo("close");
        }
        try (HttpConnection connection = away(1)) {
            connection.send("GET " + COUNT + " HTTP/1.0\r\n" + user.cookieLine() + "\r\n\r\n");
            assertThat(connection.read().body()).isEqualTo("6");
        }
    }

    @Test
    @DisplayName("server-sent events arrive one by one")
    void events() throws Exception {
        SessionUser user = user(1);
        HttpResponse<InputStream> second =
                away2(1).send(request(user, "/travel/events").build(), BodyHandlers.ofInputStream());
        try (BufferedReader lines = new BufferedReader(new InputStreamReader(second.body(), StandardCharsets.UTF_8))) {
            for (int i = 0; i < 3; i++) {
                assertThat(user.get("/travel/event?say=" + i).body()).isEqualTo("sent");
                assertThat(lines.readLine()).isEqualTo("data: " + i);
                assertThat(lines.readLine()).isEmpty();
            }
            user.get("/travel/event?last");
            assertThat(lines.readLine()).isNull();
        }
        try (HttpConnection first = away(1)) {
            first.send(first.head("GET", "/travel/events", user.cookieLine()));
            assertThat(first.readHead().status()).isEqualTo(200);
            for (int i = 0; i < 3; i++) {
                user.get("/travel/event?say=" + i);
                assertThat(first.readChunk()).isEqualTo("data: " + i + "\n\n");
            }
            user.get("/travel/event?last");
            assertThat(first.readChunk()).isEmpty();
            // And then the connection is as good as any.
            assertThat(get(user, first, COUNT).body()).isEqualTo("2");
        }
    }

    @Test
    @DisplayName("a WebSocket over TLS is opened in the worker of the session")
    void webSocket() throws Exception {
        SessionUser user = user(1);
        try (HttpConnection connection = away(1)) {
            assertThat(BehindProxyContract.handshake(connection, "/handshake", user.cookieLine()))
                    .startsWith("true wss://127.0.0.1:" + port + "/handshake 127.0.0.1:")
                    .endsWith(" https true null");
            // Close, masked with zeroes; it comes back, and then the end.
            connection.send("\u0088\u0082\0\0\0\0\u0003\u00e8");
            assertThat(connection.readBytes(4)).startsWith((byte) 0x88, (byte) 2);
            assertThat(connection.readBytes(1)).isEmpty();
        }
    }

    @Test
    @DisplayName("a worker that dies while it answers never makes an answer look complete")
    void death() throws Exception {
        SessionUser user = user(1);
        try (HttpConnection connection = away(1)) {
            connection.send(connection.head("GET", "/travel/die?after", user.cookieLine()));
            assertThat(connection.readHead().status()).isEqualTo(200);
            assertThat(connection.readChunk()).isEqualTo("so far");
            assertThatThrownBy(connection::readChunk).isInstanceOf(IOException.class);
        }
        cluster.awaitReady(SOON);
        SessionUser next = user(2);
        HttpClient client = away2(2);
        HttpRequest broken = request(next, "/travel/die?after").build();
        assertThatThrownBy(() -> client.send(broken, BodyHandlers.ofString())).isInstanceOf(IOException.class);
        // The connection is that of a living worker.
        assertThat(client.send(request("/worker").build(), BodyHandlers.ofString())
                        .statusCode())
                .isEqualTo(200);
        cluster.awaitReady(SOON);
        SessionUser last = user(1);
        try (HttpConnection connection = away(1)) {
            assertThat(get(last, connection, "/travel/die").status()).isEqualTo(502);
            assertThat(connection.get("/worker").status()).isEqualTo(200);
            cluster.awaitReady(SOON);
            assertThat(get(last, connection, COUNT).body()).as("a new session").isEqualTo("1");
        }
    }

    @Tag("slow")
    @Test
    @DisplayName("a reload keeps the sessions of clients that come by TLS")
    void reload() throws Exception {
        List<SessionUser> users = List.of(user(1), user(2));
        for (SessionUser user : users) {
            try (HttpConnection connection = away(user.slot())) {
                assertThat(get(user, connection, COUNT).body()).isEqualTo("2");
            }
        }
        Launcher.Result reload = cluster.command(LONG, "reload");
        assertThat(reload.exitCode()).as(reload.errors()).isZero();
        ClusterStatus after = cluster.awaitReady(SOON);
        assertThat(after.supervisor().generation()).isGreaterThan(1);
        for (SessionUser user : users) {
            try (HttpConnection connection = away(user.slot())) {
                assertThat(get(user, connection, COUNT).body()).isEqualTo("3");
            }
            HttpResponse<String> response =
                    away2(user.slot()).send(request(user, COUNT).build(), BodyHandlers.ofString());
            assertThat(response.body()).isEqualTo("4");
            assertThat(slot(response)).isEqualTo(user.slot());
        }
    }
}
