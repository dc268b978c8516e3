package dev.clowder.launcher.supervisor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.launcher.wire.Message;
import dev.clowder.launcher.wire.Wire;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A supervisor that finds workers of a dead one (cluster.md, failure 1), on a host of paper. */
class AdoptedWorkersTest {
    private static final Message ADOPTED = new Message.Adopted(60_000);
    private static final Message STOP = new Message.Stop(30_000, 30_000);

    @TempDir
    Path temporary;

    private PaperCluster cluster;

    @BeforeEach
    void start() throws Exception {
        cluster = new PaperCluster(temporary);
    }

    @AfterEach
    void end() throws Exception {
        cluster.close();
    }

    /** Each as slot and id. */
    private void survivors(int highestId, int[]... workers) {
        List<Survivor> survivors = Arrays.stream(workers)
                .map(worker -> new Survivor(worker[0], worker[1], 1000L + worker[1], "1@boot", 1))
                .toList();
        cluster.supervisor.adopt(survivors, highestId);
        cluster.step();
    }

    private static int[] worker(int slot, int id) {
        return new int[] {slot, id};
    }

    @Test
    void workersThatComeBackAreReadyAndNothingIsStarted() throws Exception {
        survivors(9, worker(1, 4), worker(2, 9));
        assertThat(cluster.status()).containsExactly("1/4 STARTING 1", "2/9 STARTING 1");
        assertThat(cluster.hello(4, true).receive()).isEqualTo(ADOPTED);
        assertThat(cluster.hello(9, true).receive()).isEqualTo(ADOPTED);
        assertThat(cluster.status()).containsExactly("1/4 READY 1", "2/9 READY 1");
        cluster.pass(20);
        assertThat(cluster.status()).containsExactly("1/4 READY 1", "2/9 READY 1");
        assertThat(cluster.host.take()).isEmpty();
    }

    @Test
    void oneThatDoesNotComeBackIsKilledAndReplacedUnderAnIdThatWasNeverUsed() throws Exception {
        survivors(11, worker(1, 4), worker(2, 9));
        cluster.hello(9, true);
        cluster.pass(9);
        assertThat(cluster.host.take()).isEmpty();
        cluster.pass(1);
        assertThat(cluster.host.take()).containsExactly("kill 4");
        cluster.exited(4, 137);
        assertThat(cluster.host.take()).containsExactly("spawn 1/12");
        assertThat(cluster.status()).containsExactly("1/12 STARTING 1", "2/9 READY 1");
    }

    @Test
    void aSlotThatNobodySurvivedInGetsAWorkerAtOnce() {
        survivors(9, worker(2, 9));
        assertThat(cluster.host.take()).containsExactly("spawn 1/10");
    }

    @Test
    void asManyAreWantedAsScaleHasLeft() throws Exception {
        cluster.close();
        cluster = PaperCluster.scaledTo(temporary.resolve("scaled"), 3);
        survivors(9, worker(3, 9));
        assertThat(cluster.hello(9, true).receive()).isEqualTo(ADOPTED);
        cluster.step();
        assertThat(cluster.status()).contains("3/9 READY 1").hasSize(3);
    }

    @Test
    void whatScaleHasLeftIsWrittenDown() throws Exception {
        survivors(9, worker(1, 4), worker(2, 9));
        cluster.hello(4, true);
        cluster.hello(9, true);
        Register.Plan plan = new Register.Plan(List.of(), "", "", 2, 2, "1.0", new Generation(1, List.of(), List.of()));
        cluster.register().plan(plan);
        CompletableFuture<Message.Reply> scaled = cluster.ask("scale", "1");
        assertThat(cluster.register().plan()).isEqualTo(plan);
        cluster.exited(9, 0);
        assertThat(scaled.get().exitCode()).isZero();
        assertThat(cluster.register().plan()).isEqualTo(plan.withWorkers(2, 1));
    }

    @Test
    void oneThatWasLeavingIsLetGoAndItsSlotIsFilled() throws Exception {
        survivors(9, worker(1, 4), worker(2, 9));
        assertThat(cluster.hello(4, false).receive()).isEqualTo(ADOPTED);
        cluster.step();
        assertThat(cluster.host.take()).containsExactly("spawn 1/10");
        assertThat(cluster.status()).containsExactly("1/10 STARTING 1", "1/4 DRAINING 1", "2/9 STARTING 1");
        cluster.exited(4, Posix.UNKNOWN_EXIT);
        assertThat(cluster.status()).containsExactly("1/10 STARTING 1", "2/9 STARTING 1");
        assertThat(cluster.host.take()).isEmpty();
    }

