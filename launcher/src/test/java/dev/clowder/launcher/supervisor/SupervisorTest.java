package dev.clowder.launcher.supervisor;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.clowder.launcher.wire.Message;
import dev.clowder.launcher.wire.Wire;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The supervisor's decisions, on a host of paper: no time passes and no process runs. */
class SupervisorTest {
    private static final long SECOND = PaperCluster.SECOND;

    @TempDir
    Path temporary;

    private PaperCluster cluster;
    private FakeHost host;

    @BeforeEach
    void start() throws Exception {
        cluster = new PaperCluster(temporary);
        host = cluster.host;
    }

    @AfterEach
    void end() throws Exception {
        cluster.close();
    }

    @Test
    void slotOneShowsWhetherTheApplicationStartsBeforeOthersBoot() throws Exception {
        cluster.step();
        assertThat(host.take()).containsExactly("spawn 1/1");
        cluster.step();
        assertThat(host.take()).isEmpty();

        cluster.ready(1);
        assertThat(host.take()).containsExactly("spawn 2/2");
        cluster.ready(2);
        assertThat(host.take()).isEmpty();
    }

    @Test
    void testsThatWaitForAllWorkersCanHaveThemBootTogether() throws Exception {
        System.setProperty("clowder.boot-together", "true");
        try (PaperCluster together = new PaperCluster(Files.createDirectory(temporary.resolve("together")))) {
            together.step();
            assertThat(together.host.take()).containsExactly("spawn 1/1", "spawn 2/2");
        } finally {
            System.clearProperty("clowder.boot-together");
        }
    }

    @Test
    void aSlotThatMayNotBootYetDoesNotKeepTheSupervisorAwake() throws Exception {
        cluster.step();
        cluster.hello(1);
        assertThat(cluster.step()).isEqualTo(host.now + 60 * SECOND);
    }

    @Test
    void whileAllWorkersAreReadyOnlyTheirProbesAreDue() throws Exception {
        cluster.bothReady();
        assertThat(cluster.step()).isEqualTo(host.now + Watch.PROBE_EVERY);
    }

    @Test
    void deadWorkerIsReplacedAtOnceInTheSameSlotUnderANewId() throws Exception {
        cluster.bothReady();
        cluster.pass(20);
        cluster.exited(1, 137);
        assertThat(host.take()).containsExactly("spawn 1/3");
        assertThat(cluster.supervisor.status(host.now).workers().get(0).lastExit())
                .isEqualTo(new Status.ExitStatus(null, "SIGKILL", "killed", "1970-01-01T00:00:00Z"));
        assertThat(cluster.supervisor.status(host.now).workers().get(0).restarts())
                .isEqualTo(1);
        assertThat(cluster.log).anyMatch(line -> line.contains("worker 1/1 (pid 1001) died after 20.0 s: SIGKILL"));
    }

    @Test
    void deathForLackOfMemoryIsNamedAsSuch() throws Exception {
        cluster.bothReady();
        cluster.supervisor.post(new Event.Exited(1, 137, true));
        cluster.step();
        assertThat(cluster.supervisor
                        .status(host.now)
                        .workers()
                        .get(0)
                        .lastExit()
                        .reason())
                .isEqualTo("killed by the kernel: out of memory");
        cluster.exited(2, 3);
        assertThat(cluster.supervisor
                        .status(host.now)
                        .workers()
                        .get(1)
                        .lastExit()
                        .reason())
                .isEqualTo("out of memory");
        assertThat(cluster.log).noneMatch(line -> line.contains("perhaps for lack of memory"));
    }

    @Test
    void aKillBySomebodyElseIsLoggedWithAHintAtMemory() throws Exception {
        cluster.bothReady();
        cluster.exited(1, 137);
        assertThat(cluster.log).anyMatch(line -> line.contains("perhaps for lack of memory"));
    }

    @Test
    void exitCodeIsReportedAsCodeWithoutSignal() throws Exception {
        cluster.bothReady();
        cluster.exited(2, 42);
        assertThat(cluster.supervisor.status(host.now).workers().get(1).lastExit())
                .isEqualTo(new Status.ExitStatus(42, null, "exited", "1970-01-01T00:00:00Z"));
    }

