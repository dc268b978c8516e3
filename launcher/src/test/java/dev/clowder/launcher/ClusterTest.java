package dev.clowder.launcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.clowder.launcher.supervisor.RunningCluster.StartException;
import dev.clowder.launcher.supervisor.Status;
import dev.clowder.launcher.supervisor.WorkerEvent;
import java.io.ByteArrayOutputStream;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A cluster started from Java, with real workers: the events of Node's cluster (cluster.md, behaviours 1 to 8). */
class ClusterTest {
    @TempDir
    Path temporary;

    private final List<WorkerEvent> events = new CopyOnWriteArrayList<>();
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    @ParameterizedTest
    @ValueSource(strings = {"shared", "relay"})
    void oneWorkersLifeFiresForkedOnlineListeningDisconnectedExited(String accept) throws Exception {
        Path app = Files.createDirectory(temporary.resolve("app"));
        Files.writeString(app.resolve("index.html"), "hello");
        Path runDirectory = temporary.resolve("run");
        String[] arguments = {
            "--port",
            "0",
            "--address",
            "127.0.0.1",
            "--workers",
            "1",
            "--accept",
            accept,
            "--run-dir",
            runDirectory.toString(),
            app.toString()
        };
        try (Cluster cluster = Cluster.start(out, events::add, arguments)) {
            await(() -> kinds(1).contains(WorkerEvent.Kind.LISTENING));
            assertThat(cluster.address().getPort()).isBetween(1, 65535);
            assertThat(get(cluster)).isEqualTo("hello");

            Status.WorkerStatus worker = cluster.status().workers().get(0);
            assertThat(worker.state()).isEqualTo("READY");
            ProcessHandle process = ProcessHandle.of(worker.pid()).orElseThrow();
            process.destroyForcibly();
            await(() -> kinds(2).contains(WorkerEvent.Kind.LISTENING));
            assertThat(process.isAlive()).isFalse();
            assertThat(kinds(1))
                    .containsExactly(
                            WorkerEvent.Kind.FORKED,
                            WorkerEvent.Kind.ONLINE,
                            WorkerEvent.Kind.LISTENING,
                            WorkerEvent.Kind.DISCONNECTED,
                            WorkerEvent.Kind.EXITED);
            WorkerEvent exited = events.stream()
                    .filter(event -> event.kind() == WorkerEvent.Kind.EXITED)
                    .findFirst()
                    .orElseThrow();
            assertThat(exited.exit().signal()).isEqualTo("SIGKILL");
            assertThat(exited.exit().code()).isNull();
            assertThat(get(cluster)).isEqualTo("hello");
        }
        await(() -> kinds(2).contains(WorkerEvent.Kind.EXITED));
        assertThat(runDirectory).doesNotExist();
    }

    @Test
    void aPortInUseIsNamedAndTheSameAttemptSucceedsWhenItIsFree() throws Exception {
        Path app = Files.createDirectory(temporary.resolve("app"));
        Path runDirectory = temporary.resolve("run");
        int port;
        try (ServerSocket taken = new ServerSocket(0)) {
            port = taken.getLocalPort();
            assertThatThrownBy(() -> start(port, runDirectory, app))
                    .isInstanceOf(StartException.class)
                    .hasMessageContaining("port " + port)
                    .hasMessageContaining("in use");
            assertThat(runDirectory).doesNotExist();
        }
        Cluster cluster = start(port, runDirectory, app);
        cluster.stopNow();
        assertThat(cluster.exitCode().join()).isZero();
        cluster.close();
    }

    @Test
    void anErrorOfTheListenerGoesToTheHandlerOfTheProgram() throws Exception {
        Path app = Files.createDirectory(temporary.resolve("app"));
        List<Throwable> uncaught = new CopyOnWriteArrayList<>();
        Thread.UncaughtExceptionHandler before = Thread.getDefaultUncaughtExceptionHandler();
        Thread.setDefaultUncaughtExceptionHandler((thread, error) -> uncaught.add(error));
        try {
            Consumer<WorkerEvent> listener = event -> {
                events.add(event);
                throw new IllegalStateException(event.kind().name());
            };
            // Otherwise Awaitility's own handler would stand in for the program's.
            ConditionFactory wait =
                    Awaitility.await().dontCatchUncaughtExceptions().atMost(Duration.ofSeconds(60));
            try (Cluster cluster = start(0, temporary.resolve("run"), app, listener)) {
                wait.until(() -> !events.isEmpty());
                cluster.stopNow();
            }
            wait.until(() -> kinds(1).contains(WorkerEvent.Kind.EXITED));
            wait.until(() -> uncaught.size() == events.size());
            assertThat(uncaught).first().extracting(Throwable::getMessage).isEqualTo("FORKED");
        } finally {
            Thread.setDefaultUncaughtExceptionHandler(before);
        }
    }

    @Test
    void workersOfAProgramThatIsKilledLeaveWithIt() throws Exception {
        Path app = Files.createDirectory(temporary.resolve("app"));
        Process program = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        EmbeddingProgram.class.getName(),
                        "--port",
                        "0",
                        "--workers",
                        "1",
                        "--run-dir",
                        temporary.resolve("run").toString(),
                        app.toString())
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        try {
            String pid = program.inputReader().readLine();
            ProcessHandle worker = ProcessHandle.of(Long.parseLong(pid)).orElseThrow();
            program.destroyForcibly();
            // Far below what run would let it serve on.
            Awaitility.await().atMost(Duration.ofSeconds(30)).until(() -> !worker.isAlive());
        } finally {
            program.descendants().forEach(ProcessHandle::destroyForcibly);
            program.destroyForcibly();
        }
    }

    private Cluster start(int port, Path runDirectory, Path app) throws Exception {
        return start(port, runDirectory, app, events::add);
    }

    private Cluster start(int port, Path runDirectory, Path app, Consumer<WorkerEvent> listener) throws Exception {
        return Cluster.start(
                out,
                listener,
                "--port",
                String.valueOf(port),
                "--workers",
                "1",
                "--run-dir",
                runDirectory.toString(),
                app.toString());
    }

    private List<WorkerEvent.Kind> kinds(int id) {
        return events.stream()
                .filter(event -> event.id() == id)
                .map(WorkerEvent::kind)
                .toList();
    }

    private void await(java.util.concurrent.Callable<Boolean> condition) {
        Awaitility.await().atMost(Duration.ofSeconds(60)).until(condition);
    }

    private static String get(Cluster cluster) throws Exception {
        URI uri = URI.create("http://127.0.0.1:" + cluster.address().getPort() + "/index.html");
        return HttpClient.newHttpClient()
                .send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString())
                .body();
    }
}
