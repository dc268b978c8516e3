package dev.clowder.launcher.supervisor;

import dev.clowder.launcher.config.LauncherConfig;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Replaces the workers of some slots one after the other: a new one starts beside the old one, is ready, stays well for a
 * while, and only then the old one drains. With surge 0 the old one leaves first. When a new worker fails, those that were
 * replaced before go back to what they ran.
 */
final class Replacement extends Operation {
    /** A worker that dies on its first requests must stop the roll, not the cluster. */
    static final long STABLE = TimeUnit.SECONDS.toNanos(5);

    private enum Phase {
        /** Nothing is under way in any slot. */
        NEXT,
        /** Surge 0: the old worker leaves. */
        MAKING_ROOM,
        /** The new worker boots, then must stay well. */
        PROVING,
        /** The old worker finishes what it has. */
        LEAVING
    }

    private final Workers workers;
    private final int surge;
    private final Duration idle;
    private final String healthPath;
    /** From ready to the first good answer on the health path. */
    /** For a good answer, since it is ready: as long as for its start, but not without having been asked. */
    private final long patience;

    private final Deque<WorkerSlot> todo;
    private final int steps;
    private final Deque<WorkerSlot> done = new ArrayDeque<>();
    private final Set<Worker> fresh = new HashSet<>();
    private final Generation before;

    private Generation target;
    private Phase phase = Phase.NEXT;
    private @Nullable WorkerSlot slot;
    private @Nullable Worker old;
    private @Nullable Worker candidate;
    /** What is wrong with the workers that are being started now. */
    private @Nullable String trouble;
    /** Why the whole was given up, once it was. */
    private @Nullable String failure;

    private boolean goingBack;
    private long next = Long.MAX_VALUE;

    /**
     * @param config says how: surge, how long an old worker leaves idle connections open, what must be answered well
     * @param target what the new workers run; the same generation as before for a mere restart
     */
    Replacement(
            String name,
            Instant since,
            Event.Caller caller,
            Observer observer,
            Workers workers,
            Generation target,
            Collection<WorkerSlot> slots,
            LauncherConfig config) {
        super(name, since, caller, observer);
        this.workers = workers;
        this.target = target;
        this.before = workers.generation();
        this.todo = new ArrayDeque<>(slots);
        this.steps = slots.size();
        this.surge = config.surge();
        this.idle = config.timeouts().drain();
        this.healthPath = config.healthPath();
        this.patience = Math.max(config.timeouts().boot().toNanos(), STABLE + Watch.MISSES * Watch.PROBE_EVERY);
    }

    @Override
    boolean step(long now) {
        next = Long.MAX_VALUE;
        boolean moved = true;
        while (moved) {
            if (phase == Phase.NEXT && todo.isEmpty()) {
                finish();
                return true;
            }
            moved = switch (phase) {
                case NEXT -> begin(now);
                case MAKING_ROOM -> makeRoom(now);
                case PROVING -> prove(now);
                case LEAVING -> leave();
            };
        }
        return false;
    }

    @Override
    long next() {
        return next;
    }

    @Override
    void died(Worker worker) {
        if (fresh.contains(worker) && trouble == null) {
            trouble = "worker " + worker.name() + " "
                    + (worker.endReason != null
                            ? worker.endReason
                            : "died: " + (worker.exit == null ? "unknown" : worker.exit.cause()));
        }
    }

    @Override
    int done() {
        return done.size();
    }

    @Override
    int steps() {
        return steps;
    }

    private boolean begin(long now) {
        WorkerSlot first = todo.element();
        if (surge == 0 && workers.wanted() > 1 && !Replicas.copiesStay(workers, going -> going == first)) {
            // The next ready worker brings us back here.
            return false;
        }
        slot = todo.remove();
        old = slot.current;
        if (goingBack && old != null && old.generation.number() == target.number()) {
            // Its new worker had died, and what came after that runs what ran before.
            return true;
        }
        slot.reserved = true;
        if (surge == 0 && old != null) {
            say("slot " + slot.number + ": worker " + old.id + " leaves");
            slot.vacate();
            workers.drain(old, idle, now);
            phase = Phase.MAKING_ROOM;
        } else {
            start(now);
        }
        return true;
    }

    private boolean makeRoom(long now) {
        if (old != null && !old.gone()) {
            return false;
        }
        old = null;
        start(now);
        return true;
    }

