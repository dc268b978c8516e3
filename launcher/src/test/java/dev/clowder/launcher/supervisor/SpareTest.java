package dev.clowder.launcher.supervisor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.launcher.wire.Message;
import dev.clowder.launcher.wire.Wire;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code --spare 1}, on a host of paper: two slots, and a worker that waits for one. */
class SpareTest {
    @TempDir
    Path temporary;

    private PaperCluster cluster;
    private FakeHost host;

    @BeforeEach
    void start() throws Exception {
        cluster = new PaperCluster(temporary, 1, 1, 0);
        host = cluster.host;
    }

    @AfterEach
    void end() throws Exception {
        cluster.close();
    }

    private Status.WorkerStatus spare() {
        Status.WorkerStatus spare = cluster.supervisor.status(host.now).spare();
        assertThat(spare).isNotNull();
        return spare;
    }

    /** Worker 3 waits. */
    private Wire waiting() throws Exception {
        cluster.bothReady();
        Wire spare = cluster.hello(3);
        assertThat(spare.receive())
                .isInstanceOfSatisfying(
                        Message.Start.class, start -> assertThat(start.slot()).isZero());
        cluster.said(3, new Message.Ready());
        cluster.alive.add(3);
        cluster.pass(20);
        host.take();
        cluster.steps.clear();
        return spare;
    }

    @Test
    void itBootsWhenEverybodyServesAndTakesNoClients() throws Exception {
        cluster.step();
        cluster.ready(1);
        assertThat(host.take()).containsExactly("spawn 1/1", "spawn 2/2");
        cluster.ready(2);
        assertThat(host.take()).containsExactly("spawn 0/3");
        cluster.ready(3);
        assertThat(spare().state()).isEqualTo("READY");
        assertThat(cluster.status()).containsExactly("1/1 READY 1", "2/2 READY 1");
        assertThat(cluster.steps).contains("FORKED 0/3", "ONLINE 0/3").doesNotContain("LISTENING 0/3");
    }

    @Test
    void itTakesTheSlotOfADeadWorkerAndTheNextOneIsMadeWhenItServes() throws Exception {
        Wire spare = waiting();
        cluster.exited(1, 137);
        assertThat(host.take()).containsExactly("move 3 to 1");
        assertThat(spare.receive()).isEqualTo(new Message.TakeSlot(1, 2, ""));
        assertThat(cluster.status()).containsExactly("1/3 STARTING 1", "2/2 READY 1");
        cluster.said(3, new Message.Ready());
        assertThat(cluster.status()).containsExactly("1/3 READY 1", "2/2 READY 1");
        assertThat(cluster.steps).containsExactly("DISCONNECTED 1/1", "EXITED 1/1", "LISTENING 1/3", "FORKED 0/4");
        assertThat(host.take()).containsExactly("spawn 0/4");
        Status.WorkerStatus worker =
                cluster.supervisor.status(host.now).workers().get(0);
        assertThat(worker.restarts()).isEqualTo(1);
        assertThat(worker.pid()).isEqualTo(1003);
        assertThat(spare().id()).isEqualTo(4);
    }

    @Test
    void aSlotThatHasToWaitMakesTheSpareWaitToo() throws Exception {
        waiting();
        cluster.exited(1, 137);
        cluster.said(3, new Message.Ready());
        cluster.ready(4);
        host.take();
        // Young deaths: the first costs no wait, the next one does.
        cluster.exited(3, 137);
        assertThat(host.take()).containsExactly("move 4 to 1");
        cluster.said(4, new Message.Ready());
        cluster.ready(5);
        host.take();
        cluster.exited(4, 137);
        assertThat(host.take()).isEmpty();
        assertThat(cluster.states()).containsExactly("BACKOFF", "READY");
        cluster.pass(2);
        assertThat(host.take()).contains("move 5 to 1");
    }