    @Test
    void aWorkerThatDiesBeforeItIsReadyIsStartedAgainLaterAndLater() throws Exception {
        cluster.bothReady();
        cluster.pass(20);
        cluster.exited(1, 137);
        host.take();
        long shortest = 0;
        for (int id = 3; id < 6; id++) {
            cluster.exited(id, 1);
            assertThat(host.take()).as("no start at once").isEmpty();
            long died = host.now;
            while (host.orders.isEmpty()) {
                host.now += SECOND / 100;
                cluster.step();
            }
            assertThat(host.take()).containsExactly("spawn 1/" + (id + 1));
            assertThat(host.now - died).isGreaterThan(shortest);
            shortest = host.now - died;
        }
    }

    @Test
    void anApplicationThatDoesNotStartEndsTheClusterWithCodeThree() throws Exception {
        cluster.step();
        cluster.hello(1);
        cluster.said(1, new Message.Failed("application / did not start"));
        cluster.exited(1, 78);
        assertThat(cluster.supervisor.finished()).isTrue();
        assertThat(cluster.supervisor.run()).isEqualTo(3);
        assertThat(host.take()).containsExactly("spawn 1/1");
        assertThat(cluster.log)
                .anyMatch(line -> line.contains("can't start") && line.contains("application / did not start"));
    }

    @Test
    void fiveDeathsBeforeAnyWorkerWasReadyEndTheCluster() throws Exception {
        for (int id = 1; id <= 5; id++) {
            host.now = Math.max(host.now, cluster.step());
            cluster.step();
            cluster.exited(id, 1);
        }
        assertThat(cluster.supervisor.finished()).isTrue();
        assertThat(cluster.supervisor.run()).isEqualTo(3);
    }

    @Test
    void aProcessThatCantBeStartedEndsTheFirstStartAndOnlyDelaysALaterOne() throws Exception {
        cluster.bothReady();
        host.broken = true;
        cluster.exited(1, 137);
        assertThat(cluster.log).anyMatch(line -> line.contains("can't start a worker in slot 1: no more processes"));
        host.broken = false;
        host.now = cluster.step();
        cluster.step();
        assertThat(host.take()).contains("spawn 1/4");
    }

    @Test
    void aWorkerThatIsNotReadyInTimeIsKilled() throws Exception {
        cluster.step();
        cluster.hello(1);
        host.take();
        cluster.pass(60);
        assertThat(host.take()).containsExactly("kill 1");
        assertThat(cluster.log).anyMatch(line -> line.contains("not ready within 60.0 s"));
    }

    @Test
    void stopDrainsReadyWorkersAndEndsWhenTheyAreGone() throws Exception {
        cluster.bothReady();
        cluster.supervisor.post(new Event.StopAsked(false));
        cluster.step();
        assertThat(host.take()).isEmpty();
        for (Wire worker : cluster.workers.values()) {
            assertThat(worker.receive()).isInstanceOf(Message.Start.class);
            assertThat(worker.receive()).isEqualTo(new Message.Stop(30_000, 1000));
        }
        assertThat(cluster.states()).containsExactly("DRAINING", "DRAINING");
        cluster.exited(1, 0);
        assertThat(cluster.supervisor.finished()).isFalse();
        cluster.exited(2, 0);
        assertThat(cluster.supervisor.run()).isZero();
        assertThat(host.take()).isEmpty();
    }

    @Test
    void aWorkerThatIgnoresTheStopIsKilledAfterDrainAndStopTimeout() throws Exception {
        cluster.bothReady();
        cluster.supervisor.post(new Event.StopAsked(false));
        assertThat(cluster.step()).isEqualTo(host.now + 30 * SECOND);
        cluster.pass(30);
        assertThat(cluster.step()).isEqualTo(host.now + 10 * SECOND);
        assertThat(cluster.states()).containsExactly("STOPPING", "STOPPING");
        cluster.pass(10);
        assertThat(host.take()).containsExactly("kill 1", "kill 2");
    }

