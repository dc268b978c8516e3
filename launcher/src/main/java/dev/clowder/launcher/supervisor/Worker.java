package dev.clowder.launcher.supervisor;

import dev.clowder.launcher.wire.Counts;
import dev.clowder.launcher.wire.Message;
import dev.clowder.launcher.wire.Wire;
import java.io.IOException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * One worker process from its start to its end; its id is never used again. Belongs to the supervisor's thread. Times are
 * nanoseconds of the host's clock.
 */
final class Worker {
    static final Message.Load NO_LOAD = new Message.Load(0, 0, 0, 0, 0, null);
    /** A worker that has said nothing at all by then has a wrong command line, not a slow application. */
    static final long HELLO_LIMIT = TimeUnit.SECONDS.toNanos(15);
    /** Unless it was given so much of a processor in that time: then the machine is overloaded, and the JVM still loads. */
    static final long LEAST_PROGRESS = TimeUnit.MILLISECONDS.toNanos(200);

    /** Its place: that of the spare until it was given one that serves. */
    WorkerSlot slot;

    final int id;
    final long pid;
    final Generation generation;
    final long spawnedAt;

    WorkerState state = WorkerState.BACKOFF.next(WorkerState.Kind.SPAWNED);
    /** When the present state has lasted too long. */
    long deadline;

    /** When what it does at the moment was begun: its boot, or to take a slot. */
    long begunAt;

    /** When it should have said its first word. */
    long helloDue;

    long readyAt;
    boolean wasReady;
    /** Whether another supervisor started it, and it has not come back yet. */
    boolean awaited;
    /** Its leaving was wanted: its end is no death. */
    boolean asked;

    Message.Load load = NO_LOAD;
    /** Where it takes copies of sessions; null while it holds none. */
    Message.@Nullable Replica replica;
    /** Whether it came from another supervisor and has not said yet which key of sessions it has. */
    boolean keyUnknown;

    /** Why the supervisor or the worker itself ended this life, once that is known. */
    @Nullable
    String endReason;

    /** Set when the process is gone. */
    @Nullable
    Exit exit;

    private @Nullable Watch watch;
    private long processorTime;
    private long doubtedAt;
    private @Nullable Wire wire;

    Worker(WorkerSlot slot, int id, long pid, Generation generation, long now, long bootDeadline) {
        this.slot = slot;
        this.id = id;
        this.pid = pid;
        this.generation = generation;
        spawnedAt = now;
        begunAt = now;
        deadline = bootDeadline;
        helloDue = now + HELLO_LIMIT;
    }

    /**
     * Whether it will never say its first word, which is due. One that came forward has the same time once more, up to the
     * boot time-out.
     */
    boolean isStuck(long now, long usedSoFar) {
        if (usedSoFar - processorTime < LEAST_PROGRESS) {
            return true;
        }
        processorTime = usedSoFar;
        helloDue = now + HELLO_LIMIT;
        return false;
    }

    void ready(long now) {
        readyAt = now;
        wasReady = true;
        watch = new Watch(now);
        enter(WorkerState.Kind.READIED, Long.MAX_VALUE);
    }

    /** Gives a spare worker a slot: it has to become ready there. */
    void take(WorkerSlot newSlot, long now, long newDeadline) {
        slot = newSlot;
        begunAt = now;
        wasReady = false;
        enter(WorkerState.Kind.PLACED, newDeadline);
    }

    /** Its signs of life; null before it was ready and when it was told to leave. */
    @Nullable
    Watch watch() {
        return state.serves() ? watch : null;
    }

    void beat(Message.Load newLoad, long now) {
        load = newLoad;
        if (watch != null) {
            watch.beat(newLoad, now);
        }
    }

    /** What it has counted, as of its last beat. */
    Counts counts() {
        return load.insides() == null ? Counts.NONE : load.insides().counts();
    }

    void doubt(long now, long usedSoFar) {
        doubtedAt = now;
        processorTime = usedSoFar;
        enter(WorkerState.Kind.DOUBTED, Long.MAX_VALUE);
    }

    /** Whether it used half a core or more since it was doubted: busy is not stopped. */
    boolean busy(long now, long used) {
        return used - processorTime > (now - doubtedAt) / 2;
    }

    void enter(WorkerState.Kind kind, long newDeadline) {
        state = state.next(kind);
        deadline = newDeadline;
    }

    /** The supervisor was away for this long: no deadline of this time counts. */
    void forgive(long gap) {
        helloDue += gap;
        readyAt += gap;
        if (deadline != Long.MAX_VALUE) {
            deadline += gap;
        }
        if (watch != null) {
            watch.forgive(gap);
        }
    }

    boolean gone() {
        return exit != null;
    }

    /** Ready for so long without a doubt. */
    boolean readyFor(long time, long now) {
        return state == WorkerState.READY && now - readyAt >= time;
    }

    /** Expected back from a supervisor that is gone, which saw it serve: its death would be none of a bad start. */
    void await(long now, long patience) {
        awaited = true;
        wasReady = true;
        readyAt = now - RestartDelay.STABLE;
        deadline = now + patience;
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

    /** {@code 1/7 (pid 4711)}: slot, id and process, as log lines name a worker; {@code spare/7} without a slot. */
    String name() {
        return (slot.number == 0 ? "spare" : slot.number) + "/" + id + " (pid " + pid + ")";
    }
}
