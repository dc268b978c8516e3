package dev.clowder.launcher.acceptor;

import dev.clowder.launcher.config.AcceptMode;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Chooses the worker that gets the next connection. Does no I/O and reads no clock; for one thread.
 *
 * <p>Both policies pass over a worker that is not ready, not connected, has given a connection back since it last had
 * room, or leaves {@value #MOST_UNACKNOWLEDGED} hand-overs unacknowledged. When that is everybody there is no choice, and
 * clients wait in the kernel's queue.
 *
 * <ul>
 *   <li>{@code round-robin}: first come, first served among the workers that have acknowledged everything, as in Node's
 *       {@code RoundRobinHandle}; only when there is none, those with the fewest unacknowledged hand-overs.
 *   <li>{@code least-connections}: the fewest open connections, the longest not chosen among equals.
 * </ul>
 *
 * <p>A worker whose JVM is cold takes its turn less often: of the turns that it would have, it gets a tenth at first and
 * all of them {@value #RAMP_SECONDS} s after it was first ready.
 */
final class Balancer {
    static final int NOBODY = -1;
    static final int MOST_UNACKNOWLEDGED = 16;
    static final long RAMP_SECONDS = 10;

    private static final long FULL_SHARE = TimeUnit.SECONDS.toNanos(RAMP_SECONDS);
    private static final long LEAST_SHARE = FULL_SHARE / 10;
    private static final Comparator<Worker> IDLE_FIRST =
            Comparator.<Worker>comparingInt(w -> w.unacknowledged).thenComparingLong(w -> w.turn);
    private static final Comparator<Worker> FEWEST_CONNECTIONS_FIRST = Comparator.<Worker>comparingInt(
                    w -> w.connections + w.unacknowledged)
            .thenComparingLong(w -> w.turn);

    private final Comparator<Worker> order;
    private final boolean ramp;
    private final Map<Integer, Worker> workers = new HashMap<>();
    private long turns;

    private static final class Worker {
        final int id;
        boolean ready;
        boolean connected;
        boolean full;
        /** When it was first ready. */
        long since;
        /** Lower numbers have waited longer for a connection. */
        long turn;
        /** What is left over of shares too small to be a connection. */
        long credit;

        int unacknowledged;
        int connections;

        Worker(int id) {
            this.id = id;
        }

        boolean canTake() {
            return ready && connected && !full && unacknowledged < MOST_UNACKNOWLEDGED;
        }

        long share(long now) {
            return Math.max(LEAST_SHARE, Math.min(FULL_SHARE, now - since));
        }
    }

    /**
     * @param policy {@link AcceptMode#ROUND_ROBIN} or {@link AcceptMode#LEAST_CONNECTIONS}
     * @param ramp whether a worker that is just ready begins with few of the turns
     */
    Balancer(AcceptMode policy, boolean ramp) {
        this.ramp = ramp;
        this.order = policy == AcceptMode.LEAST_CONNECTIONS ? FEWEST_CONNECTIONS_FIRST : IDLE_FIRST;
    }

    /** Names those that may get connections; replaces those named before. */
    void ready(Collection<Integer> ids, long now) {
        for (Worker worker : List.copyOf(workers.values())) {
            worker.ready = false;
        }
        for (int id : ids) {
            Worker worker = workers.get(id);
            if (worker == null || worker.since == 0) {
                worker = worker(id);
                worker.since = now == 0 ? 1 : now;
                worker.turn = ++turns;
            }
            worker.ready = true;
        }
        forget();
    }

    /** There is a way to hand connections over to it. */
    void connected(int id) {
        Worker worker = worker(id);
        worker.connected = true;
        worker.full = false;
        worker.unacknowledged = 0;
    }

    /** There is none any more; what it had not acknowledged is somebody else's. */
    void disconnected(int id) {
        Worker worker = worker(id);
        worker.connected = false;
        worker.unacknowledged = 0;
        forget();
    }

    /** Whether {@link #next} would choose somebody. */
    boolean canChoose() {
        for (Worker worker : workers.values()) {
            if (worker.canTake()) {
                return true;
            }
        }
        return false;
    }

    /**
     * Chooses, and counts one hand-over to the chosen one.
     *
     * @return its id, or {@link #NOBODY}
     */
    int next(long now) {
        Worker chosen = first(now);
        if (chosen == null) {
            return NOBODY;
        }
        chosen.turn = ++turns;
        chosen.unacknowledged++;
        return chosen.id;
    }

    /** A hand-over was acknowledged; the worker has this many connections now. */
    void taken(int id, int connections) {
        Worker worker = worker(id);
        worker.unacknowledged--;
        worker.connections = connections;
        if (worker.unacknowledged == 0) {
            worker.turn = ++turns;
        }
    }

    /** A hand-over to the chosen one could not be sent. */
    void unsent(int id) {
        worker(id).unacknowledged--;
    }

    /** A hand-over was refused, and the next one would be too. */
    void givenBack(int id) {
        Worker worker = worker(id);
        worker.unacknowledged--;
        worker.full = true;
    }

    /** It takes connections, again or still, and has this many. */
    void room(int id, int connections) {
        Worker worker = worker(id);
        worker.full = false;
        worker.connections = connections;
    }

    /** The first in line; one that is passed over because its share is small saves for its next turn. */
    private @Nullable Worker first(long now) {
        List<Worker> line = new ArrayList<>(workers.size());
        for (Worker worker : workers.values()) {
            if (worker.canTake()) {
                line.add(worker);
            }
        }
        line.sort(order);
        while (!line.isEmpty()) {
            for (Worker worker : line) {
                worker.credit += ramp ? worker.share(now) : FULL_SHARE;
                if (worker.credit >= FULL_SHARE) {
                    worker.credit -= FULL_SHARE;
                    return worker;
                }
                worker.turn = ++turns;
            }
        }
        return null;
    }

    private Worker worker(int id) {
        return workers.computeIfAbsent(id, Worker::new);
    }

    private void forget() {
        workers.values().removeIf(worker -> !worker.ready && !worker.connected);
    }
}
