package dev.clowder.arquillian;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The relay before a real server and behind a real client, both of the JDK. */
@Timeout(60)
class RequestRelayTest {
    private final HttpClient client = HttpClient.newHttpClient();
    private final List<String> events = new CopyOnWriteArrayList<>();
    private HttpServer server;
    private RequestRelay relay;

    private final RequestRelay.Turns turns = new RequestRelay.Turns() {
        @Override
        public void begin() throws IOException {
            events.add("begin");
            if (events.contains("trouble")) {
                throw new IOException("worker 2 does not come back");
            }
        }

        @Override
        public void end(int slot) {
            events.add("end " + slot);
        }
    };

    @BeforeEach
    void start() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(Executors.newCachedThreadPool());
        server.createContext("/", exchange -> {
            byte[] body = exchange.getRequestBody().readAllBytes();
            answer(exchange, "%s %s %d".formatted(exchange.getRequestMethod(), exchange.getRequestURI(), body.length));
        });
        server.start();
        relay = new RequestRelay(server.getAddress().getPort(), turns);
    }

    @AfterEach
    void stop() {
        relay.close();
        server.stop(0);
    }

    private static void answer(HttpExchange exchange, String text) throws IOException {
        exchange.getResponseHeaders().set("X-Clowder-Worker", "2/7");
        String connection = exchange.getRequestHeaders().getFirst("Connection");
        exchange.getResponseHeaders().set("X-Connection", connection);
        // As Tomcat says it; this server only does it, and its client would send the next request too late.
        exchange.getResponseHeaders().set("Connection", connection);
        exchange.sendResponseHeaders(200, text.length());
        exchange.getResponseBody().write(bytes(text));
        exchange.close();
    }

    private HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + relay.port() + path));
    }

    private HttpResponse<String> send(HttpRequest request) throws IOException, InterruptedException {
        return client.send(request, HttpResponse.BodyHandlers.ofString());
    }

    @Test
    @DisplayName(
            "each request has its own turn and connection, and has ended for the relay when the client has its answer")
    void eachRequestHasItsTurn() throws Exception {
        for (int i = 0; i < 20; i++) {
            HttpResponse<String> response = send(request("/a?b=" + i).build());
            assertThat(response.body()).isEqualTo("GET /a?b=" + i + " 0");
            assertThat(response.headers().firstValue("X-Connection")).hasValue("close");
            assertThat(events).containsExactly("begin", "end 2");
            events.clear();
        }
    }

    @Test
    @DisplayName("bodies pass, also behind Expect: 100-continue")
    void bodiesPass() throws Exception {
        HttpRequest.Builder post = request("/form").POST(HttpRequest.BodyPublishers.ofByteArray(new byte[300_000]));
        assertThat(send(post.build()).body()).isEqualTo("POST /form 300000");
        assertThat(send(post.expectContinue(true).build()).body()).isEqualTo("POST /form 300000");
    }

    @Test
    @DisplayName("what is not the end yet is passed on: the client sees the first event before the second is sent")
    void eventsArePassedOn() throws Exception {
        CountDownLatch seen = new CountDownLatch(1);
        server.createContext("/events", exchange -> {
            exchange.sendResponseHeaders(200, 0);
            exchange.getResponseBody().write(bytes("first\n"));
            exchange.getResponseBody().flush();
            awaitLatch(seen);
            exchange.getResponseBody().write(bytes("second\n"));
            exchange.close();
        });
        HttpResponse<Stream<String>> response =
                client.send(request("/events").build(), HttpResponse.BodyHandlers.ofLines());
        List<String> lines = response.body().peek(line -> seen.countDown()).toList();
        assertThat(lines).containsExactly("first", "second");
    }

    private static void awaitLatch(CountDownLatch latch) throws IOException {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
    }

    @Test
    @DisplayName(
            "when a client breaks off, or the relay is closed, the server's side is closed too and the turn is over")
    @SuppressWarnings("try") // That it is closed early is the case.
    void nothingIsLeftOpenAtTheServer() throws Exception {
        try (ServerSocket silent = new ServerSocket(0)) {
            RequestRelay front = new RequestRelay(silent.getLocalPort(), turns);
            try (Socket breaking = request(front);
                    Socket peer = silent.accept()) {
                line(peer);
                breaking.setSoLinger(true, 0);
                breaking.close();
                assertThat(peer.getInputStream().readAllBytes()).asString().endsWith("\r\n\r\n");
            }
            try (Socket waiting = request(front);
                    Socket peer = silent.accept()) {
                line(peer);
                front.close();
                assertThat(peer.getInputStream().readAllBytes()).asString().endsWith("\r\n\r\n");
                assertThat(waiting.getInputStream().read()).isNegative();
            }
        }
        await().atMost(Duration.ofSeconds(30))
                .untilAsserted(() -> assertThat(events).containsExactlyInAnyOrder("begin", "end 0", "begin", "end 0"));
    }

    @Test
    @DisplayName("a client that leaves an answer without an end does not keep its turn for ever")
    void aTurnEndsBehindItsClient() throws Exception {
        try (ServerSocket silent = new ServerSocket(0);
                RequestRelay front = new RequestRelay(silent.getLocalPort(), turns, 200)) {
            Socket leaving = request(front);
            try (Socket peer = silent.accept()) {
                line(peer);
                peer.getOutputStream().write(bytes("HTTP/1.1 200 OK\r\nX-Clowder-Worker: 1/3\r\n\r\n"));
                assertThat(line(leaving)).startsWith("HTTP/1.1 200");
                leaving.close();
                await().atMost(Duration.ofSeconds(20))
                        .untilAsserted(() -> assertThat(events).containsExactly("begin", "end 1"));
            }
        }
    }

    @Test
    @DisplayName("a client that ends its side of the connection gets its answer, for as long as some of it comes")
    void aHalfClosedConnectionIsAnswered() throws Exception {
        try (ServerSocket slow = new ServerSocket(0);
                RequestRelay front = new RequestRelay(slow.getLocalPort(), turns, 2000);
                Socket half = request(front)) {
            half.shutdownOutput();
            try (Socket peer = slow.accept()) {
                assertThat(peer.getInputStream().readAllBytes()).asString().endsWith("\r\n\r\n");
                peer.getOutputStream().write(bytes("HTTP/1.0 200 OK\r\n\r\nfine"));
            }
            assertThat(half.getInputStream().readAllBytes()).asString().endsWith("fine");
        }
    }

    private static Socket request(RequestRelay front) throws IOException {
        Socket socket = new Socket(InetAddress.getLoopbackAddress(), front.port());
        socket.getOutputStream().write(bytes("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
        return socket;
    }

    @Test
    @DisplayName("an upgraded connection goes through, both ways, until one side ends it")
    void upgradedConnectionsGoThrough() throws Exception {
        try (ServerSocket chat = new ServerSocket(0);
                RequestRelay front = new RequestRelay(chat.getLocalPort(), turns);
                Socket user = new Socket(InetAddress.getLoopbackAddress(), front.port())) {
            user.getOutputStream().write(bytes("GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n"));
            try (Socket peer = chat.accept()) {
                String head = line(peer) + line(peer) + line(peer) + line(peer);
                assertThat(head).isEqualTo("GET / HTTP/1.1 Connection: Upgrade Upgrade: chat  ");
                for (int i = 0; i < 3; i++) {
                    peer.getOutputStream().write(bytes("hello " + i + "\r\n"));
                    assertThat(line(user)).isEqualTo("hello " + i + " ");
                    user.getOutputStream().write(bytes("thanks\r\n"));
                    assertThat(line(peer)).isEqualTo("thanks ");
                }
                assertThat(events).containsExactly("begin");
            }
            assertThat(user.getInputStream().read()).isEqualTo(-1);
            assertThat(events).containsExactly("begin", "end 0");
        }
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    private static String line(Socket from) throws IOException {
        StringBuilder line = new StringBuilder();
        for (int next = from.getInputStream().read();
                next != '\n';
                next = from.getInputStream().read()) {
            assertThat(next).isNotNegative();
            line.append(next == '\r' ? ' ' : (char) next);
        }
        return line.toString();
    }

    @Test
    @DisplayName("a request that can't be sent is answered with the reason")
    void theReasonIsTold() throws Exception {
        events.add("trouble");
        HttpResponse<String> refused = send(request("/").build());
        assertThat(refused.statusCode()).isEqualTo(503);
        assertThat(refused.body()).isEqualTo("clowder-arquillian: worker 2 does not come back\n");
        assertThat(events).containsExactly("trouble", "begin");
    }

    @Test
    @DisplayName("a cluster that is gone is named")
    void aMissingClusterIsNamed() throws Exception {
        int port;
        try (ServerSocket unused = new ServerSocket(0)) {
            port = unused.getLocalPort();
        }
        try (RequestRelay lonely = new RequestRelay(port, RequestRelay.Turns.NONE)) {
            HttpResponse<String> refused =
                    send(HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + lonely.port() + "/"))
                            .build());
            assertThat(refused.statusCode()).isEqualTo(502);
            assertThat(refused.body()).contains("no cluster at /127.0.0.1:" + port);
        }
    }
}
