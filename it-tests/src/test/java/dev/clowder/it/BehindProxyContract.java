package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.RealProxy;
import dev.clowder.it.HttpConnection.Response;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What holds behind every real proxy, on each way through it to a cluster of two workers. The proxy is 127.0.0.1, the only
 * address that is trusted; clients are other addresses of the loopback network.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class BehindProxyContract {
    private static final Duration SOON = Duration.ofMinutes(2);
    private static final String DETAILS = "/details";
    private static final int LARGE = 4 << 20;

    /** Every header that speaks of a client, and the spellings with which they are smuggled (V9, V11). */
    static final String[] FORGED = {
        "X-Forwarded-For: 6.6.6.6",
        "X-Forwarded-For: 6.6.6.7, 127.0.0.1",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Host: evil.example.com",
        "X-Forwarded-Port: 666",
        "X-Forwarded-Prefix: /evil",
        "X-Forwarded-By: evil",
        "X-Forwarded-Server: evil",
        "X-Forwarded-Ssl: on",
        "X-Real-IP: 6.6.6.6",
        "Forwarded: for=6.6.6.6;proto=https;host=evil.example.com",
        "Forwarded: for=\"127.0.0.1\";by=\"",
        "X_Forwarded_For: 6.6.6.6",
        "X.Forwarded.For: 6.6.6.6",
        "X-Forwarded-Client-Cert: Subject=evil",
        "Client-Cert: :ZXZpbA==:"
    };

    /** What the application is told of the client. */
    private static final List<String> TOLD = List.of(
            "remoteAddr",
            "remoteHost",
            "remotePort",
            "scheme",
            "secure",
            "serverName",
            "serverPort",
            "url",
            "forwarded.ip",
            "forwarded.ips",
            "forwarded.protocol",
            "forwarded.hostname",
            "forwarded.peer",
            "forwarded.reason");

    /** A way through a proxy. */
    enum Kind {
        /** The proxy speaks HTTP and shares its connections to Clowder among its clients. */
        HEADERS,
        /** The proxy names the client of each connection in a PROXY header. */
        PROXY_PROTOCOL
    }

    /**
     * A way through a proxy.
     *
     * @param front port to which clients connect
     * @param ips what the application sees as the chain for a client
     * @param asForward what stands in front of the path of a request, as a forward proxy wants it
     * @param upgrades whether it passes on WebSockets
     */
    record Route(String name, int front, Kind kind, String ips, String asForward, boolean upgrades) {
        Route(String name, int front, Kind kind) {
            this(name, front, kind, kind == Kind.HEADERS ? "[%s]" : "[]", "", true);
        }

        String target(String path) {
            return asForward + path;
        }

        @Override
        public String toString() {
            return name;
        }
    }

    @TempDir
    private static Path directory;

    private final Deque<ClowderProcess> clusters = new ArrayDeque<>();
    private final Deque<RealProxy> proxies = new ArrayDeque<>();

    /** Starts clusters and proxies, by {@link #cluster} and {@link #proxy}. */
    abstract void start() throws Exception;

    @BeforeAll
    void startOnce() throws Exception {
        start();
    }

    /** The ways through the proxy. */
    abstract Stream<Route> routes();

    Stream<Route> waysForUpgrades() {
        return routes().filter(Route::upgrades);
    }

    /** Starts one after the other: all at once would only be slower. */
    ClowderProcess cluster(String... arguments) throws IOException, InterruptedException {
        ClowderProcess cluster = ClowderProcess.builder()
                .application("/", Apps.write(Apps.behindProxy("probe.war"), directory))
                .arguments("--trust", "127.0.0.1")
                .arguments(arguments)
                .start();
        clusters.push(cluster);
        cluster.awaitReady(SOON);
        return cluster;
    }

    RealProxy proxy(RealProxy.Program program, String configuration, Map<String, ?> values) throws Exception {
        System.out.println(program + ": " + program.version());
        RealProxy proxy = RealProxy.start(program, configuration, values);
        proxies.push(proxy);
        return proxy;
    }

    /** nginx before a cluster that reads headers, and one that wants a PROXY header. */
    RealProxy nginx(ClowderProcess plain, ClowderProcess proxied) throws Exception {
        return proxy(
                RealProxy.Program.NGINX,
                "nginx.conf",
                Map.of(
                        "plain", plain.port(),
                        "proxied", proxied.port(),
                        "stream-module", RealProxy.nginxStreams()));
    }

    @AfterAll
    void stop() {
        proxies.forEach(RealProxy::close);
        clusters.parallelStream().forEach(ClowderProcess::close);
    }

    static HttpConnection client(int last, int port) throws IOException {
        return HttpConnection.open(InetAddress.getByName("127.0.0." + last), port);
    }

    @ParameterizedTest
    @MethodSource("routes")
    @DisplayName("the application sees the client of the proxy, and the port by which it came")
    void theApplicationSeesTheClient(Route route) throws IOException {
        try (HttpConnection client = client(2, route.front())) {
            Map<String, String> seen = Details.of(client.get(route.target(DETAILS)));
            assertThat(seen)
                    .containsEntry("remoteAddr", "127.0.0.2")
                    .containsEntry("remoteHost", "127.0.0.2")
                    .containsEntry("scheme", "http")
                    .containsEntry("secure", "false")
                    .containsEntry("serverName", "127.0.0.1")
                    .containsEntry("forwarded.ips", route.ips().formatted("127.0.0.2"));
            boolean proxied = route.kind() == Kind.PROXY_PROTOCOL;
            assertThat(seen)
                    .containsEntry("proxied", String.valueOf(proxied))
                    .containsEntry("remotePort", proxied ? String.valueOf(client.localPort()) : "0")
                    .containsEntry("forwarded.peer", proxied ? "127.0.0.2" : "127.0.0.1");
        }
    }

    @ParameterizedTest
    @MethodSource("routes")
    @DisplayName("a client that forges every header changes nothing of what the application sees (W4, V9, V11, F3)")
    void aClientThatForgesEveryHeaderChangesNothing(Route route) throws IOException {
        try (HttpConnection client = client(3, route.front())) {
            Map<String, String> honest = Details.of(client.get(route.target(DETAILS)));
            Map<String, String> forged = Details.of(client.get(route.target(DETAILS), FORGED));
            assertSame(honest, forged);
            assertThat(forged.get("headers")).doesNotContain("X_", "X.", "Real-IP", "Prefix");
            if (route.kind() == Kind.PROXY_PROTOCOL) {
                // A proxy that speaks HTTP is taken at its word for the rest: it may have written them itself.
                assertThat(forged.get("headers")).doesNotContain("Forwarded", "Cert");
            }
        }
    }

    @ParameterizedTest
    @MethodSource("routes")
    @DisplayName(
            "a forging client that also expects 100 Continue changes nothing: some proxies have another way for it")
    void aForgingClientThatExpectsAContinueChangesNothing(Route route) throws IOException {
        try (HttpConnection client = client(3, route.front())) {
            Map<String, String> honest = Details.of(client.get(route.target(DETAILS)));
            String[] lines = Stream.concat(Stream.of(FORGED), Stream.of("Content-Length: 4", "Expect: 100-continue"))
                    .toArray(String[]::new);
            client.send(client.head("GET", route.target(DETAILS), lines) + "meow");
            Response answer = client.read();
            while (answer.status() == 100) {
                answer = client.read();
            }
            assertSame(honest, Details.of(answer));
        }
    }

    private static void assertSame(Map<String, String> honest, Map<String, String> forged) {
        for (String name : TOLD) {
            assertThat(forged.get(name)).as(name).isEqualTo(honest.get(name));
        }
    }

    @ParameterizedTest
    @MethodSource("routes")
    @DisplayName("a redirect goes to where the client came from, whatever it forges")
    void aRedirectGoesToWhereTheClientCameFrom(Route route) throws IOException {
        try (HttpConnection client = client(3, route.front())) {
            Response honest = client.get(route.target("/redirect"));
            Response forged = client.get(route.target("/redirect"), FORGED);
            assertThat(honest.status()).isEqualTo(302);
            assertThat(honest.header("Location"))
                    .startsWith("http://127.0.0.1:")
                    .endsWith("/target");
            assertThat(forged.header("Location")).isEqualTo(honest.header("Location"));
        }
    }

    @ParameterizedTest
    @MethodSource("routes")
    @DisplayName("clients that share the proxy's kept-alive connections are never taken for each other (W9)")
    void clientsThatShareConnectionsAreNotMistaken(Route route) throws IOException {
        Map<String, Set<String>> clientsOfConnection = new TreeMap<>();
        List<HttpConnection> clients = new ArrayList<>();
        try {
            for (int last = 2; last < 6; last++) {
                clients.add(client(last, route.front()));
            }
            for (int round = 0; round < 10; round++) {
                for (int i = 0; i < clients.size(); i++) {
                    String[] headers = (round + i) % 3 == 0 ? FORGED : new String[0];
                    Map<String, String> seen = Details.of(clients.get(i).get(route.target(DETAILS), headers));
                    assertThat(seen).containsEntry("remoteAddr", "127.0.0." + (i + 2));
                    clientsOfConnection
                            .computeIfAbsent(
                                    seen.get("worker.id") + "/" + seen.get("connection"), any -> new TreeSet<>())
                            .add(seen.get("remoteAddr"));
                }
            }
        } finally {
            for (HttpConnection client : clients) {
                client.close();
            }
        }
        if (route.kind() == Kind.HEADERS) {
            assertThat(clientsOfConnection.values()).as("shared connections").anyMatch(sharing -> sharing.size() > 1);
            assertThat(clientsOfConnection).as("connections are kept alive").hasSizeLessThan(20);
        } else {
            assertThat(clientsOfConnection.values()).allMatch(sharing -> sharing.size() == 1);
        }
    }

    @ParameterizedTest
    @MethodSource("routes")
    @DisplayName("large bodies pass in both directions, in chunks one way and with a length the other")
    void largeBodiesPassInBothDirections(Route route) throws IOException {
        String text = largeText();
        try (HttpConnection client = client(2, route.front())) {
            client.send(client.head("POST", route.target("/echo"), "Transfer-Encoding: chunked"));
            for (int from = 0; from < LARGE; from += 0x4000) {
                client.send("4000\r\n" + text.substring(from, from + 0x4000) + "\r\n");
            }
            client.send("0\r\n\r\n");
            assertThat(client.read().body().equals(text)).as("chunks up").isTrue();

            client.send(client.head("POST", route.target("/echo?chunked"), "Content-Length: " + LARGE));
            client.send(text);
            assertThat(client.read().body().equals(text)).as("chunks down").isTrue();
        }
    }

    /** Of no pattern, so that a piece in a wrong place shows. */
    private static String largeText() {
        Random random = new Random(5);
        StringBuilder text = new StringBuilder(LARGE);
        for (int i = 0; i < LARGE; i++) {
            text.append((char) ('a' + random.nextInt(26)));
        }
        return text.toString();
    }

    @ParameterizedTest
    @MethodSource("routes")
    @DisplayName("a client that waits for 100 Continue gets it, and then its answer")
    void aClientThatExpectsAContinueGetsIt(Route route) throws IOException {
        try (HttpConnection client = client(2, route.front())) {
            client.send(client.head("POST", route.target("/echo"), "Content-Length: 4", "Expect: 100-continue"));
            assertThat(client.readHead().status()).isEqualTo(100);
            client.send("meow");
            Response answer = client.read();
            assertThat(answer.status()).isEqualTo(200);
            assertThat(answer.body()).isEqualTo("meow");
        }
    }

    @ParameterizedTest
    @MethodSource("routes")
    @DisplayName("an event of a stream arrives while the stream is open")
    void anEventArrivesWhileTheStreamIsOpen(Route route) throws IOException {
        try (HttpConnection client = client(2, route.front())) {
            client.send(client.head("GET", route.target("/events")));
            Response head = client.readHead();
            assertThat(head.header("Content-Type")).startsWith("text/event-stream");
            assertThat(head.header("Transfer-Encoding")).isEqualTo("chunked");
            assertThat(client.readChunk()).isEqualTo("data: open\n\n");
        }
    }

    @ParameterizedTest
    @MethodSource("waysForUpgrades")
    @DisplayName("a WebSocket passes, and its handshake knows the client")
    void aWebSocketKnowsItsClient(Route route) throws IOException {
        try (HttpConnection client = client(2, route.front())) {
            assertThat(handshake(client, route.target("/handshake"), FORGED))
                    .startsWith("false ws://127.0.0.1:")
                    .contains("/handshake 127.0.0.2:")
                    .endsWith(" http false null");
        }
    }

    /** Opens a WebSocket, asks who this is, and returns the answer. */
    static String handshake(HttpConnection client, String target, String... headers) throws IOException {
        List<String> lines = new ArrayList<>(List.of(
                "Connection: Upgrade",
                "Upgrade: websocket",
                "Sec-WebSocket-Version: 13",
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="));
        lines.addAll(List.of(headers));
        client.send(client.head("GET", target, lines.toArray(new String[0])));
        assertThat(client.readHead().status()).isEqualTo(101);
        // A whole text frame of three letters, masked with zeroes (RFC 6455, section 5.2).
        client.send("\u0081\u0083\0\0\0\0who");
        byte[] head = client.readBytes(2);
        assertThat(head[0]).isEqualTo((byte) 0x81);
        assertThat(head[1]).as("a short answer").isBetween((byte) 1, (byte) 125);
        return new String(client.readBytes(head[1]), StandardCharsets.UTF_8);
    }
}
