package dev.clowder.launcher.supervisor;

import dev.clowder.launcher.wire.Message;
import dev.clowder.launcher.wire.Wire;
import java.io.IOException;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * One stable place for a worker, and what the supervisor knows of the process in it. Belongs to the supervisor's thread.
 * Times are nanoseconds of the host's clock.
 */
final class WorkerSlot {
    static final Message.Load NO_LOAD = new Message.Load(0, 0, 0, 0, 0);

    final int number;
    final RestartDelay delay;

    WorkerState state = WorkerState.BACKOFF;
    /** When the present state has lasted too long; in BACKOFF, when the next worker may start. */
    long deadline;

    int id;
    long pid;
    long spawnedAt;
    long readyAt;
    boolean wasReady;
    Message.Load load = NO_LOAD;
    /** Why the supervisor or the worker itself ended this life, once that is known. */
    @Nullable
    String endReason;

    int lives;

    @Nullable
    Exit lastExit;

    /** Whether another supervisor started the worker, and it has not come back yet. */
    boolean awaited;

    private @Nullable Wire wire;

    WorkerSlot(int number, long now, RandomGenerator random) {
        this.number = number;
        this.deadline = now;
        this.delay = new RestartDelay(random);
    }

    void spawned(int newId, long newPid, long now, long bootDeadline) {
        id = newId;
        pid = newPid;
        spawnedAt = now;
        wasReady = false;
        awaited = false;
        load = NO_LOAD;
        endReason = null;
        lives++;
        enter(WorkerState.Kind.SPAWNED, bootDeadline);
    }

    void ready(long now) {
        readyAt = now;
        wasReady = true;
        enter(WorkerState.Kind.READIED, Long.MAX_VALUE);
    }

    /** Back to an empty slot; says when the next worker may come. */
    void exited(Exit exit, long now) {
        lastExit = exit;
        disconnect();
        long wait = wasReady ? delay.afterDeath(now - readyAt) : delay.afterFailedStart();
        enter(WorkerState.Kind.EXITED, now + wait);
    }

    void enter(WorkerState.Kind kind, long newDeadline) {
        state = state.next(kind);
        deadline = newDeadline;
    }

    void connect(Wire newWire) {
        wire = newWire;
    }

    boolean connected() {
        return wire != null;
    }

    /** Whether this connection is the worker's; null stands for whichever it has. */
    boolean hasConnection(@Nullable Wire which) {
        return wire != null && (which == null || wire == which);
    }

    /** Sends an order without waiting; a worker that can't be reached is about to be reported dead. */
    boolean order(Message message) {
        Wire connection = wire;
        if (connection == null) {
            return false;
        }
        try {
            return connection.post(message);
        } catch (IOException e) {
            return false;
        }
    }

    /** Closes our side of the control connection; true if there was one. */
    boolean disconnect() {
        Wire connection = wire;
        wire = null;
        if (connection == null) {
            return false;
        }
        try {
            connection.close();
        } catch (IOException e) {
            // The other side is gone already.
        }
        return true;
    }

    /** {@code 1/7 (pid 4711)}: slot, id and process, as log lines name a worker. */
    String name() {
        return number + "/" + id + " (pid " + pid + ")";
    }
}
