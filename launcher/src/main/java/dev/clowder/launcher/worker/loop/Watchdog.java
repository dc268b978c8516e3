package dev.clowder.launcher.worker.loop;

import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Takes the loop from a leader that is stuck in a request. Looks seldom, and twice more before it acts; sleeps while there
 * are no requests.
 */
final class Watchdog implements Runnable {
    /**
     * How often it looks, in nanoseconds.
     *
     * @param look while there are requests
     * @param doubt after it has seen one run
     * @param patience without a request, until it sleeps
     */
    record Ticks(long look, long doubt, long patience) {
        /** One look in a millisecond would eat a fifth of what the loop saves. */
        static final Ticks USUAL = new Ticks(10_000_000, 1_000_000, 100_000_000);
    }

    private final Leadership leadership;
    private final Ticks ticks;
    private final Runnable grow;
    private volatile @Nullable Thread asleep;
    private volatile boolean over;

    /** @param grow called when no follower is left */
    Watchdog(Leadership leadership, Ticks ticks, Runnable grow) {
        this.leadership = leadership;
        this.ticks = ticks;
        this.grow = grow;
    }

    /** There is a request. Called by the leader after it has marked itself as running. */
    void notice() {
        Thread sleeper = asleep;
        if (sleeper != null) {
            asleep = null;
            LockSupport.unpark(sleeper);
        }
    }

    void close() {
        over = true;
        notice();
    }

    @Override
    public void run() {
        long last = leadership.look();
        long since = System.nanoTime();
        while (!over) {
            long seen = leadership.look();
            if (leadership.waiting() == 0) {
                askForAnother();
            }
            if (Leadership.isRunning(seen) && isStuck(seen)) {
                leadership.depose(seen);
            } else if (seen != last) {
                last = seen;
                since = System.nanoTime();
                LockSupport.parkNanos(ticks.look);
            } else if (System.nanoTime() - since > ticks.patience) {
                sleep(seen);
            } else {
                LockSupport.parkNanos(ticks.look);
            }
        }
    }

    /** Without this thread no leader would ever be replaced: whatever goes wrong, it looks again. */
    private void askForAnother() {
        try {
            grow.run();
        } catch (Throwable e) {
            // Such as no memory for the line that says so.
        }
    }

    /** At once if the thread waits for something; one that computes, or is in a system call, gets another tick. */
    private boolean isStuck(long seen) {
        LockSupport.parkNanos(ticks.doubt);
        if (leadership.look() != seen) {
            return false;
        }
        Thread leader = leadership.leader();
        if (leader != null && leader.getState() == Thread.State.RUNNABLE) {
            LockSupport.parkNanos(ticks.doubt);
        }
        return leadership.look() == seen;
    }

    private void sleep(long seen) {
        asleep = Thread.currentThread();
        // A leader that began before it could see the sleeper is seen here.
        if (leadership.look() == seen && !over) {
            LockSupport.park(this);
        }
        asleep = null;
    }
}
