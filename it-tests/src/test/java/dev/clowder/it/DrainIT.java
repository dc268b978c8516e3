package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.ClusterStatus;
import dev.clowder.it.HttpConnection.Response;
import dev.clowder.it.HttpConnection.Worker;
import java.io.EOFException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a client notices when its worker leaves: nothing. */
@Tag("slow")
@Tag("once")
class DrainIT {
    private static final Duration SOON = Duration.ofSeconds(90);
    private static final int ROUNDS = Integer.getInteger("clowder.drain.rounds", 3);

    @TempDir
    private Path files;

    private Path war;

    @BeforeEach
    void application() {
        war = Apps.write(Apps.probe("probe.war"), files);
    }

    private ClowderProcess.Builder cluster(String accept) {
        return ClowderProcess.builder().application("/", war).root(files).arguments("--accept", accept);
    }

    @ParameterizedTest
    @ValueSource(strings = {"shared", "relay", "round-robin", "least-connections"})
    @Tag("slow")
    @DisplayName("behaviour 53, failure 25: a worker that gets TERM under load leaves with code 0 and is replaced;"
            + " of 64 kept-alive and 8 fresh clients that never retry none loses a request")
    void aWorkerThatIsToldToLeaveUnderLoadLosesNoRequest(String accept) throws Exception {
        try (ClowderProcess cluster = cluster(accept).start()) {
            ClusterStatus status = cluster.awaitReady(SOON);
            try (Load load = Load.start(cluster.port(), "/worker", 8, 64)) {
                for (int round = 0; round < ROUNDS; round++) {
                    ClusterStatus.Worker victim = status.worker(1 + round % 2);
                    Worker name = new Worker(victim.slot(), victim.id());
                    await("the victim serves").atMost(SOON).until(() -> load.answersOf(name) > 200);
                    terminate(victim);
                    await("another worker is ready in its slot").atMost(SOON).until(() -> {
                        ClusterStatus.Worker heir = cluster.status().worker(victim.slot());
                        return heir.id() > victim.id() && heir.isReady();
                    });
                    status = cluster.status();
                    ClusterStatus.LastExit exit = status.worker(victim.slot()).lastExit();
                    assertThat(exit).isNotNull();
                    assertThat(exit.code()).as("it left by itself").isZero();
                }
                load.stop();
                assertThat(load.failures()).isEmpty();
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"shared", "relay"})
    @DisplayName("failure 25: the next keep-alive request at a drain is answered with Connection: close, not reset")
    void theNextRequestOfAKeptAliveConnectionIsAnsweredAndToldToClose(String accept) throws Exception {
        try (ClowderProcess cluster = cluster(accept).start()) {
            ClusterStatus status = cluster.awaitReady(SOON);
            List<HttpConnection> clients = new ArrayList<>();
            try {
                for (int i = 0; i < 40; i++) {
                    clients.add(HttpConnection.open(cluster.port()));
                }
                Worker victim = clients.get(0).get("/worker").worker();
                List<HttpConnection> affected = new ArrayList<>();
                for (HttpConnection client : clients) {
                    if (client.get("/worker").worker().equals(victim)) {
                        affected.add(client);
                    }
                }
                terminate(status.worker(victim.slot()));
                for (HttpConnection client : affected) {
                    awaitGoodbye(client);
                }
            } finally {
                for (HttpConnection client : clients) {
                    client.close();
                }
            }
        }
    }

    /** Asks until it is told to close; each answer must be good, and after the last one there is a proper end. */
    private static void awaitGoodbye(HttpConnection client) {
        await("told to close").atMost(SOON).pollDelay(Duration.ZERO).until(() -> {
            Response response = client.get("/worker");
            assertThat(response.status()).isEqualTo(200);
            return "close".equals(response.header("Connection"));
        });
        assertThatThrownBy(client::readHead).isInstanceOf(EOFException.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"shared", "relay"})
    @DisplayName("failure 26: requests pipelined behind the one in flight are all answered, only the last one closes")
    void pipelinedRequestsAreAllAnsweredDuringADrain(String accept) throws Exception {
        try (ClowderProcess cluster = cluster(accept).workers(1).start()) {
            ClusterStatus status = cluster.awaitReady(SOON);
            try (HttpConnection pipeline = HttpConnection.open(cluster.port());
                    HttpConnection other = HttpConnection.open(cluster.port())) {
                pipeline.send(pipeline.head("POST", "/upload", "Content-Length: 8") + "four");
                assertThat(pipeline.readHead().status()).isEqualTo(200);
                assertThat(pipeline.readChunk()).isEqualTo("started");
                assertThat(other.get("/worker").status()).isEqualTo(200);
                terminate(status.worker(1));
                awaitGoodbye(other);

                String next = pipeline.head("GET", "/worker");
                pipeline.send("more" + next + next + next + next + next);
                assertThat(pipeline.readChunk()).isEqualTo(" got fourmore");
                assertThat(pipeline.readChunk()).isEmpty();
                for (int i = 1; i <= 5; i++) {
                    Response response = pipeline.read();
                    assertThat(response.status()).isEqualTo(200);
                    assertThat(response.header("Connection"))
                            .as("of answer %d", i)
                            .isEqualTo(i == 5 ? "close" : null);
                }
                assertThatThrownBy(pipeline::readHead).isInstanceOf(EOFException.class);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"shared", "relay"})
    @DisplayName("failure 25: a response that was begun before the drain but is committed in it says goodbye too, and a"
            + " request whose head came in two parts is answered")
    void aRequestInMidParseIsAnswered(String accept) throws Exception {
        try (ClowderProcess cluster = cluster(accept).workers(1).start()) {
            ClusterStatus status = cluster.awaitReady(SOON);
            try (HttpConnection half = HttpConnection.open(cluster.port());
                    HttpConnection other = HttpConnection.open(cluster.port())) {
                assertThat(half.get("/worker").status()).isEqualTo(200);
                half.send("GET /worker HTTP/1.1\r\nHost: loc");
                assertThat(other.get("/worker").status()).isEqualTo(200);
                terminate(status.worker(1));
                awaitGoodbye(other);
                half.send("alhost\r\n\r\n");
                Response response = half.read();
                assertThat(response.status()).isEqualTo(200);
                assertThat(response.header("Connection")).isEqualTo("close");
            }
        }
    }

    @Test
    @DisplayName("failure 23: clients that send a byte now and then hold a drain no longer than its time-out")
    void slowClientsDoNotHoldADrainLongerThanItsTimeout() throws Exception {
        try (ClowderProcess cluster =
                cluster("shared").arguments("--drain-timeout", "3s").start()) {
            cluster.awaitReady(SOON);
            List<HttpConnection> slow = new ArrayList<>();
            try {
                for (int i = 0; i < 200; i++) {
                    HttpConnection client = HttpConnection.open(cluster.port());
                    slow.add(client);
                    client.send("GET /worker HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ");
                }
                cluster.terminate();
                // Less than the 20 s after which Tomcat would give each of them up.
                long begun = System.nanoTime();
                await().atMost(SOON).pollInterval(Duration.ofMillis(200)).until(() -> {
                    for (HttpConnection client : slow) {
                        trickle(client);
                    }
                    return !cluster.handle().isAlive() || System.nanoTime() - begun > SOON.toNanos();
                });
                assertThat(cluster.awaitExit(SOON)).isZero();
            } finally {
                for (HttpConnection client : slow) {
                    client.close();
                }
            }
        }
    }

    private static void trickle(HttpConnection client) {
        try {
            client.send("x");
        } catch (IOException e) {
            // Its worker has given it up.
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"shared", "relay"})
    @DisplayName("failure 24: a stream of events goes on until the drain time-out and is then ended by its application")
    void aStreamOfEventsIsEndedProperlyAtTheDrainTimeout(String accept) throws Exception {
        try (ClowderProcess cluster =
                cluster(accept).arguments("--drain-timeout", "2s").start()) {
            cluster.awaitReady(SOON);
            try (HttpConnection stream = HttpConnection.open(cluster.port())) {
                stream.send(stream.head("GET", "/events"));
                assertThat(stream.readHead().status()).isEqualTo(200);
                assertThat(stream.readChunk()).isEqualTo("data: open\n\n");
                cluster.terminate();
                assertThat(stream.readChunk()).isEqualTo("data: bye\n\n");
                assertThat(stream.readChunk()).as("the end of the stream").isEmpty();
            }
            assertThat(cluster.awaitExit(SOON)).isZero();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"shared", "relay"})
    @DisplayName("failure 24: a WebSocket works until the drain time-out and is then closed with 1001 (going away)")
    void aWebSocketIsClosedAsGoingAwayAtTheDrainTimeout(String accept) throws Exception {
        try (ClowderProcess cluster = ClowderProcess.builder()
                .application("/examples", Path.of(System.getProperty("clowder.examples")))
                .root(files)
                .arguments("--accept", accept, "--drain-timeout", "3s")
                .start()) {
            cluster.awaitReady(SOON);
            try (HttpConnection socket = HttpConnection.open(cluster.port())) {
                Response handshake = upgrade(socket);
                assertThat(handshake.status()).isEqualTo(101);
                assertThat(echo(socket, 'a')).isEqualTo('a');
                cluster.terminate();
                await("draining").atMost(SOON).until(() -> isRefused(cluster));
                assertThat(echo(socket, 'b')).as("still served").isEqualTo('b');
                byte[] close = socket.readBytes(4);
                assertThat(close[0] & 0xff).as("a close frame").isEqualTo(0x88);
                assertThat(((close[2] & 0xff) << 8) | (close[3] & 0xff)).isEqualTo(1001);
            }
            assertThat(cluster.awaitExit(SOON)).isZero();
        }
    }

    private static Response upgrade(HttpConnection socket) throws IOException {
        socket.send(socket.head(
                "GET",
                "/examples/websocket/echoProgrammatic",
                "Upgrade: websocket",
                "Connection: Upgrade",
                "Sec-WebSocket-Version: 13",
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="));
        return socket.readHead();
    }

    /** One text frame (RFC 6455, 5.2), masked with zeros as it may be, and its echo. */
    private static char echo(HttpConnection socket, char letter) throws IOException {
        socket.send("\u0081\u0081\0\0\0\0" + letter);
        byte[] frame = socket.readBytes(3);
        assertThat(frame).startsWith(0x81, 1);
        return (char) frame[2];
    }

    private static boolean isRefused(ClowderProcess cluster) {
        try {
            HttpConnection.open(cluster.port()).close();
            return false;
        } catch (IOException e) {
            return true;
        }
    }

    private static void terminate(ClusterStatus.Worker worker) {
        // SIGTERM, as an operator's kill sends it; the supervisor is not asked.
        ProcessHandle.of(worker.pid()).orElseThrow().destroy();
    }
}
