package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.ClusterStatus;
import dev.clowder.it.HttpConnection.Worker;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What {@code --accept least-connections} adds, and what the modes in which the supervisor accepts must survive. */
@Tag("once")
class LeastConnectionsIT {
    private static final Duration SOON = Duration.ofSeconds(90);
    private static final String WORKER = "/worker";

    @TempDir
    private Path files;

    private Path war;

    @BeforeEach
    void application() {
        war = Apps.write(Apps.probe("probe.war"), files);
    }

    private ClowderProcess cluster(String accept) throws IOException, InterruptedException {
        ClowderProcess cluster = ClowderProcess.builder()
                .application("/", war)
                .root(files)
                .arguments("--accept", accept, "--trust", "127.0.0.1")
                .start();
        cluster.awaitReady(SOON);
        return cluster;
    }

    @Tag("slow")
    @Test
    @DisplayName("behaviour 55: with one slow request the fast ones all go to the other worker, once both are warm")
    void requestsAreNotPinnedToABusyWorker() throws Exception {
        try (ClowderProcess cluster = cluster("least-connections")) {
            assertThat(cluster.status().listeners())
                    .extracting(ClusterStatus.Listener::accept)
                    .containsExactly("least-connections");
            try (InFlight slow = InFlight.start(cluster.port(), "/upload")) {
                // While a worker is cold it gets only some of its turns.
                await("eight fast ones in a row")
                        .atMost(SOON)
                        .until(() -> workersOfFresh(cluster, 8), workers -> !workers.contains(slow.worker()));
                slow.assertFinishes();
            }
            try (HttpConnection stranger = HttpConnection.open(InetAddress.getByName("127.0.0.2"), cluster.port())) {
                assertThat(Details.of(stranger.get("/details")))
                        .containsEntry("remoteAddr", "127.0.0.2")
                        .containsEntry("remotePort", String.valueOf(stranger.localPort()));
            }
        }
    }

    private static Set<Worker> workersOfFresh(ClowderProcess cluster, int requests) throws IOException {
        Set<Worker> workers = new HashSet<>();
        for (int i = 0; i < requests; i++) {
            workers.add(HttpConnection.fresh(cluster.port(), WORKER, "Connection: close")
                    .worker());
        }
        return workers;
    }

    @Tag("slow")
    @ParameterizedTest
    @ValueSource(strings = {"least-connections", "relay"})
    @DisplayName("failure 14: without descriptors the supervisor pauses and says so once; then clients that waited are"
            + " answered")
    void withoutDescriptorsClientsWaitAndAreThenAnswered(String accept) throws Exception {
        try (ClowderProcess cluster = cluster(accept)) {
            long pid = cluster.handle().pid();
            assertThat(HttpConnection.fresh(cluster.port(), WORKER).status()).isEqualTo(200);
            limit(pid, 3);
            List<CompletableFuture<Integer>> clients = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                clients.add(
                        CompletableFuture.supplyAsync(() -> statusOfFresh(cluster), task -> new Thread(task).start()));
            }
            await("it says so").atMost(SOON).until(() -> cluster.output().contains("can't accept connections for now"));
            assertThat(clients).noneMatch(CompletableFuture::isDone);
            limit(pid, openDescriptors(pid) + 1000);
            assertThat(clients).extracting(CompletableFuture::join).containsOnly(200);
            await("it says that it is over")
                    .atMost(SOON)
                    .until(() -> cluster.output().contains("accepts connections again"));
            assertThat(cluster.output().split("can't accept connections for now", -1))
                    .hasSize(2);
        }
    }

    private static int statusOfFresh(ClowderProcess cluster) {
        try {
            return HttpConnection.fresh(cluster.port(), WORKER).status();
        } catch (IOException e) {
            throw new AssertionError("a connection that should have waited failed", e);
        }
    }

    /** Sets the soft limit of descriptors of a process that runs. */
    private static void limit(long pid, long descriptors) throws IOException, InterruptedException {
        Process prlimit = new ProcessBuilder("prlimit", "--pid", "" + pid, "--nofile=" + descriptors + ":")
                .inheritIO()
                .start();
        assertThat(prlimit.waitFor()).isZero();
    }

    private static long openDescriptors(long pid) throws IOException {
        try (Stream<Path> open = Files.list(Path.of("/proc", "" + pid, "fd"))) {
            return open.count();
        }
    }
}
