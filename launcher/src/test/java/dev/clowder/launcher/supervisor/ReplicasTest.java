package dev.clowder.launcher.supervisor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.launcher.wire.Message;
import dev.clowder.launcher.wire.Wire;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the supervisor does for workers that hold copies of sessions, on a host of paper. */
class ReplicasTest {
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

    /** Its words until it holds copies; returns the key. */
    private String join(Wire worker, int id, Message... others) throws Exception {
        cluster.said(id, new Message.JoinReplicas());
        Message.ReplicaKey key = (Message.ReplicaKey) worker.receive();
        cluster.said(id, new Message.Replica(id, key.key()));
        assertThat(worker.receive()).isEqualTo(new Message.Replicas(replicas(others)));
        return key.key();
    }

    private static List<Message.Replica> replicas(Message... others) {
        return List.of(others).stream().map(Message.Replica.class::cast).toList();
    }

    /** Two that are ready and hold copies; returns their connections behind everything said so far, and the key. */
    private record Pair(Wire first, Wire second, String key) {}

    private Pair pair() throws Exception {
        cluster.step();
        Wire first = cluster.hello(1);
        assertThat(first.receive()).isInstanceOf(Message.Start.class);
        String key = join(first, 1);
        cluster.said(1, new Message.Ready());
        cluster.alive.add(1);
        Wire second = cluster.hello(2);
        assertThat(second.receive()).isInstanceOf(Message.Start.class);
        assertThat(join(second, 2, new Message.Replica(1, key))).isEqualTo(key);
        cluster.said(2, new Message.Ready());
        cluster.alive.add(2);
        cluster.host.take();
        return new Pair(first, second, key);
    }

    @Test
    void eachNewOneIsToldTheKeyAndWhoIsThere() throws Exception {
        assertThat(pair().key()).hasSize(32);
    }

    @Test
    void theOthersAreToldOfADeath() throws Exception {
        Pair pair = pair();
        cluster.exited(2, 137);
        assertThat(pair.first().receive()).isEqualTo(new Message.ReplicaGone(2));
    }

    @Test
    void whoDoesNotTakeCopiesIsKilled() throws Exception {
        pair();
        cluster.said(1, new Message.ReplicaLost(2));
        assertThat(cluster.host.take()).containsExactly("kill 2");
        cluster.said(1, new Message.ReplicaLost(99));
        assertThat(cluster.host.take()).isEmpty();
        // Its process may take its time, in a system call that does not end.
        assertThat(cluster.status()).containsExactly("1/1 READY 1", "2/2 STOPPING 1");
        cluster.pass(60);
        assertThat(cluster.host.take()).contains("kill 2");
    }

    @Test
    void whoDoesNotTakeCopiesIsKilledOnceAlsoIfItDoesNotStop() throws Exception {
        pair();
        CompletableFuture<Message.Reply> scaled = cluster.ask("scale", "1");
        assertThat(cluster.status()).containsExactly("1/1 READY 1", "2/2 DRAINING 1");
        cluster.pass(31);
        assertThat(cluster.status()).containsExactly("1/1 READY 1", "2/2 STOPPING 1");
        cluster.host.take();
        cluster.said(1, new Message.ReplicaLost(2));
        cluster.said(1, new Message.ReplicaLost(2));
        assertThat(cluster.host.take()).containsExactly("kill 2");
        assertThat(scaled).isNotDone();
    }

    @Test
    void whoHasDrainedMayStopInPeace() throws Exception {
        pair();
        CompletableFuture<Message.Reply> scaled = cluster.ask("scale", "1");
        cluster.said(2, new Message.Drained());
        cluster.host.take();
        cluster.said(1, new Message.ReplicaLost(2));
        assertThat(cluster.host.take()).isEmpty();
        assertThat(scaled).isNotDone();
    }

    @Test
    void whoDidNotTakeCopiesWhileThereWasNoSupervisorIsKilledWhenItComesBack() throws Exception {
        cluster.supervisor.adopt(
                List.of(new Survivor(1, 4, 1004, "1@boot", 1), new Survivor(2, 5, 1005, "1@boot", 1)), 5);
        cluster.step();
        cluster.hello(5, true);
        cluster.said(5, new Message.Replica(5, "old key"));
        cluster.said(5, new Message.ReplicaLost(4));
        cluster.hello(4, true);
        assertThat(cluster.host.take()).isEmpty();
        cluster.said(4, new Message.Replica(4, "old key"));
        assertThat(cluster.host.take()).containsExactly("kill 4");
    }

    @Test
    void scalingDownWaitsForCopiesInAWorkerThatStays() throws Exception {
        Pair pair = pair();
        cluster.exited(1, 137);
        assertThat(pair.second().receive()).isEqualTo(new Message.ReplicaGone(1));
        CompletableFuture<Message.Reply> scaled = cluster.ask("scale", "1");
        cluster.pass(3);
        assertThat(cluster.status()).contains("2/2 READY 1");
        Wire third = cluster.hello(3);
        assertThat(third.receive()).isInstanceOf(Message.Start.class);
        join(third, 3, new Message.Replica(2, pair.key()));
        cluster.said(3, new Message.Ready());
        cluster.alive.add(3);
        assertThat(cluster.status()).containsExactly("1/3 READY 1", "2/2 DRAINING 1");
        cluster.exited(2, 0);
        assertThat(scaled.get().exitCode()).isZero();
    }

    @Test
    void theKeyOfWorkersThatCameBackIsTheirs() throws Exception {
        cluster.supervisor.adopt(List.of(new Survivor(1, 4, 1004, "1@boot", 1)), 4);
        cluster.step();
        cluster.pass(1);
        Wire fresh = cluster.hello(5);
        assertThat(fresh.receive()).isInstanceOf(Message.Start.class);
        cluster.said(5, new Message.JoinReplicas());
        Wire back = cluster.hello(4, true);
        assertThat(back.receive()).isInstanceOf(Message.Adopted.class);
        cluster.said(4, new Message.Replica(4, "old key"));
        assertThat(fresh.receive()).isEqualTo(new Message.ReplicaKey("old key"));
    }
}
