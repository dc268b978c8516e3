package dev.clowder.launcher.supervisor;

import dev.clowder.launcher.config.LauncherConfig;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * More or fewer slots. Over when each new one has a ready worker and those that are too many are gone; a slot that was there
 * before, ready or not, is none of its business.
 */
final class Scaling extends Operation {
    private final Workers workers;
    private final int before;
    private final int count;
    private boolean begun;
    private @Nullable String failure;

    Scaling(Instant since, Event.Caller caller, Observer observer, Workers workers, int count) {
        super("scale", since, caller, observer);
        this.workers = workers;
        this.before = workers.wanted();
        this.count = count;
    }

    /** How many workers there may be. */
    static int most(LauncherConfig config) {
        return config.oversubscribe() ? Integer.MAX_VALUE : Runtime.getRuntime().availableProcessors();
    }

    @Override
    boolean step(long now) {
        if (!begun) {
            if (!Replicas.copiesStay(workers, slot -> slot.number > count)) {
                // The next ready worker brings us back here.
                return false;
            }
            begun = true;
            say("from " + before + " to " + count);
            workers.want(count, now);
        }
        for (WorkerSlot slot : workers.slots()) {
            if (slot.number > before && slot.startProblem != null) {
                failure = "can't start a worker: " + slot.startProblem;
            }
        }
        if (failure != null) {
            workers.want(before, now);
            answer(REFUSED, "refused, back to " + before + ": " + failure);
            return true;
        }
        boolean there = workers.slots().stream()
                .filter(slot -> slot.number > Math.min(before, count) && slot.number <= Math.max(before, count))
                .allMatch(slot -> slot.number <= count && slot.current != null && slot.current.wasReady);
        if (there) {
            workers.keepWanted();
            int ready = workers.ready();
            answer(
                    Supervisor.OK,
                    "done, " + count + (count == 1 ? " worker" : " workers")
                            + (ready < count ? ", " + ready + " of them ready" : ""));
        }
        return there;
    }

    @Override
    int done() {
        return Math.min(count, workers.ready());
    }

    @Override
    int steps() {
        return count;
    }

    @Override
    long next() {
        return Long.MAX_VALUE;
    }

    @Override
    void died(Worker worker) {
        if (worker.slot.number > before && !worker.wasReady) {
            failure = "worker " + worker.name() + " "
                    + (worker.endReason != null
                            ? worker.endReason
                            : "died: " + (worker.exit == null ? "unknown" : worker.exit.cause()));
        }
    }
}
