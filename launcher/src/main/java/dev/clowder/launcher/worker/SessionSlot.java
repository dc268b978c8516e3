package dev.clowder.launcher.worker;

import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Whether this worker has the sessions of one slot, and how many of its requests use them at the moment. Thread-safe,
 * without a lock.
 */
final class SessionSlot {
    /** Added while the sessions are not here: far below whatever the count is. */
    private static final int AWAY = Integer.MIN_VALUE / 2;

    private final AtomicInteger users = new AtomicInteger(AWAY);
    private volatile @Nullable Path predecessor;

    /** Begins a request; false if the sessions are not here, or about to leave. */
    boolean enter() {
        return users.getAndUpdate(count -> count < 0 ? count : count + 1) >= 0;
    }

    /** Ends a request that {@link #enter} has begun, also when the sessions have left meanwhile. */
    void exit() {
        users.decrementAndGet();
    }

    boolean isHere() {
        return users.get() >= 0;
    }

    /** From now on requests enter. */
    void open() {
        users.getAndUpdate(count -> count < 0 ? count - AWAY : count);
    }

    /** From now on no request enters. */
    void close() {
        users.getAndUpdate(count -> count < 0 ? count : count + AWAY);
    }

    /** Whether, after {@link #close}, the last request has ended. */
    boolean isQuiet() {
        return users.get() == AWAY;
    }

    /** Where sessions may be that were begun after the others had come from there; null if that worker is gone. */
    @Nullable
    Path predecessor() {
        return predecessor;
    }

    void setPredecessor(@Nullable Path socket) {
        predecessor = socket;
    }
}