    private void start(long now) {
        WorkerSlot place = slotNow();
        place.delay.forget();
        phase = Phase.PROVING;
        try {
            Worker started = workers.spawn(place, target, now);
            candidate = started;
            fresh.add(started);
            say("slot " + place.number + ": worker " + started.id + " starts");
        } catch (IOException e) {
            candidate = null;
            trouble = "can't start a worker: " + e.getMessage();
        }
    }

    /** Boots, is ready, stays well, answers its health path well. A doubt within that time is as good as a death. */
    private boolean prove(long now) {
        Worker proving = candidate;
        if (trouble != null || proving == null || proving.gone()) {
            fail(now);
            return true;
        }
        Watch watch = proving.watch();
        if (proving.state == WorkerState.SUSPECT && watch != null) {
            trouble = "worker " + proving.name() + " was ready and then suspect: " + watch.doubt(now);
            fail(now);
            return true;
        }
        if (proving.wasReady && proving.state != WorkerState.READY) {
            trouble = "worker " + proving.name() + " was ready and then told to leave";
            fail(now);
            return true;
        }
        if (!proving.readyFor(STABLE, now)) {
            next = proving.wasReady ? proving.readyAt + STABLE : Long.MAX_VALUE;
            return false;
        }
        // What ran before has nothing to prove but that it runs: to stay with half of each would be worse.
        if (!healthPath.isEmpty() && !goingBack && (watch == null || !watch.well())) {
            if (!proving.readyFor(patience, now)) {
                next = proving.readyAt + patience;
                return false;
            }
            trouble = "worker " + proving.name() + " gave no good answer to " + healthPath + " within "
                    + Text.seconds(patience);
            fail(now);
            return true;
        }
        WorkerSlot place = slotNow();
        if (proving == place.successor) {
            place.promote();
        }
        if (old != null && !old.gone()) {
            say("slot " + place.number + ": worker " + proving.id + " is well, worker " + old.id + " leaves");
            workers.drain(old, idle, now);
        }
        phase = Phase.LEAVING;
        return true;
    }

    private boolean leave() {
        if (old != null && !old.gone()) {
            return false;
        }
        WorkerSlot place = slotNow();
        place.reserved = false;
        done.add(place);
        if (!goingBack) {
            say("slot " + place.number + ": done, " + done.size() + " of " + steps);
        }
        phase = Phase.NEXT;
        if (trouble != null && !goingBack) {
            turnBack();
        }
        return true;
    }

    /** The candidate goes, the old worker, where there is one, goes on as if nothing had been. */
    private void fail(long now) {
        WorkerSlot place = slotNow();
        Worker failed = candidate;
        Watch watch = failed == null ? null : failed.watch();
        if (failed != null && !failed.gone()) {
            boolean hangs = failed.state == WorkerState.SUSPECT && (watch == null || !watch.ill());
            if (failed.wasReady && !hangs) {
                // Another one of its generation failed, it says itself that it is not well, or it leaves: it has
                // clients.
                workers.drain(failed, idle, now);
            } else {
                failed.asked = true;
                workers.kill(failed, String.valueOf(trouble), now);
            }
        }
        if (failed != null && place.current == failed) {
            place.vacate();
        } else if (failed != null && place.successor == failed) {
            place.leaving.add(failed);
            place.successor = null;
        }
        place.reserved = false;
        place.delay.forget();
        place.retryAt = now;
        phase = Phase.NEXT;
        if (goingBack) {
            todo.clear();
        } else {
            turnBack();
        }
    }

    private void turnBack() {
        goingBack = true;
        failure = trouble;
        trouble = null;
        todo.clear();
        if (target.number() != before.number()) {
            todo.addAll(done);
            target = before;
            if (!todo.isEmpty()) {
                say(failure + "; going back to what ran before");
            }
        }
        fresh.clear();
    }

    private void finish() {
        if (failure == null) {
            workers.commit(target);
            answer(Supervisor.OK, "done, " + steps + (steps == 1 ? " worker" : " workers"));
        } else {
            answer(REFUSED, "refused, the old workers still serve: " + failure);
        }
    }

    private WorkerSlot slotNow() {
        if (slot == null) {
            throw new IllegalStateException("no slot in phase " + phase);
        }
        return slot;
    }
}
