package dev.clowder.launcher.supervisor;

import dev.clowder.launcher.wire.Counts;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * One stable place for a worker: 1 to N. It has one current worker, or waits for one; while that is being replaced, a
 * successor that must prove itself, and those that are leaving. Belongs to the supervisor's thread. Times are nanoseconds
 * of the host's clock.
 */
final class WorkerSlot {
    private static final int KEPT_DEATHS = 5;

    final int number;
    final RestartDelay delay;

    @Nullable
    Worker current;

    @Nullable
    Worker successor;

    final List<Worker> leaving = new ArrayList<>();

    /** BACKOFF or QUARANTINED; counts only without a current worker. */
    WorkerState vacancy = WorkerState.BACKOFF;
    /** When the next worker may start, without a current one. */
    long retryAt;
    /** Why the last process could not even be started; null if it was. */
    @Nullable
    String startProblem;

    /** When its worker may be replaced for its memory. */
    long recycleFrom = Long.MIN_VALUE;
    /** Whether somebody else (a running replacement) decides what is started here. */
    boolean reserved;
    /** Whether it is on its way out of the cluster. */
    boolean retired;

    int lives;
    int lastId;

    @Nullable
    Exit lastExit;

    /** The last ends that nobody had asked for, newest first. */
    final Deque<Exit> deaths = new ArrayDeque<>();
    /** What its workers had counted that are gone. */
    private Counts ended = Counts.NONE;

    WorkerSlot(int number, long now, RandomGenerator random) {
        this.number = number;
        this.retryAt = now;
        this.delay = new RestartDelay(random);
    }

    /** Every process of this slot. */
    List<Worker> workers() {
        List<Worker> all = new ArrayList<>(leaving);
        if (current != null) {
            all.add(0, current);
        }
        if (successor != null) {
            all.add(successor);
        }
        return all;
    }

    boolean empty() {
        return current == null && successor == null && leaving.isEmpty();
    }

    void died(Exit exit) {
        deaths.addFirst(exit);
        if (deaths.size() > KEPT_DEATHS) {
            deaths.removeLast();
        }
    }

    /** What all its workers have counted, so far as they said. */
    Counts counts() {
        Counts all = ended;
        for (Worker worker : workers()) {
            all = all.plus(worker.counts());
        }
        return all;
    }

    /** Takes a dead worker off; without a current worker the slot waits for its time. */
    void remove(Worker worker, long now) {
        lastExit = worker.exit;
        ended = ended.plus(worker.counts());
        leaving.remove(worker);
        if (worker == successor) {
            successor = null;
        }
        if (worker != current) {
            return;
        }
        current = null;
        if (worker.asked) {
            retryAt = now;
        } else {
            retryAt =
                    now + (worker.wasReady ? delay.afterDeath(now - worker.readyAt, now) : delay.afterFailedStart(now));
        }
        vacancy = worker.state;
        if (delay.quarantined()) {
            vacancy = vacancy.next(WorkerState.Kind.CRASH_LOOP);
        }
    }

    /** Takes in a worker of another supervisor, of which nobody has heard yet. */
    void adopt(Worker worker) {
        lives++;
        lastId = Math.max(lastId, worker.id);
        if (current == null && !retired) {
            current = worker;
        } else {
            leaving.add(worker);
        }
    }

    /** An adopted worker serves; false if the slot has another one that does. */
    boolean cameBack(Worker worker) {
        if (worker == current) {
            return true;
        }
        if (retired || (current != null && !current.awaited)) {
            return false;
        }
        vacate();
        leaving.remove(worker);
        current = worker;
        return true;
    }

    /** An adopted worker is on its way out already. */
    void leaves(Worker worker) {
        if (worker == current) {
            vacate();
        }
    }

    /** The successor has proven itself; the worker before it, if there is still one, is only leaving. */
    void promote() {
        if (current != null) {
            leaving.add(current);
        }
        current = successor;
        successor = null;
    }

    /** The current worker is told to leave and the place is free for the next one. */
    void vacate() {
        if (current != null) {
            leaving.add(current);
            current = null;
        }
    }
}
