package dev.clowder.launcher.supervisor;

import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;

/**
 * How long a slot waits before its next worker: not at all after a stable run, then 1 s x 1.5^n with 20 % jitter up to
 * 30 s while workers keep dying young. Time is given in nanoseconds of a monotonic clock. Not thread-safe.
 */
final class RestartDelay {
    static final long FIRST = TimeUnit.SECONDS.toNanos(1);
    static final long CAP = TimeUnit.SECONDS.toNanos(30);
    /** A worker that lived this long after it was ready did not die of its start. */
    static final long STABLE = TimeUnit.SECONDS.toNanos(10);

    private static final double GROWTH = 1.5;
    private static final double JITTER = 0.2;

    private final RandomGenerator random;
    private int young;

    RestartDelay(RandomGenerator random) {
        this.random = random;
    }

    /** A worker died before it was ready. */
    long afterFailedStart() {
        young++;
        return delay(young - 1);
    }

    /** A worker died this long after it became ready; the first such death costs no wait, however soon it came. */
    long afterDeath(long readyFor) {
        if (readyFor >= STABLE) {
            young = 0;
            return 0;
        }
        young++;
        return young == 1 ? 0 : delay(young - 2);
    }

    /** Deaths in a row that came too soon. */
    int young() {
        return young;
    }

    private long delay(int n) {
        double jitter = 1 - JITTER + 2 * JITTER * random.nextDouble();
        return Math.min(CAP, (long) (FIRST * Math.pow(GROWTH, n) * jitter));
    }
}