    @Test
    void itsOwnDeathTouchesNoSlotAndIsPunishedAsAnyOther() throws Exception {
        waiting();
        cluster.exited(3, 137);
        assertThat(host.take()).containsExactly("spawn 0/4");
        assertThat(spare().lastExit())
                .isNotNull()
                .extracting(Status.ExitStatus::signal)
                .isEqualTo("SIGKILL");
        cluster.hello(4);
        cluster.exited(4, 1);
        assertThat(host.take()).isEmpty();
        assertThat(spare().state()).isEqualTo("BACKOFF");
        cluster.pass(2);
        assertThat(host.take()).containsExactly("spawn 0/5");
        assertThat(cluster.status()).containsExactly("1/1 READY 1", "2/2 READY 1");
        assertThat(cluster.log).anyMatch(line -> line.startsWith("worker spare/3 (pid 1003) died"));
    }

    @Test
    void oneThatDoesNotTakeItsSlotIsKilledAndTheSlotFilledAsWithoutIt() throws Exception {
        waiting();
        cluster.exited(1, 137);
        cluster.pass(Spare.PATIENCE.toSeconds());
        assertThat(host.take()).containsExactly("move 3 to 1", "kill 3");
        cluster.exited(3, 137);
        cluster.pass(2);
        assertThat(host.take()).containsExactly("spawn 1/4");
        assertThat(cluster.log).anyMatch(line -> line.contains("not ready within 10.0 s"));
    }

    @Test
    void aReloadReplacesItLast() throws Exception {
        Wire spare = waiting();
        CompletableFuture<Message.Reply> reload = cluster.ask("reload");
        int id = 4;
        for (int slot = 1; slot <= 2; slot++, id++) {
            cluster.ready(id);
            cluster.pass(6);
            cluster.said(slot, new Message.Drained());
            assertThat(spare().id()).isEqualTo(3);
            cluster.exited(slot, 0);
        }
        assertThat(reload).isDone();
        assertThat(cluster.status()).containsExactly("1/4 READY 2", "2/5 READY 2");
        cluster.step();
        assertThat(spare.receive()).isInstanceOf(Message.Stop.class);
        host.take();
        cluster.exited(3, 0);
        assertThat(host.take()).contains("spawn 0/6");
        cluster.ready(6);
        assertThat(spare().generation()).isEqualTo(2);
    }

    @Test
    void aBadDeployLeavesItAsItIs() throws Exception {
        waiting();
        CompletableFuture<Message.Reply> reload = cluster.ask("reload");
        cluster.exited(4, 1);
        assertThat(reload.join().exitCode()).isEqualTo(Operation.REFUSED);
        cluster.pass(20);
        assertThat(spare().id()).isEqualTo(3);
        assertThat(spare().state()).isEqualTo("READY");
        cluster.exited(1, 137);
        assertThat(cluster.status()).containsExactly("1/3 STARTING 1", "2/2 READY 1");
    }

    @Test
    void anotherSlotIsFilledByIt() throws Exception {
        waiting();
        CompletableFuture<Message.Reply> scale = cluster.ask("scale", "3");
        cluster.step();
        assertThat(cluster.status()).containsExactly("1/1 READY 1", "2/2 READY 1", "3/3 STARTING 1");
        cluster.said(3, new Message.Ready());
        assertThat(scale.join().exitCode()).isZero();
    }

    @Test
    void itLeavesWithTheCluster() throws Exception {
        Wire spare = waiting();
        CompletableFuture<Message.Reply> stop = cluster.ask("stop");
        assertThat(spare.receive()).isInstanceOf(Message.Stop.class);
        for (int id = 1; id <= 3; id++) {
            assertThat(cluster.supervisor.finished()).isFalse();
            cluster.exited(id, 0);
        }
        assertThat(stop).isNotCompletedExceptionally();
        assertThat(cluster.supervisor.finished()).isTrue();
    }

    @Test
    void withoutTheOptionThereIsNone() throws Exception {
        try (PaperCluster other = new PaperCluster(temporary.resolve("other"))) {
            other.bothReady();
            assertThat(other.host.take()).isEmpty();
            assertThat(other.supervisor.status(other.host.now).spare()).isNull();
            assertThat(other.supervisor.status(other.host.now).json()).doesNotContain("spare");
        }
    }
}
