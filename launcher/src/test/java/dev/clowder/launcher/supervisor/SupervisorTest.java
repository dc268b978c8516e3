package dev.clowder.launcher.supervisor;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.clowder.launcher.acceptor.Acceptor;
import dev.clowder.launcher.config.AcceptMode;
import dev.clowder.launcher.config.App;
import dev.clowder.launcher.config.LauncherConfig;
import dev.clowder.launcher.config.Timeouts;
import dev.clowder.launcher.wire.Message;
import dev.clowder.launcher.wire.Wire;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The supervisor's decisions, on a host of paper: no time passes and no process runs. */
class SupervisorTest {
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

    @TempDir
    Path temporary;

    private final FakeHost host = new FakeHost();
    private final List<String> log = new ArrayList<>();
    private final List<String> steps = new ArrayList<>();
    private final List<Wire> workers = new ArrayList<>();
    private Acceptor acceptor;
    private RunDirectory directory;
    private ServerSocketChannel control;
    private Supervisor supervisor;

    @BeforeEach
    void start() throws Exception {
        acceptor =
                Acceptor.bind(AcceptMode.RELAY, new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), log::add);
        directory = RunDirectory.open(temporary.resolve("run"));
        control = ServerSocketChannel.open(StandardProtocolFamily.UNIX)
                .bind(UnixDomainSocketAddress.of(directory.control()));
        LauncherConfig config = new LauncherConfig(
                new InetSocketAddress(0),
                true,
                2,
                List.of(new App("", temporary)),
                "loopback",
                AcceptMode.RELAY,
                null,
                null,
                new Timeouts(
                        Duration.ofSeconds(60),
                        Duration.ofSeconds(30),
                        Duration.ofSeconds(10),
                        Duration.ofSeconds(30),
                        Duration.ofSeconds(60)),
                Path.of("java"),
                List.of(),
                false,
                1,
                false,
                "",
                0);
        supervisor = new Supervisor(config, directory, List.of(), acceptor, host, new Observer() {
            @Override
            public void log(String line) {
                log.add(line);
            }

            @Override
            public void changed(WorkerEvent event) {
                steps.add(event.kind() + " " + event.slot() + "/" + event.id());
            }
        });
    }

    @AfterEach
    void end() throws Exception {
        for (Wire worker : workers) {
            worker.close();
        }
        control.close();
        acceptor.close();
        directory.close();
    }

    @Test
    void slotOneShowsWhetherTheApplicationStartsBeforeOthersBoot() throws Exception {
        step();
        assertThat(host.take()).containsExactly("spawn 1/1");
        step();
        assertThat(host.take()).isEmpty();

        ready(1);
        assertThat(host.take()).containsExactly("spawn 2/2");
        ready(2);
        assertThat(host.take()).isEmpty();
    }

    @Test
    void aSlotThatMayNotBootYetDoesNotKeepTheSupervisorAwake() throws Exception {
        assertThat(step()).isEqualTo(host.now + 60 * SECOND);
    }

    @Test
    void nothingIsDueWhileAllWorkersAreReady() throws Exception {
        bothReady();
        assertThat(step()).isEqualTo(Long.MAX_VALUE);
    }

    @Test
    void deadWorkerIsReplacedAtOnceInTheSameSlotUnderANewId() throws Exception {
        bothReady();
        host.now += 20 * SECOND;
        exited(1, 137);
        assertThat(host.take()).containsExactly("spawn 1/3");
        assertThat(supervisor.status(host.now).workers().get(0).lastExit())
                .isEqualTo(new Status.ExitStatus(null, "SIGKILL", "killed", "1970-01-01T00:00:00Z"));
        assertThat(supervisor.status(host.now).workers().get(0).restarts()).isEqualTo(1);
        assertThat(log).anyMatch(line -> line.contains("worker 1/1 (pid 1001) died after 20.0 s: SIGKILL"));
    }

    @Test
    void exitCodeIsReportedAsCodeWithoutSignal() throws Exception {
        bothReady();
        exited(2, 42);
        assertThat(supervisor.status(host.now).workers().get(1).lastExit())
                .isEqualTo(new Status.ExitStatus(42, null, "exited", "1970-01-01T00:00:00Z"));
    }

    @Test
    void aWorkerThatDiesBeforeItIsReadyIsStartedAgainLaterAndLater() throws Exception {
        bothReady();
        host.now += 20 * SECOND;
        exited(1, 137);
        host.take();
        long shortest = 0;
        for (int id = 3; id < 6; id++) {
            exited(id, 1);
            assertThat(host.take()).as("no start at once").isEmpty();
            long due = step();
            assertThat(due - host.now).isGreaterThan(shortest);
            shortest = due - host.now;
            host.now = due;
            step();
            assertThat(host.take()).containsExactly("spawn 1/" + (id + 1));
        }
    }

    @Test
    void anApplicationThatDoesNotStartEndsTheClusterWithCodeThree() throws Exception {
        step();
        Wire worker = hello(1);
        said(1, worker, new Message.Failed("application / did not start"));
        exited(1, 78);
        assertThat(supervisor.finished()).isTrue();
        assertThat(supervisor.run()).isEqualTo(3);
        assertThat(host.take()).containsExactly("spawn 1/1");
        assertThat(log).anyMatch(line -> line.contains("can't start") && line.contains("application / did not start"));
    }

    @Test
    void fiveDeathsBeforeAnyWorkerWasReadyEndTheCluster() throws Exception {
        for (int id = 1; id <= 5; id++) {
            host.now = Math.max(host.now, step());
            step();
            exited(id, 1);
        }
        assertThat(supervisor.finished()).isTrue();
        assertThat(supervisor.run()).isEqualTo(3);
    }

    @Test
    void aProcessThatCantBeStartedEndsTheFirstStartAndOnlyDelaysALaterOne() throws Exception {
        bothReady();
        host.broken = true;
        exited(1, 137);
        assertThat(log).anyMatch(line -> line.contains("can't start worker 1/3: no more processes"));
        host.broken = false;
        host.now = step();
        step();
        assertThat(host.take()).contains("spawn 1/4");
    }

    @Test
    void aWorkerThatIsNotReadyInTimeIsKilled() throws Exception {
        step();
        host.take();
        host.now += 60 * SECOND;
        step();
        assertThat(host.take()).containsExactly("kill 1");
        assertThat(log).anyMatch(line -> line.contains("not ready within 60.0 s"));
    }

    @Test
    void stopDrainsReadyWorkersAndEndsWhenTheyAreGone() throws Exception {
        bothReady();
        supervisor.post(new Event.StopAsked(false));
        step();
        assertThat(host.take()).isEmpty();
        for (Wire worker : workers) {
            assertThat(worker.receive()).isInstanceOf(Message.Start.class);
            assertThat(worker.receive()).isEqualTo(new Message.Stop(30_000, 1000));
        }
        assertThat(states()).containsExactly("DRAINING", "DRAINING");
        exited(1, 0);
        assertThat(supervisor.finished()).isFalse();
        exited(2, 0);
        assertThat(supervisor.run()).isZero();
        assertThat(host.take()).isEmpty();
    }

    @Test
    void aWorkerThatIgnoresTheStopIsKilledAfterDrainAndStopTimeout() throws Exception {
        bothReady();
        supervisor.post(new Event.StopAsked(false));
        assertThat(step()).isEqualTo(host.now + 30 * SECOND);
        host.now += 30 * SECOND;
        assertThat(step()).isEqualTo(host.now + 10 * SECOND);
        assertThat(states()).containsExactly("STOPPING", "STOPPING");
        host.now += 10 * SECOND;
        step();
        assertThat(host.take()).containsExactly("kill 1", "kill 2");
    }

    @Test
    void aDrainedWorkerHasTheStopTimeoutLeft() throws Exception {
        bothReady();
        supervisor.post(new Event.StopAsked(false));
        step();
        said(1, workers.get(0), new Message.Drained());
        said(2, workers.get(1), new Message.Drained());
        assertThat(step()).isEqualTo(host.now + 10 * SECOND);
    }

    @Test
    void aSecondStopKillsAtOnce() throws Exception {
        bothReady();
        supervisor.post(new Event.StopAsked(false));
        step();
        supervisor.post(new Event.StopAsked(true));
        step();
        assertThat(host.take()).containsExactly("kill 1", "kill 2");
    }

    @Test
    void stopWhileAWorkerBootsTerminatesItAndStartsNoOther() throws Exception {
        step();
        host.take();
        supervisor.post(new Event.StopAsked(false));
        step();
        assertThat(host.take()).containsExactly("terminate 1");
        exited(1, 143);
        assertThat(supervisor.run()).isZero();
        assertThat(host.take()).isEmpty();
    }

    @Test
    void oneWorkersLifeFiresEachStepOnceInOrder() throws Exception {
        bothReady();
        supervisor.post(new Event.Disconnected(1));
        exited(1, 137);
        assertThat(steps.stream().filter(step -> step.endsWith(" 1/1")))
                .containsExactly("FORKED 1/1", "ONLINE 1/1", "LISTENING 1/1", "DISCONNECTED 1/1", "EXITED 1/1");
    }

    @Test
    void messagesOfUnknownWorkersAreIgnored() throws Exception {
        bothReady();
        said(99, workers.get(0), new Message.Ready());
        exited(99, 1);
        assertThat(states()).containsExactly("READY", "READY");
    }

    @Test
    void everyQuestionGetsAnAnswer() throws Exception {
        CompletableFuture<Message.Reply> answer = new CompletableFuture<>();
        supervisor.post(new Event.Asked(new Message.Command("dance", List.of()), new Answer(answer)));
        step();
        assertThat(answer).isCompletedWithValue(new Message.Reply(2, "unknown command dance"));
    }

    @Test
    void aQuestionThatComesAfterTheEndIsRefusedAndNotLeftWaiting() {
        supervisor.answerStop();
        CompletableFuture<Message.Reply> answer = new CompletableFuture<>();
        supervisor.post(new Event.Asked(new Message.Command("status", List.of()), new Answer(answer)));
        assertThat(answer).isCompletedWithValue(new Message.Reply(5, "the cluster has ended"));
    }

    @Test
    void statusHasTheFieldsOfTheReference() throws Exception {
        bothReady();
        said(1, workers.get(0), new Message.Load(3, 5, 1, 1000, 2000));
        CompletableFuture<Message.Reply> answer = new CompletableFuture<>();
        supervisor.post(new Event.Asked(new Message.Command("status", List.of()), new Answer(answer)));
        step();
        JsonNode status = new JsonMapper().readTree(answer.join().text());
        assertThat(names(status)).containsExactly("supervisor", "listeners", "workers");
        assertThat(names(status.get("supervisor")))
                .containsExactly("pid", "version", "uptimeSeconds", "state", "generation");
        assertThat(names(status.get("listeners").get(0))).containsExactly("address", "port", "protocol", "accept");
        JsonNode worker = status.get("workers").get(0);
        assertThat(names(worker))
                .containsExactly(
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
                        "lastExit");
        assertThat(worker.get("connections").asInt()).isEqualTo(3);
        assertThat(worker.get("requests").asInt()).isEqualTo(5);
        assertThat(worker.get("lastExit").isNull()).isTrue();
    }

    private static List<String> names(JsonNode node) {
        List<String> names = new ArrayList<>();
        node.fieldNames().forEachRemaining(names::add);
        return names;
    }

    private long step() {
        return supervisor.step(host.now);
    }

    private List<String> states() {
        return supervisor.status(host.now).workers().stream()
                .map(Status.WorkerStatus::state)
                .toList();
    }

    private void bothReady() throws Exception {
        step();
        ready(1);
        ready(2);
        host.take();
    }

    private void ready(int id) throws Exception {
        said(id, hello(id), new Message.Ready());
    }

    /** A real control connection, of which the test holds the worker's end. */
    private Wire hello(int id) throws Exception {
        Wire worker = Wire.connect(directory.control());
        workers.add(worker);
        said(id, new Wire(control.accept()), new Message.Hello(0, id, 1000L + id, 0, false));
        return worker;
    }

    private void said(int id, Wire wire, Message message) {
        supervisor.post(new Event.Said(id, message, wire));
        step();
    }

    private void exited(int id, int exitValue) {
        supervisor.post(new Event.Exited(id, exitValue));
        step();
    }
}
