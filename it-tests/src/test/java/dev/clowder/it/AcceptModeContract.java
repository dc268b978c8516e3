package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.ClusterStatus;
import dev.clowder.it.HttpConnection.Response;
import dev.clowder.it.HttpConnection.Worker;
import java.io.IOException;
import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.jboss.arquillian.junit5.container.annotation.ArquillianTest;
import org.jboss.arquillian.test.api.ArquillianResource;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/**
 * What holds however connections reach the workers. The cluster trusts 127.0.0.1 and nobody else, so that 127.0.0.2 is a
 * stranger.
 */
@ArquillianTest
abstract class AcceptModeContract {
    private static final Duration SOON = Duration.ofSeconds(60);
    private static final String DETAILS = "/probe/details";
    private static final String WORKER = "/probe/worker";
    private static final String[] WORKER_FIELDS = {
        "slot",
        "id",
        "pid",
        "state",
        "generation",
        "uptimeSeconds",
        "connections",
        "requests",
        "busyThreads",
        "heapUsedBytes",
        "rssBytes",
        "restarts",
        "lastExit"
    };

    @ArquillianResource
    private ClowderProcess cluster;

    private ClusterStatus before;

    /** The value of {@code accept} in the status. */
    abstract String mode();

    @BeforeEach
    void whole() throws IOException, InterruptedException {
        before = cluster.awaitReady(SOON);
    }

    @Test
    void theModeIsTheOneThatWasAskedFor() {
        assertThat(before.listeners())
                .extracting(ClusterStatus.Listener::accept)
                .containsExactly(mode());
    }

    @Test
    @DisplayName("status --json has the fields that are promised first, and behind them those of the page")
    void statusHasExactlyTheFieldsOfTheContract() throws Exception {
        JsonNode status =
                new ObjectMapper().readTree(cluster.command("status", "--json").output());
        assertThat(names(status)).containsExactly("supervisor", "listeners", "workers", "slots", "totals");
        assertThat(names(status.get("supervisor")))
                .containsExactlyInAnyOrder("pid", "version", "uptimeSeconds", "state", "generation", "classArchive");
        assertThat(names(status.get("listeners").get(0)))
                .containsExactlyInAnyOrder("address", "port", "protocol", "accept");
        assertThat(status.get("workers"))
                .hasSize(2)
                // What its JVM says of itself comes with its first beat.
                .allSatisfy(worker -> assertThat(names(worker))
                        .startsWith(WORKER_FIELDS)
                        .isSubsetOf(Stream.concat(Stream.of(WORKER_FIELDS), Stream.of("insides"))
                                .toList()));
        assertThat(status.at("/supervisor/pid").asLong())
                .isEqualTo(cluster.handle().pid());
        assertThat(status.at("/supervisor/state").asText()).isEqualTo("RUNNING");
        assertThat(status.at("/listeners/0/address").asText()).isEqualTo("127.0.0.1");
    }

    private static List<String> names(JsonNode object) {
        List<String> names = new ArrayList<>();
        object.fieldNames().forEachRemaining(names::add);
        return names;
    }

    @Test
    @DisplayName("both slots answer over fresh connections, and the header names the worker that answered")
    void bothSlotsAnswerOverFreshConnections() {
        Set<Integer> slots = new HashSet<>();
        await().atMost(SOON).until(() -> {
            Response response = get(WORKER);
            Worker worker = response.worker();
            assertThat(response.body()).isEqualTo(worker.slot() + "/" + worker.id() + " of 2");
            assertThat(before.worker(worker.slot()).id()).isEqualTo(worker.id());
            slots.add(worker.slot());
            return slots.equals(Set.of(1, 2));
        });
    }

    @Test
    @DisplayName("without headers the application sees the address and port of the client's own socket")
    void theApplicationSeesTheRealClient() throws IOException {
        try (HttpConnection stranger = HttpConnection.open(InetAddress.getByName("127.0.0.2"), cluster.port())) {
            assertThat(Details.of(stranger.get(DETAILS)))
                    .containsEntry("remoteAddr", "127.0.0.2")
                    .containsEntry("remotePort", String.valueOf(stranger.localPort()))
                    .containsEntry("scheme", "http")
                    .containsEntry("serverPort", String.valueOf(cluster.port()));
        }
    }

    @Test
    @DisplayName("a trusted peer is believed: address, scheme and host of the client are what the application sees")
    void forwardedDetailsOfATrustedPeerAreBelieved() throws IOException {
        assertThat(Details.of(get(
                        DETAILS,
                        "X-Forwarded-For: 203.0.113.7",
                        "X-Forwarded-Proto: https",
                        "X-Forwarded-Host: shop.example.com")))
                .containsEntry("remoteAddr", "203.0.113.7")
                .containsEntry("scheme", "https")
                .containsEntry("secure", "true")
                .containsEntry("url", "https://shop.example.com/probe/details")
                .containsEntry("forwarded.peer", "127.0.0.1")
                .containsEntry("forwarded.reason", "CLIENT");
    }

    @Test
    @DisplayName("spoofing is refused: headers of an untrusted peer have no effect (W1) and are removed (V9, V11)")
    void headersOfAnUntrustedPeerAreIgnoredAndStripped() throws IOException {
        try (HttpConnection stranger = HttpConnection.open(InetAddress.getByName("127.0.0.2"), cluster.port())) {
            Map<String, String> seen = Details.of(stranger.get(
                    DETAILS,
                    "X-Forwarded-For: 6.6.6.6",
                    "X-Forwarded-Proto: https",
                    "X-Forwarded-Host: evil.example.com",
                    "X-Forwarded-Port: 1",
                    "X-Forwarded-Prefix: /evil",
                    "X-Real-IP: 6.6.6.6",
                    "Forwarded: for=6.6.6.6;proto=https",
                    "X_Forwarded_For: 6.6.6.6",
                    "X.Forwarded.For: 6.6.6.6",
                    "X-Other: kept"));
            assertThat(seen)
                    .containsEntry("remoteAddr", "127.0.0.2")
                    .containsEntry("scheme", "http")
                    .containsEntry("secure", "false")
                    .containsEntry("serverName", "127.0.0.1")
                    .containsEntry("forwarded.ip", "127.0.0.2")
                    .containsEntry("forwarded.ips", "[]")
                    .containsEntry("forwarded.reason", "UNTRUSTED_PEER")
                    .containsEntry("headers", "[Host, X-Other]");
        }
    }

