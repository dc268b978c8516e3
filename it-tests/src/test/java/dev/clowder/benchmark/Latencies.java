package dev.clowder.benchmark;

import java.util.Arrays;

/** Times that answers took; all of them are kept, so that the rare ones are exact. Not thread-safe. */
final class Latencies {
    private long[] nanos = new long[1024];
    private int size;
    private boolean sorted;

    void add(long time) {
        if (size == nanos.length) {
            nanos = Arrays.copyOf(nanos, 2 * size);
        }
        nanos[size++] = time;
        sorted = false;
    }

    int count() {
        return size;
    }

    /**
     * The time that this share of the answers did not exceed (nearest rank).
     *
     * @param share above 0, at most 1: 0.999 for the 99.9th percentile
     * @return milliseconds; NaN without any answer
     */
    double millis(double share) {
        if (size == 0) {
            return Double.NaN;
        }
        if (!sorted) {
            Arrays.sort(nanos, 0, size);
            sorted = true;
        }
        // 99.9 % of 1000 are 999: not one more because 0.999 has no exact binary form.
        int rank = (int) Math.ceil(share * size - 1e-9);
        return nanos[Math.max(rank, 1) - 1] / 1e6;
    }
}
