package dev.clowder.launcher.admin;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.clowder.launcher.config.Reporting;
import dev.clowder.launcher.supervisor.ClusterEvent;
import dev.clowder.launcher.supervisor.RunningCluster.StartException;
import dev.clowder.launcher.supervisor.Status;
import dev.clowder.launcher.wire.Message;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The server behind the page, over real sockets; without a cluster behind it. */
class AdminServerTest {
    private static final Duration SOON = Duration.ofSeconds(60);
    private static final InetAddress LOOPBACK = InetAddress.getLoopbackAddress();
    private static final String TOKEN = "0123456789abcdef";
    private static final Pattern LONG = Pattern.compile("- event (\\d+)\\.");

    @Test
    void withATokenNothingButHealthIsShownWithoutIt() throws Exception {
        try (AdminServer server = open(TOKEN)) {
            server.serve(new Paper());
            assertThat(get(server, "/")).startsWith("HTTP/1.1 401").contains("WWW-Authenticate: Basic");
            assertThat(get(server, "/metrics")).startsWith("HTTP/1.1 401");
            assertThat(get(server, "/events")).startsWith("HTTP/1.1 401");
            assertThat(get(server, "/app.js")).startsWith("HTTP/1.1 401");
            assertThat(get(server, "/", "Authorization: Bearer 0123456789abcdeX"))
                    .startsWith("HTTP/1.1 401");
            assertThat(get(server, "/", "Authorization: Basic ???")).startsWith("HTTP/1.1 401");
            assertThat(get(server, "/metrics", "Authorization: Bearer " + TOKEN))
                    .startsWith("HTTP/1.1 200");
            String basic = Base64.getEncoder().encodeToString(("me:" + TOKEN).getBytes(UTF_8));
            assertThat(get(server, "/", "Authorization: Basic " + basic)).startsWith("HTTP/1.1 200");
            // A sign of life is one for some seconds only.
            server.awake();
            assertThat(get(server, "/healthz")).startsWith("HTTP/1.1 200");
            assertThat(get(server, "/readyz")).startsWith("HTTP/1.1 200").contains("1 workers ready");
        }
    }

    @Test
    void beforeThereIsAStatusNothingIsReady() throws Exception {
        try (AdminServer server = open(null)) {
            assertThat(get(server, "/readyz")).startsWith("HTTP/1.1 503");
            assertThat(get(server, "/metrics")).startsWith("HTTP/1.1 503");
            assertThat(get(server, "/healthz")).startsWith("HTTP/1.1 200");
        }
    }

    @Test
    void theClusterIsOnlyLookedAtForSomebodyWhoLooks() throws Exception {
        try (AdminServer server = open(null)) {
            Paper cluster = new Paper();
            server.serve(cluster);
            server.event(ClusterEvent.log("nobody sees this"));
            assertThat(get(server, "/healthz")).startsWith("HTTP/1.1 200");
            assertThat(get(server, "/app.js")).startsWith("HTTP/1.1 200");
            assertThat(cluster.looks.get()).isZero();
            assertThat(get(server, "/metrics")).contains("clowder_slots 1");
            assertThat(cluster.looks.get()).isEqualTo(1);
        }
    }

    @Test
    void aPortInUseIsNamed() throws Exception {
        try (ServerSocket other = new ServerSocket(0, 1, LOOPBACK)) {
            Reporting.Admin taken = new Reporting.Admin(new InetSocketAddress(LOOPBACK, other.getLocalPort()), null);
            assertThatThrownBy(() -> AdminServer.open(taken))
                    .isInstanceOf(StartException.class)
                    .hasMessageContaining("--admin 127.0.0.1:" + other.getLocalPort());
        }
    }

    @Test
    void whoSaysNothingMakesRoomForOthers() throws Exception {
        try (AdminServer server = open(null)) {
            List<Socket> silent = new ArrayList<>();
            try {
                for (int i = 0; i < 2 * AdminServer.MAX_SILENT; i++) {
                    silent.add(new Socket(LOOPBACK, server.port()));
                }
                assertThat(get(server, "/healthz")).startsWith("HTTP/1.1 200");
                // The oldest were closed.
                silent.get(0).setSoTimeout((int) SOON.toMillis());
                assertThat(silent.get(0).getInputStream().read()).isEqualTo(-1);
            } finally {
                for (Socket socket : silent) {
                    socket.close();
                }
            }
        }
    }