    @Test
    @DisplayName("spoofing is refused: what a client writes in front of its proxy's own member is not believed (W4)")
    void theClientCannotPutAnAddressInFrontOfItsOwn() throws IOException {
        assertThat(Details.of(get(DETAILS, "X-Forwarded-For: 6.6.6.6, 203.0.113.7")))
                .containsEntry("remoteAddr", "203.0.113.7")
                .containsEntry("forwarded.ips", "[203.0.113.7]");
    }

    @Test
    @DisplayName("failure 2: a worker killed under load is replaced, and only its own requests in flight fail")
    void killedWorkerIsReplacedAndOnlyItsRequestsInFlightFail() throws Exception {
        ClusterStatus.Worker victim = before.worker(1);
        Worker victimsName = new Worker(1, victim.id());
        Worker other = new Worker(2, before.worker(2).id());
        try (Load load = Load.start(cluster.port(), WORKER, 2, 4)) {
            await("both workers serve")
                    .atMost(SOON)
                    .until(() -> load.answersOf(victimsName) > 50 && load.answersOf(other) > 50);
            assertThat(load.failures()).isEmpty();

            Load.Death death = kill(victim);
            int servedByOther = load.answersOf(other);
            await("a new worker serves in slot 1")
                    .atMost(SOON)
                    .until(() ->
                            answersOfLaterIn(load, victimsName) > 50 && load.answersOf(other) > servedByOther + 50);
            load.stop();

            assertThat(load.failures())
                    .filteredOn(failure -> !death.explains(failure))
                    .isEmpty();
            // Each client had one request at a time, so there cannot have been more in flight.
            assertThat(load.failures()).hasSizeLessThanOrEqualTo(6);
        }
        ClusterStatus.Worker heir = cluster.awaitReady(SOON).worker(1);
        assertThat(heir.id()).isGreaterThan(before.worker(2).id());
        assertThat(heir.pid()).isNotEqualTo(victim.pid());
        assertThat(heir.restarts()).isEqualTo(victim.restarts() + 1);
        assertThat(heir.lastExit()).isNotNull();
        assertThat(heir.lastExit().signal()).as("behaviour 7").isEqualTo("SIGKILL");
        assertThat(heir.lastExit().code()).isNull();
    }

    private static int answersOfLaterIn(Load load, Worker earlier) {
        return load.workers().stream()
                .filter(worker -> worker.slot() == earlier.slot() && worker.id() > earlier.id())
                .mapToInt(load::answersOf)
                .sum();
    }

    /** Kills a worker and returns a time at which it was certainly dead. */
    private static Load.Death kill(ClusterStatus.Worker worker) {
        ProcessHandle process = ProcessHandle.of(worker.pid()).orElseThrow();
        long killedAt = System.nanoTime();
        process.destroyForcibly();
        // Seen early: what fails later is not excused by this death.
        await("the victim is dead")
                .pollDelay(Duration.ZERO)
                .pollInterval(Duration.ofMillis(1))
                .atMost(SOON)
                .until(() -> !process.isAlive());
        return new Load.Death(new Worker(worker.slot(), worker.id()), killedAt, System.nanoTime());
    }

    @Test
    @DisplayName("behaviour 6: a worker that ends with code 42 is reported so, and replaced")
    void aWorkerThatHaltsIsReportedWithItsCodeAndReplaced() throws Exception {
        try (HttpConnection connection = HttpConnection.open(cluster.port())) {
            Worker victim = connection.get(WORKER).worker();
            connection.send(connection.head("POST", "/probe/halt", "Content-Length: 0"));
            await("the slot is filled again").atMost(SOON).until(() -> {
                ClusterStatus.Worker now = cluster.status().worker(victim.slot());
                return now.id() > victim.id() && now.isReady();
            });
            ClusterStatus.LastExit exit = cluster.status().worker(victim.slot()).lastExit();
            assertThat(exit).isNotNull();
            assertThat(exit.code()).isEqualTo(42);
            assertThat(exit.signal()).as("behaviour 3").isNull();
        }
    }

    @Test
    @DisplayName("failure 31: with all workers dead connections wait, and are answered by the new ones")
    void withAllWorkersDeadConnectionsWaitAndAreThenAnswered() {
        before.workers().forEach(AcceptModeContract::kill);
        int lastDead = before.workers().stream()
                .mapToInt(ClusterStatus.Worker::id)
                .max()
                .orElseThrow();
        List<CompletableFuture<Response>> clients = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            clients.add(CompletableFuture.supplyAsync(this::patiently, task -> new Thread(task).start()));
        }
        assertThat(clients).extracting(CompletableFuture::join).allSatisfy(response -> {
            assertThat(response.status()).isEqualTo(200);
            assertThat(response.worker().id()).isGreaterThan(lastDead);
        });
    }

    private Response patiently() {
        try {
            return get(WORKER);
        } catch (IOException e) {
            throw new AssertionError("a connection that should have waited failed", e);
        }
    }

    private Response get(String path, String... headerLines) throws IOException {
        return HttpConnection.fresh(cluster.port(), path, headerLines);
    }
}
