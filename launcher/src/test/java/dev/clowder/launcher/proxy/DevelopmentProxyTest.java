package dev.clowder.launcher.proxy;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.clowder.launcher.proxy.ProxySettings.HeaderFamily;
import dev.clowder.launcher.proxy.ProxySettings.ProxyVersion;
import io.netty.util.NetUtil;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.WebSocket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The development proxy in front of a Tomcat that believes loopback. */
@Tag("once")
class DevelopmentProxyTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final String CLIENT = "203.0.113.7";

    @TempDir
    static Path directory;

    private static TargetServer tomcat;
    private static TargetServer tomcatWithForwarded;

    private final StringWriter said = new StringWriter();
    private final List<DevelopmentProxy> proxies = new ArrayList<>();
    private final HttpClient http = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(PATIENCE)
            .build();

    @BeforeAll
    static void startTomcats() throws Exception {
        tomcat = new TargetServer(directory, "x-forwarded");
        tomcatWithForwarded = new TargetServer(directory, "forwarded");
    }

    @AfterAll
    static void stopTomcats() throws Exception {
        tomcat.close();
        tomcatWithForwarded.close();
    }

    @AfterEach
    void stopProxies() {
        proxies.forEach(DevelopmentProxy::close);
    }

    @ParameterizedTest
    @EnumSource(HeaderFamily.class)
    void theApplicationSeesTheNamedClientThroughThreeHops(HeaderFamily family) throws Exception {
        TargetServer target = family == HeaderFamily.FORWARDED ? tomcatWithForwarded : tomcat;
        int port = start(target.plain(), Set.of(family), ProxyVersion.OFF, CLIENT, false, "127.0.0.11", "127.0.0.12");
        assertThat(get(port, "/").body()).startsWith(CLIENT + " https shop.example.com 443\n");
    }

    @ParameterizedTest
    @EnumSource(HeaderFamily.class)
    void aSpoofingClientIsNotBelieved(HeaderFamily family) throws Exception {
        TargetServer target = family == HeaderFamily.FORWARDED ? tomcatWithForwarded : tomcat;
        int port = start(target.plain(), Set.of(family), ProxyVersion.OFF, CLIENT, true, "127.0.0.11");
        List<String> seen = get(port, "/").body().lines().toList();
        assertThat(seen.get(0)).isEqualTo(CLIENT + " https shop.example.com 443");
        assertThat(seen.get(2)).doesNotContainIgnoringCase("X_Forwarded_For").doesNotContainIgnoringCase("X-Real-IP");
    }

    @ParameterizedTest
    @EnumSource(value = ProxyVersion.class, names = "OFF", mode = EnumSource.Mode.EXCLUDE)
    void aProxyHeaderSpeaksForEachConnectionAndOnlyForIt(ProxyVersion version) throws Exception {
        int port = start(tomcat.proxied(), Set.of(), version, CLIENT, true);
        for (int connection = 0; connection < 2; connection++) {
            try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
                socket.setSoTimeout((int) PATIENCE.toMillis());
                for (int request = 0; request < 2; request++) {
                    List<String> seen = raw(socket, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                            .lines()
                            .toList();
                    assertThat(seen).contains(CLIENT + " http localhost 80", String.valueOf(socket.getLocalPort()));
                }
            }
        }
        assertThat(lines())
                .hasSize(4)
                .allSatisfy(line -> assertThat(line).contains("| + PROXY " + version + " " + CLIENT + ":"));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aWebSocketEchoes(boolean behindProxyHeader) throws Exception {
        int port = behindProxyHeader
                ? start(tomcat.proxied(), Set.of(), ProxyVersion.V2, null, false)
                : start(tomcat.plain(), Set.of(HeaderFamily.X_FORWARDED), ProxyVersion.OFF, null, false);
        BlockingQueue<String> received = new LinkedBlockingQueue<>();
        WebSocket socket = http.newWebSocketBuilder()
                .buildAsync(URI.create("ws://127.0.0.1:" + port + "/websocket"), new WebSocket.Listener() {
                    @Override
                    public CompletionStage<?> onText(WebSocket from, CharSequence data, boolean last) {
                        received.add(data.toString());
                        from.request(1);
                        return null;
                    }
                })
                .get(60, TimeUnit.SECONDS);
        try {
            for (String text : List.of("one cat", "two cats")) {
                socket.sendText(text, true).get(60, TimeUnit.SECONDS);
                assertThat(received.poll(60, TimeUnit.SECONDS)).isEqualTo(text);
            }
        } finally {
            socket.abort();
        }
        assertThat(lines()).singleElement().asString().startsWith("GET /websocket 101, ");
    }

    @Test
    void aHandshakeThatTheApplicationRefusesComesBackAsItIs() {
        int port = start(tomcat.plain(), Set.of(), ProxyVersion.OFF, null, false);
        assertThatThrownBy(() -> http.newWebSocketBuilder()
                        .buildAsync(URI.create("ws://127.0.0.1:" + port + "/echo"), new WebSocket.Listener() {})
                        .get(60, TimeUnit.SECONDS))
                .isInstanceOf(ExecutionException.class)
                .hasRootCauseMessage("Unexpected HTTP response status code 405");
        assertThat(lines()).singleElement().asString().startsWith("GET /echo 405, ");
    }

    @Test
    void bodiesOfAnySizePassBothWays() throws Exception {
        int port = start(tomcat.plain(), Set.of(HeaderFamily.X_FORWARDED), ProxyVersion.OFF, null, false);
        byte[] large = new byte[3_000_000];
        new Random(5).nextBytes(large);
        for (HttpRequest.BodyPublisher body : List.of(
                BodyPublishers.ofByteArray(large),
                // Without a length: chunked.
                BodyPublishers.fromPublisher(BodyPublishers.ofByteArray(large)))) {
            HttpResponse<byte[]> response =
                    http.send(request(port, "/echo").POST(body).build(), BodyHandlers.ofByteArray());
            assertThat(response.body()).isEqualTo(large);
        }
        HttpRequest expecting = request(port, "/echo")
                .expectContinue(true)
                .POST(BodyPublishers.ofString("cat"))
                .build();
        assertThat(http.send(expecting, BodyHandlers.ofString()).body()).isEqualTo("cat");
    }

    @Test
    void anEventArrivesWhileTheResponseGoesOn() throws Exception {
        int port = start(tomcat.plain(), Set.of(), ProxyVersion.OFF, null, false);
        HttpResponse<InputStream> events = http.send(request(port, "/events").build(), BodyHandlers.ofInputStream());
        try (BufferedReader reader = new BufferedReader(new InputStreamReader(events.body(), ISO_8859_1))) {
            assertThat(reader.readLine()).isEqualTo("data: one");
            get(port, "/events?end");
            assertThat(reader.readLine()).isEmpty();
            assertThat(reader.readLine()).isNull();
        }
    }

    @Test
    void whenTheApplicationIsNotThereTheClientAndTheLineSayWhy() throws Exception {
        InetSocketAddress nobody;
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            nobody = new InetSocketAddress(InetAddress.getLoopbackAddress(), free.getLocalPort());
        }
        int port = start(nobody, Set.of(HeaderFamily.X_FORWARDED), ProxyVersion.OFF, null, false);
        HttpResponse<String> response = get(port, "/there");
        assertThat(response.statusCode()).isEqualTo(502);
        assertThat(response.body())
                .isEqualTo("clowder proxy: no answer from 127.0.0.1:" + nobody.getPort() + ": Connection refused\n");
        assertThat(lines())
                .singleElement()
                .asString()
                .startsWith("GET /there 502, ")
                .endsWith(": Connection refused");
    }

    @Test
    void anApplicationThatClosesTheConnectionIsNamedToo() throws Exception {
        // It wants a PROXY header and gets none.
        int port = start(tomcat.proxied(), Set.of(), ProxyVersion.OFF, null, false);
        HttpResponse<String> response = get(port, "/");
        assertThat(response.statusCode()).isEqualTo(502);
        assertThat(response.body()).startsWith("clowder proxy: no answer from 127.0.0.1:");
    }

    @Test
    void eachRequestIsOneLineWithoutSignsThatATerminalObeys() throws Exception {
        int port = start(tomcat.plain(), Set.of(HeaderFamily.X_FORWARDED), ProxyVersion.OFF, null, false);
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            socket.setSoTimeout((int) PATIENCE.toMillis());
            raw(socket, "GET /a\u001b[31mb\u0085 HTTP/1.1\r\nHost: localhost\r\n\r\n");
        }
        assertThat(lines()).singleElement().asString().matches("[ -~]+");
    }

    @Test
    void aPortThatIsTakenIsAnErrorThatNamesIt() throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            InetSocketAddress there = new InetSocketAddress(InetAddress.getLoopbackAddress(), taken.getLocalPort());
            ProxySettings settings =
                    new ProxySettings(there, tomcat.plain(), Set.of(), ProxyVersion.OFF, List.of(), null, null, false);
            assertThatThrownBy(() -> DevelopmentProxy.start(settings, new PrintWriter(said)))
                    .isInstanceOf(IOException.class)
                    .hasMessageStartingWith(
                            "can't listen on 127.0.0.1:" + there.getPort() + ": Address already in use");
        }
    }

    private int start(
            InetSocketAddress target,
            Set<HeaderFamily> headers,
            ProxyVersion version,
            String client,
            boolean spoof,
            String... hops) {
        try {
            DevelopmentProxy proxy = DevelopmentProxy.start(
                    new ProxySettings(
                            new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                            target,
                            headers,
                            version,
                            List.of(hops).stream()
                                    .map(NetUtil::createInetAddressFromIpAddressString)
                                    .toList(),
                            client == null ? null : NetUtil.createInetAddressFromIpAddressString(client),
                            client == null ? null : URI.create("https://shop.example.com"),
                            spoof),
                    new PrintWriter(said));
            proxies.add(proxy);
            return proxy.address().getPort();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    /** What it printed. */
    private List<String> lines() {
        return said.toString().lines().toList();
    }

    private static HttpRequest.Builder request(int port, String path) {
        return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path))
                .timeout(PATIENCE);
    }

    private HttpResponse<String> get(int port, String path) throws Exception {
        return http.send(request(port, path).build(), BodyHandlers.ofString());
    }

    /** One response with a Content-Length, as text with its head. */
    private static String raw(Socket socket, String request) throws IOException {
        socket.getOutputStream().write(request.getBytes(ISO_8859_1));
        InputStream in = socket.getInputStream();
        StringBuilder head = new StringBuilder();
        for (int b = in.read(); b >= 0; b = head.indexOf("\r\n\r\n") < 0 ? in.read() : -1) {
            head.append((char) b);
        }
        String length = head.toString().toLowerCase(Locale.ROOT).replaceAll("(?s).*content-length: (\\d+).*", "$1");
        return head + new String(in.readNBytes(Integer.parseInt(length)), ISO_8859_1);
    }
}