    @Test
    void aThousandPagesAreToldAndOneMoreIsRefused() throws Exception {
        try (AdminServer server = open(null)) {
            server.serve(new Paper());
            Deque<Socket> pages = new ArrayDeque<>();
            try {
                for (int i = 0; i < Pages.MAX_PAGES; i++) {
                    Socket page = send(server, "/events");
                    pages.add(page);
                    assertThat(upTo(page, "event: status")).startsWith("HTTP/1.1 200");
                }
                assertThat(get(server, "/events")).startsWith("HTTP/1.1 503");
                for (int i = 1; i <= 2000; i++) {
                    server.event(ClusterEvent.log("event " + i));
                }
                for (Socket page : pages) {
                    assertThat(upTo(page, "event 2000")).contains("event: event");
                }
                // A sign of life is one for some seconds only.
                server.awake();
                assertThat(get(server, "/healthz")).startsWith("HTTP/1.1 200");
                pages.removeLast().close();
                await("room for another").atMost(SOON).until(() -> {
                    try (Socket next = send(server, "/events")) {
                        return upTo(next, "\r\n").startsWith("HTTP/1.1 200");
                    }
                });
            } finally {
                for (Socket page : pages) {
                    page.close();
                }
            }
        }
    }

    @Test
    void aPageThatDoesNotReadHoldsUpNobodyMissesSomeAndIsToldTheLastOnes() throws Exception {
        // All of them are more than the system keeps for a socket.
        int events = 1000;
        String long16k = "-".repeat(16 * 1024);
        try (AdminServer server = open(null)) {
            server.serve(new Paper());
            try (Socket slow = send(server, "/events");
                    Socket good = send(server, "/events")) {
                slow.setReceiveBufferSize(256 * 1024);
                assertThat(upTo(slow, "event: status")).startsWith("HTTP/1.1 200");
                InputStream in = new BufferedInputStream(good.getInputStream());
                for (int i = 1; i <= events; i++) {
                    server.event(ClusterEvent.log(long16k + " event " + i + "."));
                    assertThat(upTo(in, " event " + i + ".")).contains("id: " + i + "\n");
                }
                String told = upTo(slow, " event " + events + ".");
                assertThat(told).endsWith(" event " + events + ".").contains(" event 1.");
                assertThat(LONG.matcher(told)
                                .results()
                                .map(found -> found.group(1))
                                .distinct())
                        .hasSizeLessThan(events);
            }
        }
    }

    /** A cluster that always looks the same. */
    private static final class Paper implements Commander {
        private final AtomicInteger looks = new AtomicInteger();

        @Override
        public CompletableFuture<Message.Reply> ask(String command, List<String> arguments) {
            return CompletableFuture.completedFuture(new Message.Reply(0, command));
        }

        @Override
        public CompletableFuture<Status> look() {
            looks.incrementAndGet();
            return CompletableFuture.completedFuture(MetricsTest.status());
        }
    }

    private static AdminServer open(String token) throws StartException {
        return AdminServer.open(new Reporting.Admin(new InetSocketAddress(LOOPBACK, 0), token));
    }

    private static String get(AdminServer server, String path, String... headers) throws IOException {
        try (Socket socket = send(server, path, headers)) {
            return new String(socket.getInputStream().readAllBytes(), UTF_8);
        }
    }

    private static Socket send(AdminServer server, String path, String... headers) throws IOException {
        Socket socket = new Socket(LOOPBACK, server.port());
        socket.setSoTimeout((int) SOON.toMillis());
        StringBuilder head = new StringBuilder("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n");
        for (String header : headers) {
            head.append(header).append("\r\n");
        }
        socket.getOutputStream().write(head.append("\r\n").toString().getBytes(UTF_8));
        return socket;
    }

    private static String upTo(Socket socket, String text) throws IOException {
        return upTo(new BufferedInputStream(socket.getInputStream()), text);
    }

    private static String upTo(InputStream in, String text) throws IOException {
        ByteArrayOutputStream read = new ByteArrayOutputStream();
        byte[] last = text.getBytes(UTF_8);
        int matched = 0;
        for (int b = in.read(); b >= 0; b = in.read()) {
            read.write(b);
            matched = b == last[matched] ? matched + 1 : b == last[0] ? 1 : 0;
            if (matched == last.length) {
                break;
            }
        }
        return read.toString(UTF_8);
    }
}
