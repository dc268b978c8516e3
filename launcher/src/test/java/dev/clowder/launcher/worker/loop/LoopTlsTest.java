package dev.clowder.launcher.worker.loop;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** TLS and HTTP/2 where requests run where they are polled. */
@Timeout(180)
class LoopTlsTest {
    private static final String ON_THE_LOOP = "-Loop-";
    private static final String IN_THE_POOL = "-exec-";
    private static final int FEW_THREADS = 16;
    private static final int MANY = 10;
    private static final int LARGE = 4 << 20;

    @TempDir
    private static Path directory;

    private static LoopCertificate certificate;

    @TempDir
    private Path files;

    @BeforeAll
    static void makeCertificate() throws Exception {
        certificate = new LoopCertificate(directory);
    }

    private LoopServer server(Watchdog.Ticks ticks) {
        return new LoopServer(files, ticks, new Prediction())
                .tls(certificate)
                .page("/echo", (request, response) -> {
                    byte[] body = request.getInputStream().readAllBytes();
                    response.setContentLength(body.length);
                    response.getOutputStream().write(body);
                })
                .page("/large", (request, response) -> {
                    response.setContentLength(LARGE);
                    response.getOutputStream().write("x".repeat(LARGE).getBytes(ISO_8859_1));
                });
    }

    private static LoopClient connect(LoopServer server) throws IOException {
        return new LoopClient(server.port(), certificate.trusting());
    }

    @Test
    void overTlsARequestRunsOnTheThreadThatPollsAndTheHandshakeDoesNot() throws Exception {
        try (LoopServer server = server(Watchdog.Ticks.USUAL).start()) {
            for (int i = 0; i < MANY; i++) {
                try (LoopClient client = connect(server)) {
                    assertThat(client.get("/hello").status()).isEqualTo(200);
                    // The thread that shook hands may still be about to leave when the next request is there.
                    CoreLoopTest.eventually(() -> client.get("/hello").body().contains(ON_THE_LOOP));
                }
            }
            assertThat(server.handshakes()).hasSize(MANY).allMatch(thread -> thread.contains(IN_THE_POOL));
        }
    }

