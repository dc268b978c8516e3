package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.ClusterStatus;
import dev.clowder.arquillian.Launcher;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/** {@code --access-log}: one file of two workers. Everything happens to one cluster, one after the other. */
@Tag("once")
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class AccessLogIT {
    private static final Duration SOON = Duration.ofMinutes(3);
    private static final int CLIENTS = 4;
    private static final int LIMIT = 1 << 20;

    @TempDir
    static Path files;

    private static Path log;
    private static ClowderProcess cluster;
    private static NumberedRequests requests;

    @BeforeAll
    static void start() throws Exception {
        log = files.resolve("logs/access.log");
        Path war = Apps.write(Apps.probe("probe.war"), files);
        cluster = ClowderProcess.builder()
                .root(files)
                .arguments("--access-log", log.toString(), "--access-log-pattern", NumberedRequests.PATTERN)
                .arguments("--access-log-size", LIMIT / 1024 + "k")
                .application("/", war)
                .start();
        cluster.awaitReady(SOON);
        requests = new NumberedRequests(cluster.port(), "/worker", log.getParent());
    }

    @AfterAll
    static void stop() {
        if (cluster != null) {
            cluster.close();
        }
    }

    @Test
    @Order(1)
    @DisplayName(
            "every request of concurrent clients is one whole line, whichever worker answers, with the client that a"
                    + " trusted proxy names and the trace of the request; probes are none")
    void everyRequestIsOneWholeLine() throws Exception {
        requests.start(CLIENTS);
        requests.awaitMore(300);
        requests.stop();
        assertThat(requests.workers()).hasSize(2);
        requests.awaitLogged();
    }

    @Test
    @Order(2)
    @DisplayName(
            "a line is there without a second request, and lines of both workers are in the order of their requests")
    void linesAreInTheOrderOfTheirRequests() throws Exception {
        int before = Files.readAllLines(log).size();
        List<Integer> sent = new ArrayList<>();
        Set<HttpConnection.Worker> workers = new HashSet<>();
        while (sent.size() < 20 || (workers.size() < 2 && sent.size() < 500)) {
            int number = requests.send("");
            sent.add(number);
            await("its line").pollInterval(Duration.ofMillis(5)).atMost(SOON).until(() -> {
                List<String> lines = Files.readAllLines(log);
                return lines.size() == before + sent.size()
                        && NumberedRequests.isOf(number, lines.get(lines.size() - 1));
            });
            workers.add(NumberedRequests.worker(Files.readAllLines(log).get(before + sent.size() - 1)));
        }
        assertThat(workers).hasSize(2);
        List<String> lines = Files.readAllLines(log);
        for (int i = 0; i < sent.size(); i++) {
            assertThat(NumberedRequests.isOf(sent.get(i), lines.get(before + i)))
                    .isTrue();
        }
    }

    @Tag("slow")
    @Test
    @Order(3)
    @DisplayName(
            "a full file is renamed, and so is one by somebody else: no line is lost, and new ones are in a new file")
    void renamingLosesNothing() throws Exception {
        String more = "&more=" + "x".repeat(6000);
        requests.start(CLIENTS);
        for (int n = 1; n <= 2; n++) {
            Path full = log.resolveSibling("access.log." + n);
            await("a full file").atMost(SOON).until(() -> {
                requests.send(more);
                return Files.exists(full);
            });
            assertThat(full).isNotEmptyFile();
        }
        await("somebody else moves it").atMost(SOON).ignoreExceptions().until(() -> {
            Files.move(log, log.resolveSibling("moved"));
            return true;
        });
        requests.awaitMore(100);
        requests.stop();
        requests.awaitLogged();
        assertThat(log).isNotEmptyFile();
    }

    @Test
    @Order(4)
    @DisplayName("what is in the file when a worker is killed (kill -9) stays there, and its successor goes on in it")
    void aKilledWorkerTakesNoLineWithIt() throws Exception {
        ClusterStatus.Worker victim = cluster.status().worker(1);
        requests.start(CLIENTS);
        requests.awaitMore(100);
        requests.stop();
        requests.awaitLogged();
        ProcessHandle.of(victim.pid()).orElseThrow().destroyForcibly();
        await("a successor").atMost(SOON).until(() -> cluster.status().worker(1).id() > victim.id());
        int successor = cluster.awaitReady(SOON).worker(1).id();
        requests.start(CLIENTS);
        await("it answers")
                .atMost(SOON)
                .until(() -> requests.workers().stream().anyMatch(worker -> worker.id() == successor));
        requests.stop();
        requests.awaitLogged();
    }

    @Tag("slow")
    @Test
    @Order(5)
    @DisplayName("replacing a worker under load loses no line")
    void replacingAWorkerLosesNoLine() throws Exception {
        int before = cluster.status().worker(2).id();
        requests.start(2);
        requests.awaitMore(50);
        // On a machine that is busy with something else the new worker may not be ready in time, and is refused.
        await("it is replaced")
                .atMost(SOON)
                .until(() -> cluster.command(SOON, "restart", "2").exitCode() == 0);
        assertThat(cluster.status().worker(2).id()).isGreaterThan(before);
        requests.awaitMore(50);
        requests.stop();
        requests.awaitLogged();
    }

    @Test
    @Order(6)
    @DisplayName("after a stop every request that was answered is there")
    void aStopWritesEverything() throws Exception {
        requests.start(CLIENTS);
        requests.awaitMore(200);
        requests.stop();
        cluster.terminate();
        assertThat(cluster.awaitExit(SOON)).isZero();
        requests.assertLogged();
    }

    @Test
    @Order(7)
    @DisplayName("there is no file where there can be none: one line that names it, exit code 2, nothing is started")
    void aFileThatCanNotBeIsNamed() throws IOException, InterruptedException {
        Path wrong = log.resolve("access.log");
        Path runDir = files.resolve("none");
        List<String> command = new ArrayList<>(List.of("run", "--port", "0", "--run-dir", runDir.toString()));
        command.addAll(List.of(
                "--access-log", wrong.toString(), files.resolve("probe.war").toString()));
        Launcher.Result refused = Launcher.ofThisBuild().run(SOON, command);
        assertThat(refused.exitCode()).isEqualTo(2);
        assertThat(refused.errors().strip()).hasLineCount(1).contains("--access-log " + wrong);
        assertThat(runDir).doesNotExist();
    }
}
