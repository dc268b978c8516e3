package dev.clowder.launcher.supervisor;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;

/**
 * How long a slot waits for its next worker: not at all after a stable run, then 1 s x 1.5^n up to 30 s with 20 % jitter
 * while workers keep dying young. Five such deaths within a minute are a crash loop: from then on one try every 30 s,
 * until one is stable. Time is given in nanoseconds of a monotonic clock. Not thread-safe.
 */
final class RestartDelay {
    static final long FIRST = TimeUnit.SECONDS.toNanos(1);
    static final long CAP = TimeUnit.SECONDS.toNanos(30);
    /** A worker that lived this long after it was ready did not die of its start. */
    static final long STABLE = TimeUnit.SECONDS.toNanos(10);

    static final int LOOP_DEATHS = 5;
    static final long LOOP_TIME = TimeUnit.SECONDS.toNanos(60);
    static final long QUARANTINE = TimeUnit.SECONDS.toNanos(30);

    private static final double GROWTH = 1.5;
    private static final double JITTER = 0.2;

    private final RandomGenerator random;
    private final Deque<Long> deaths = new ArrayDeque<>();
    private int young;
    private boolean quarantined;

    RestartDelay(RandomGenerator random) {
        this.random = random;
    }

    /** A worker died before it was ready. */
    long afterFailedStart(long now) {
        died(now);
        return quarantined ? QUARANTINE : delay(young - 1);
    }

    /** A worker died this long after it became ready; the first such death costs no wait, however soon it came. */
    long afterDeath(long readyFor, long now) {
        if (readyFor >= STABLE) {
            forget();
            return 0;
        }
        died(now);
        if (quarantined) {
            return QUARANTINE;
        }
        return young == 1 ? 0 : delay(young - 2);
    }

    /** A new start with a clean record: other applications, or the operator's wish. */
    void forget() {
        young = 0;
        deaths.clear();
        quarantined = false;
    }

    /** Deaths in a row that came too soon. */
    int young() {
        return young;
    }

    /** Whether they came so fast that the slot is only tried now and then. */
    boolean quarantined() {
        return quarantined;
    }

    private void died(long now) {
        young++;
        deaths.add(now);
        if (deaths.size() > LOOP_DEATHS) {
            deaths.remove();
        }
        quarantined |= deaths.size() == LOOP_DEATHS && now - deaths.getFirst() <= LOOP_TIME;
    }

    private long delay(int n) {
        double jitter = 1 - JITTER + 2 * JITTER * random.nextDouble();
        return Math.min(CAP, (long) (FIRST * Math.pow(GROWTH, n) * jitter));
    }
}