    @Test
    void bodiesOfEverySizeComeBackUnchangedOverOneConnection() throws Exception {
        Random random = new Random(1);
        try (LoopServer server = server(Watchdog.Ticks.USUAL).start();
                LoopClient client = connect(server)) {
            for (int length : new int[] {0, 1, 8_191, 8_192, 16_384, 16_385, 100_000, LARGE}) {
                byte[] body = new byte[length];
                random.nextBytes(body);
                String text = new String(body, ISO_8859_1);
                client.send("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + length + "\r\n\r\n");
                CompletableFuture<Void> sent = CompletableFuture.runAsync(() -> send(client, text));
                assertThat(client.answer().body()).as("%d bytes", length).isEqualTo(text);
                sent.join();
                assertThat(client.get("/hello").status()).isEqualTo(200);
            }
        }
    }

    private static void send(LoopClient client, String text) {
        try {
            client.send(text);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    @Test
    void slowBodiesOnMoreConnectionsThanThreadsWaitForNoWatchdog() throws Exception {
        try (LoopServer server =
                        server(LoopServer.BLIND).set("maxThreads", FEW_THREADS).start();
                LoopClient other = connect(server)) {
            List<LoopClient> slow = new ArrayList<>();
            for (int i = 0; i < MANY; i++) {
                LoopClient client = connect(server);
                // So that it is not the thread of the handshake that reads the body.
                assertThat(client.get("/hello").status()).isEqualTo(200);
                slow.add(client.send("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nab"));
                assertThat(other.get("/hello").status()).isEqualTo(200);
            }
            for (LoopClient client : slow) {
                assertThat(client.send("cde").answer().body()).isEqualTo("abcde");
                client.close();
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"/large", "/file.bin"})
    void aSlowReaderWaitsForNoWatchdogAndGetsEveryByte(String path) throws Exception {
        Files.writeString(files.resolve("file.bin"), "x".repeat(LARGE));
        try (LoopServer server = server(LoopServer.BLIND).start();
                LoopClient slow = connect(server);
                LoopClient other = connect(server)) {
            assertThat(slow.get("/hello").status()).isEqualTo(200);
            slow.ask(path).ask("/hello");
            for (int i = 0; i < MANY; i++) {
                assertThat(other.get("/hello").status()).isEqualTo(200);
            }
            assertThat(slow.answer().body()).isEqualTo("x".repeat(LARGE));
            assertThat(slow.answer().status()).isEqualTo(200);
        }
    }

    @ParameterizedTest
    @CsvSource({"https, true", "https, false", "http, true"})
    void streamsOfHttp2RunInThePoolAndHaveTheirOwnAnswers(String scheme, boolean asynchronous) throws Exception {
        // A watchdog of microseconds and no guesses: the loop is taken from whoever reads frames, all the time.
        try (LoopServer server = http2(scheme, asynchronous).start()) {
            URI base = URI.create(scheme + "://localhost:" + server.port());
            HttpClient client = HttpClient.newBuilder()
                    .version(HttpClient.Version.HTTP_2)
                    .sslContext(certificate.trusting())
                    .build();
            // Here it asks for an upgrade in clear text, which is a request of HTTP/1.1.
            assertThat(client.send(get(base, "/hello"), BodyHandlers.ofString()).version())
                    .isEqualTo(HttpClient.Version.HTTP_2);
            List<CompletableFuture<Void>> all = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
                all.add(answer(client, get(base, "/hello"))
                        .thenAccept(body -> assertThat(body).contains(IN_THE_POOL)));
                all.add(answer(client, get(base, "/large"))
                        .thenAccept(body -> assertThat(body).isEqualTo("x".repeat(LARGE))));
                String text = (i + ".").repeat(50_000);
                HttpRequest echo = HttpRequest.newBuilder(base.resolve("/echo"))
                        .POST(BodyPublishers.ofString(text, ISO_8859_1))
                        .build();
                all.add(answer(client, echo).thenAccept(body -> assertThat(body).isEqualTo(text)));
            }
            for (CompletableFuture<Void> one : all) {
                one.get(60, TimeUnit.SECONDS);
            }
        }
    }

    private LoopServer http2(String scheme, boolean asynchronous) {
        LoopServer server = new LoopServer(files, TakeoverStressTest.MICROSECONDS, null)
                .set("useAsyncIO", asynchronous)
                .http2()
                .page(
                        "/echo",
                        (request, response) -> response.getOutputStream()
                                .write(request.getInputStream().readAllBytes()))
                .page(
                        "/large",
                        (request, response) -> response.getOutputStream()
                                .write("x".repeat(LARGE).getBytes(ISO_8859_1)));
        return scheme.equals("https") ? server.tls(certificate) : server;
    }

    private static HttpRequest get(URI base, String path) {
        return HttpRequest.newBuilder(base.resolve(path)).build();
    }

    private static CompletableFuture<String> answer(HttpClient client, HttpRequest request) {
        return client.sendAsync(request, BodyHandlers.ofString(ISO_8859_1)).thenApply(answer -> {
            assertThat(answer.statusCode()).isEqualTo(200);
            assertThat(answer.version()).isEqualTo(HttpClient.Version.HTTP_2);
            return answer.body();
        });
    }

    @Test
    void streamsThatBlockHoldUpNoConnection() throws Exception {
        CountDownLatch released = new CountDownLatch(1);
        try (LoopServer server = server(LoopServer.BLIND)
                        .http2()
                        .set("maxThreads", FEW_THREADS)
                        .page("/block", (request, response) -> {
                            CoreLoopTest.await(released);
                            response.getWriter().print("released");
                        })
                        .start();
                LoopClient other = connect(server)) {
            HttpClient client =
                    HttpClient.newBuilder().sslContext(certificate.trusting()).build();
            URI base = URI.create("https://localhost:" + server.port());
            List<CompletableFuture<HttpResponse<String>>> blocked = new ArrayList<>();
            for (int i = 0; i < MANY; i++) {
                blocked.add(client.sendAsync(get(base, "/block"), BodyHandlers.ofString()));
                assertThat(other.get("/hello").status()).isEqualTo(200);
            }
            CoreLoopTest.eventually(() -> server.endpoint.getCurrentThreadsBusy() == MANY);
            CoreLoopTest.eventually(() -> other.get("/hello").body().contains(ON_THE_LOOP));
            released.countDown();
            for (CompletableFuture<HttpResponse<String>> one : blocked) {
                assertThat(one.get(60, TimeUnit.SECONDS).body()).isEqualTo("released");
            }
        }
    }
}
