package dev.clowder.launcher.supervisor;

import java.time.Duration;
import java.util.List;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * The place of a worker that has booted and waits for a slot whose worker has died. It is a slot of its own, number 0, so
 * that its worker is watched, and its death punished, as any other; but nobody sends clients there. Belongs to the
 * supervisor's thread.
 */
final class Spare {
    /** Until a worker that has long booted must take clients; then the slot is filled as without a spare. */
    static final Duration PATIENCE = Duration.ofSeconds(10);

    final WorkerSlot place;
    private final boolean wanted;

    Spare(boolean wanted, long now, RandomGenerator random) {
        this.wanted = wanted;
        place = new WorkerSlot(0, now, random);
    }

    /** The next one is due at once, whatever became of those before it: that one was well, or ran other applications. */
    void forgive(long now) {
        place.delay.forget();
        place.vacancy = WorkerState.BACKOFF;
        place.retryAt = now;
    }

    boolean isWanted() {
        return wanted;
    }

    /** The worker that can take a slot of this generation now. */
    @Nullable
    Worker waiting(Generation generation) {
        Worker worker = place.current;
        return worker != null
                        && worker.state == WorkerState.READY
                        && worker.connected()
                        && worker.generation.number() == generation.number()
                ? worker
                : null;
    }

    /** A worker of another generation than that of all slots; it is of no use any more. */
    @Nullable
    Worker outdated(Generation generation) {
        Worker worker = place.current;
        return worker != null && worker.generation.number() != generation.number() ? worker : null;
    }

    /** Whether there is none, and nothing more urgent to do: all slots have their worker and none is being replaced. */
    boolean isMissing(List<WorkerSlot> slots) {
        return wanted
                && place.empty()
                && slots.stream()
                        .allMatch(slot -> !slot.reserved
                                && slot.successor == null
                                && slot.current != null
                                && slot.current.state == WorkerState.READY);
    }
}
