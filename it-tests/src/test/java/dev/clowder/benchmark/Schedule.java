package dev.clowder.benchmark;

import java.util.Collection;
import java.util.concurrent.TimeUnit;

/**
 * When requests are due at a fixed rate, whatever became of those before: an answer that comes late delays no request, and
 * its time counts from when its request was due, not from when a connection was free to send it.
 *
 * @param perSecond requests, more than 0
 */
record Schedule(double perSecond) {
    private static final double NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final int STEP = 100;

    Schedule {
        if (!(perSecond > 0)) {
            throw new IllegalArgumentException("rate " + perSecond);
        }
    }

    /**
     * As much as is wanted, but no more than two thirds of what the slowest of all can; whole hundreds, at least one.
     *
     * @param wanted requests a second
     * @param most what each of the systems can, requests a second
     */
    static Schedule within(double wanted, Collection<Double> most) {
        double bearable = most.stream().mapToDouble(Double::doubleValue).min().orElse(2 * wanted) * 2 / 3;
        return new Schedule(Math.max(STEP, Math.floor(Math.min(wanted, bearable) / STEP) * STEP));
    }

    /** Nanoseconds from the start to when a request is due; the first has number 0. */
    long due(long number) {
        // Not a sum of rounded intervals, which would drift.
        return Math.round(number * NANOS / perSecond);
    }

    /** How many are due before this time is over. */
    long count(long nanos) {
        return (long) Math.ceil(nanos * perSecond / NANOS - 1e-9);
    }
}