    @Test
    void aDrainedWorkerHasTheStopTimeoutLeft() throws Exception {
        cluster.bothReady();
        cluster.supervisor.post(new Event.StopAsked(false));
        cluster.step();
        cluster.said(1, new Message.Drained());
        cluster.said(2, new Message.Drained());
        assertThat(cluster.step()).isEqualTo(host.now + 10 * SECOND);
    }

    @Test
    void aSecondStopKillsAtOnce() throws Exception {
        cluster.bothReady();
        cluster.supervisor.post(new Event.StopAsked(false));
        cluster.step();
        cluster.supervisor.post(new Event.StopAsked(true));
        cluster.step();
        assertThat(host.take()).containsExactly("kill 1", "kill 2");
    }

    @Test
    void stopWhileAWorkerBootsTerminatesItAndStartsNoOther() throws Exception {
        cluster.step();
        host.take();
        cluster.supervisor.post(new Event.StopAsked(false));
        cluster.step();
        assertThat(host.take()).containsExactly("terminate 1");
        cluster.exited(1, 143);
        assertThat(cluster.supervisor.run()).isZero();
        assertThat(host.take()).isEmpty();
    }

    @Test
    void oneWorkersLifeFiresEachStepOnceInOrder() throws Exception {
        cluster.bothReady();
        cluster.supervisor.post(new Event.Disconnected(1));
        cluster.exited(1, 137);
        assertThat(cluster.steps.stream().filter(step -> step.endsWith(" 1/1")))
                .containsExactly("FORKED 1/1", "ONLINE 1/1", "LISTENING 1/1", "DISCONNECTED 1/1", "EXITED 1/1");
    }

    @Test
    void messagesOfUnknownWorkersAreIgnored() throws Exception {
        cluster.bothReady();
        cluster.said(99, new Message.Ready());
        cluster.exited(99, 1);
        assertThat(cluster.states()).containsExactly("READY", "READY");
    }

    @Test
    void everyQuestionGetsAnAnswer() throws Exception {
        CompletableFuture<Message.Reply> answer = new CompletableFuture<>();
        cluster.supervisor.post(new Event.Asked(new Message.Command("dance", List.of()), new Answer(answer)));
        cluster.step();
        assertThat(answer).isCompletedWithValue(new Message.Reply(2, "unknown command dance"));
    }

    @Test
    void aQuestionThatComesAfterTheEndIsRefusedAndNotLeftWaiting() {
        cluster.supervisor.answerStop();
        CompletableFuture<Message.Reply> answer = new CompletableFuture<>();
        cluster.supervisor.post(new Event.Asked(new Message.Command("status", List.of()), new Answer(answer)));
        assertThat(answer).isCompletedWithValue(new Message.Reply(5, "the cluster has ended"));
    }

    @Test
    void whoLooksIsShownTheWorkersAndAfterTheEndNothing() throws Exception {
        cluster.bothReady();
        CompletableFuture<Status> sight = new CompletableFuture<>();
        cluster.supervisor.post(new Event.Looked(sight));
        cluster.step();
        assertThat(sight.join().workers()).hasSize(2);
        cluster.supervisor.answerStop();
        CompletableFuture<Status> late = new CompletableFuture<>();
        cluster.supervisor.post(new Event.Looked(late));
        assertThat(late).isCancelled();
    }

    @Test
    void statusHasTheFieldsOfTheReference() throws Exception {
        cluster.bothReady();
        cluster.said(1, new Message.Load(3, 5, 1, 1000, 2000, null));
        CompletableFuture<Message.Reply> answer = new CompletableFuture<>();
        cluster.supervisor.post(new Event.Asked(new Message.Command("status", List.of()), new Answer(answer)));
        cluster.step();
        JsonNode status = new JsonMapper().readTree(answer.join().text());
        assertThat(names(status)).containsExactly("supervisor", "listeners", "workers", "slots", "totals");
        assertThat(names(status.get("supervisor")))
                .containsExactly("pid", "version", "uptimeSeconds", "state", "generation", "classArchive");
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
}
