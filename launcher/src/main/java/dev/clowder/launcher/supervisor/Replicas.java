package dev.clowder.launcher.supervisor;

import dev.clowder.launcher.wire.Message;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;

/**
 * Which workers hold copies of sessions, and the key with which they talk about them. The key is made at the start of the
 * supervisor, or comes from workers of the one before; it is told over the control connection only. Belongs to the
 * supervisor's thread.
 */
final class Replicas {
    private static final int KEY_BYTES = 16;

    private final Workers workers;
    private final List<Worker> waiting = new ArrayList<>();
    /** Ids of those that did not take copies; one that has not come back from another supervisor is ended when it does. */
    private final Set<Integer> lost = new HashSet<>();

    private String key;
    /** Whether some worker has the key: it can't be another one from then on. */
    private boolean given;

    Replicas(Workers workers) {
        this.workers = workers;
        byte[] random = new byte[KEY_BYTES];
        new SecureRandom().nextBytes(random);
        key = HexFormat.of().formatHex(random);
    }

    /** Takes in what a worker says of it. */
    void said(Worker worker, Message message, long now) {
        if (message instanceof Message.JoinReplicas) {
            waiting.add(worker);
        } else if (message instanceof Message.Replica replica) {
            holds(worker, replica, now);
        } else if (message instanceof Message.ReplicaLost lost) {
            lost(lost.id(), now);
        }
    }

    private void holds(Worker worker, Message.Replica replica, long now) {
        worker.keyUnknown = false;
        if (replica.key().isEmpty()) {
            return;
        }
        if (given && !replica.key().equals(key)) {
            workers.kill(worker, "its sessions have a key of an earlier supervisor", now);
            return;
        }
        key = replica.key();
        given = true;
        worker.order(new Message.Replicas(others(worker)));
        worker.replica = replica;
        if (lost.contains(worker.id)) {
            end(worker, now);
        }
    }

    private List<Message.Replica> others(Worker worker) {
        List<Message.Replica> others = new ArrayList<>();
        for (Worker other : workers.all()) {
            if (other != worker && other.replica != null) {
                others.add(other.replica);
            }
        }
        return others;
    }

    private void lost(int id, long now) {
        Worker worker = workers.find(id);
        if (worker != null && lost.add(id) && worker.replica != null) {
            end(worker, now);
        }
    }

    /** It would go on with old copies if it came to itself again. One that has drained holds none any more. */
    private void end(Worker worker, long now) {
        workers.kill(worker, "did not take copies of sessions", now);
    }

    /** Hands out the key, once every worker that may know an older one has come back. */
    void step() {
        if (waiting.isEmpty() || workers.all().stream().anyMatch(worker -> worker.awaited || worker.keyUnknown)) {
            return;
        }
        for (Iterator<Worker> next = waiting.iterator(); next.hasNext(); next.remove()) {
            given = true;
            next.next().order(new Message.ReplicaKey(key));
        }
    }

    /** It has stopped its applications, or its process has ended. */
    void left(Worker worker) {
        waiting.remove(worker);
        lost.remove(worker.id);
        if (worker.replica != null) {
            worker.replica = null;
            for (Worker other : workers.all()) {
                if (other != worker && (other.replica != null || other.state == WorkerState.STARTING)) {
                    other.order(new Message.ReplicaGone(worker.id));
                }
            }
        }
    }

    /** Whether a ready worker that stays holds what those hold that go; one that died a moment ago may be on its way. */
    static boolean copiesStay(Workers workers, Predicate<WorkerSlot> goes) {
        boolean leave = workers.slots().stream().anyMatch(slot -> goes.test(slot) && holds(slot));
        return !leave
                || workers.slots().stream()
                        .anyMatch(slot -> !goes.test(slot)
                                && holds(slot)
                                && slot.current != null
                                && slot.current.state == WorkerState.READY);
    }

    private static boolean holds(WorkerSlot slot) {
        return slot.current != null && slot.current.replica != null;
    }
}
