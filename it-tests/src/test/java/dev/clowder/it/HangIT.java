package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.ClusterStatus;
import dev.clowder.it.HttpConnection.Worker;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Workers that live and do not serve. */
@Tag("slow")
class HangIT {
    private static final Duration SOON = Duration.ofMinutes(2);
    /** More than Tomcat has threads for, so that none is left. */
    private static final int STUCK = 220;

    @TempDir
    private Path files;

    private ClowderProcess start(String accept) throws IOException {
        Path war = Apps.write(Apps.probe("probe.war"), files);
        return ClowderProcess.builder()
                .application("/", war)
                .root(files)
                .arguments("--accept", accept, "--hang-timeout", "5s")
                .start();
    }

    @ParameterizedTest
    @ValueSource(strings = {"shared", "relay"})
    @DisplayName("failure 5: a worker that accepts and never answers is replaced; its log has the requests and a thread"
            + " dump; the other worker answers all the time")
    void aWorkerWhoseThreadsAreAllStuckIsReplaced(String accept) throws Exception {
        try (ClowderProcess cluster = start(accept)) {
            cluster.awaitReady(SOON);
            List<HttpConnection> victims = new ArrayList<>();
            try (HttpConnection first = HttpConnection.open(cluster.port());
                    HttpConnection healthy =
                            openOther(cluster, first.get("/worker").worker())) {
                Worker victim = first.get("/worker").worker();
                victims.addAll(connections(cluster, victim));
                for (HttpConnection connection : victims) {
                    connection.send(connection.head("GET", "/stuck"));
                }
                awaitHeir(cluster, victim, healthy);
                String prefix = "[" + victim.slot() + "] ";
                assertThat(cluster.output().lines().filter(line -> line.startsWith(prefix)))
                        .anyMatch(line -> line.contains("GET /stuck") && line.contains("from 127.0.0.1"))
                        .anyMatch(line -> line.contains("Full thread dump"))
                        .anyMatch(line -> line.contains("StuckServlet.doGet"))
                        .anyMatch(line -> line.startsWith(prefix + "Heap: ") && line.contains(" of at most "));
            } finally {
                for (HttpConnection connection : victims) {
                    connection.close();
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"shared", "relay"})
    @DisplayName("failure 3: a worker that is stopped (SIGSTOP) is replaced; the other one answers all the time")
    void aStoppedWorkerIsReplaced(String accept) throws Exception {
        try (ClowderProcess cluster = start(accept)) {
            ClusterStatus status = cluster.awaitReady(SOON);
            try (HttpConnection first = HttpConnection.open(cluster.port());
                    HttpConnection healthy =
                            openOther(cluster, first.get("/worker").worker())) {
                Worker victim = first.get("/worker").worker();
                new ProcessBuilder(
                                "kill",
                                "-STOP",
                                String.valueOf(status.worker(victim.slot()).pid()))
                        .start()
                        .waitFor();
                awaitHeir(cluster, victim, healthy);
            }
        }
    }

    private static void awaitHeir(ClowderProcess cluster, Worker victim, HttpConnection healthy) throws Exception {
        await("the victim is replaced").atMost(SOON).until(() -> {
            HttpConnection.Response response = healthy.get("/worker");
            assertThat(response.status()).isEqualTo(200);
            ClusterStatus.Worker now = cluster.status().worker(victim.slot());
            return now.id() > victim.id() && now.isReady();
        });
        ClusterStatus.LastExit exit = cluster.status().worker(victim.slot()).lastExit();
        assertThat(exit).isNotNull();
        assertThat(exit.signal()).isEqualTo("SIGKILL");
    }

    /** A connection to any worker but this one. */
    private static HttpConnection openOther(ClowderProcess cluster, Worker unwanted) {
        List<HttpConnection> found = new ArrayList<>();
        await("a connection to the other worker").atMost(SOON).until(() -> {
            HttpConnection connection = HttpConnection.open(cluster.port());
            if (connection.get("/worker").worker().equals(unwanted)) {
                connection.close();
                return false;
            }
            found.add(connection);
            return true;
        });
        return found.get(0);
    }

    private static List<HttpConnection> connections(ClowderProcess cluster, Worker wanted) {
        List<HttpConnection> found = new ArrayList<>();
        await("connections to the victim")
                .atMost(SOON)
                .pollInterval(Duration.ofMillis(1))
                .until(() -> {
                    HttpConnection connection = HttpConnection.open(cluster.port());
                    if (connection.get("/worker").worker().equals(wanted)) {
                        found.add(connection);
                    } else {
                        connection.close();
                    }
                    return found.size() >= STUCK;
                });
        return found;
    }
}
