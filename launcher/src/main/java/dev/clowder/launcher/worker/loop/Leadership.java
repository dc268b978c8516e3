package dev.clowder.launcher.worker.loop;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Which one of some threads leads. Legal order for the leader: {@link #begin} and {@link #end} for each request that it
 * runs itself; when {@code end} says no, another leads, and it enlists again. While it runs a request anyone may
 * {@link #depose} it, once: whoever wins that swap, and nobody else, crowns a follower.
 *
 * <p>What is ready but not yet run belongs to the leadership: a crowned thread sees all that the leader before it wrote
 * until {@code begin}.
 */
final class Leadership {
    private static final long RUNNING = 1;
    private static final long LOST = 2;
    private static final int PHASE_BITS = 2;
    private static final long PHASE = (1 << PHASE_BITS) - 1;

    /** The number of the request, and whether the leader runs it (RUNNING), has lost (LOST) or loops (0). */
    private final AtomicLong state = new AtomicLong(LOST);

    /** The last that came is the first to go: its stack and caches are warm. Guarded by this. */
    private final Deque<LoopThread> followers = new ArrayDeque<>(CoreLoop.MOST_THREADS);

    private volatile int waiting;
    private volatile @Nullable LoopThread leader;
    private volatile boolean over;

    /** One more that may be crowned; it calls {@link #awaitTurn} next. */
    synchronized void enlist(LoopThread follower) {
        followers.push(follower);
        waiting = followers.size();
    }

    /** Crowns the first leader. */
    void open() {
        crown();
    }

    /** Returns when it is the caller's turn; false if there are no more turns. */
    boolean awaitTurn(LoopThread me) {
        while (!me.crowned && !over) {
            LockSupport.park(this);
            // An application that has kept the thread may interrupt it whenever it likes.
            Thread.interrupted();
        }
        me.crowned = false;
        return !over;
    }

    /** How many followers wait. While the leader sees one, it can be deposed: nobody else takes it away. */
    int waiting() {
        return waiting;
    }

    /**
     * Marks the leader as running a request, from now on until {@link #end}. Whatever another leader could find twice is
     * done before.
     */
    void begin(LoopThread me) {
        long ticket = (state.get() & ~PHASE) + (1 << PHASE_BITS);
        me.ticket = ticket;
        state.set(ticket | RUNNING);
    }

    /** Whether the caller, who ran a request since {@link #begin}, still leads. */
    boolean end(LoopThread me) {
        long ticket = me.ticket;
        me.ticket = 0;
        return ticket != 0 && state.compareAndSet(ticket | RUNNING, ticket);
    }

    /** Hands the loop on before the request of the calling thread is over. */
    void handOn(LoopThread me) {
        long ticket = me.ticket;
        if (ticket != 0) {
            me.ticket = 0;
            depose(ticket | RUNNING);
        }
    }

    /** What the leader does at this moment, to be compared and given to {@link #depose}. */
    long look() {
        return state.get();
    }

    static boolean isRunning(long look) {
        return (look & PHASE) == RUNNING;
    }

    /** Takes the loop from a leader that still runs the same request; false if it was over, or others were quicker. */
    boolean depose(long look) {
        if (waiting == 0 || !state.compareAndSet(look, (look & ~PHASE) | LOST)) {
            return false;
        }
        crown();
        return true;
    }

    /** Who led a moment ago. */
    @Nullable
    LoopThread leader() {
        return leader;
    }

    /** Ends all waiting. Called by the leader, which leaves. */
    synchronized void close() {
        over = true;
        followers.forEach(LockSupport::unpark);
    }

    private void crown() {
        LoopThread next;
        synchronized (this) {
            next = followers.pop();
            waiting = followers.size();
        }
        leader = next;
        // Nobody swaps LOST: it is still the caller's.
        state.set(state.get() & ~PHASE);
        next.crowned = true;
        LockSupport.unpark(next);
    }
}