    @Test
    void ofTwoInOneSlotTheOneThatServesIsKeptWhoeverComesFirst() throws Exception {
        survivors(9, worker(1, 4), worker(1, 5), worker(2, 9));
        cluster.hello(4, false);
        cluster.step();
        assertThat(cluster.host.take()).as("the other one may still come").isEmpty();
        cluster.hello(5, true);
        cluster.step();
        assertThat(cluster.host.take()).isEmpty();
        assertThat(cluster.status()).containsExactly("1/5 READY 1", "1/4 DRAINING 1", "2/9 STARTING 1");
    }

    @Test
    void ofTwoThatServeInOneSlotOneIsDrained() throws Exception {
        survivors(9, worker(1, 4), worker(1, 5), worker(2, 9));
        cluster.hello(5, true);
        Wire second = cluster.hello(4, true);
        assertThat(second.receive()).isEqualTo(ADOPTED);
        assertThat(second.receive()).isEqualTo(STOP);
        assertThat(cluster.status()).containsExactly("1/5 READY 1", "1/4 DRAINING 1", "2/9 STARTING 1");
    }

    @Test
    void oneForWhichThereIsNoSlotAnyMoreIsDrainedAndItsSlotGoesWithIt() throws Exception {
        survivors(9, worker(1, 4), worker(2, 5), worker(3, 9));
        Wire third = cluster.hello(9, true);
        assertThat(third.receive()).isEqualTo(ADOPTED);
        assertThat(third.receive()).isEqualTo(STOP);
        assertThat(cluster.status()).contains("3/9 DRAINING 1");
        cluster.exited(9, 0);
        assertThat(cluster.status()).containsExactly("1/4 STARTING 1", "2/5 STARTING 1");
        assertThat(cluster.host.take()).isEmpty();
    }

    @Test
    void aReloadLeavesOutASlotThatIsOnItsWayOut() throws Exception {
        survivors(9, worker(1, 4), worker(2, 5), worker(3, 9));
        cluster.hello(4, true);
        cluster.hello(5, true);
        cluster.hello(9, true);
        CompletableFuture<Message.Reply> reload = cluster.ask("reload");
        cluster.exited(9, 0);
        cluster.ready(10);
        cluster.pass(5);
        cluster.exited(4, 0);
        cluster.ready(11);
        cluster.pass(5);
        cluster.exited(5, 0);
        assertThat(reload.join()).isEqualTo(new Message.Reply(0, "done, 2 workers"));
        assertThat(cluster.status()).containsExactly("1/10 READY 2", "2/11 READY 2");
    }

    @Test
    void oneThatNobodyKnowsIsToldToLeave() throws Exception {
        survivors(9, worker(1, 4), worker(2, 9));
        assertThat(cluster.hello(7, true).receive()).isEqualTo(new Message.Stop(30_000, 1000));
    }

    @Test
    void theEndOfAnOldConnectionDoesNotCutTheNewOne() throws Exception {
        survivors(9, worker(1, 4), worker(2, 9));
        Wire worker = cluster.hello(4, true);
        assertThat(worker.receive()).isEqualTo(ADOPTED);
        cluster.supervisor.post(new Event.Disconnected(4, worker));
        cluster.supervisor.post(new Event.StopAsked(false));
        cluster.step();
        assertThat(worker.receive()).isInstanceOf(Message.Stop.class);
    }

    @Test
    void aDeathThatNobodySawIsReportedAsUnknown() throws Exception {
        survivors(9, worker(1, 4), worker(2, 9));
        cluster.hello(4, true);
        cluster.exited(4, Posix.UNKNOWN_EXIT);
        Status.ExitStatus exit =
                cluster.supervisor.status(cluster.host.now).workers().get(0).lastExit();
        assertThat(exit.code()).isNull();
        assertThat(exit.signal()).isNull();
        assertThat(exit.reason()).contains("unknown");
    }
}
