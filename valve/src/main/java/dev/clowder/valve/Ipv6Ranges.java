package dev.clowder.valve;

import java.util.List;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * IPv6 ranges that do not touch each other. A few are searched from the middle. Of many, the bits that follow what all of
 * them begin with say which few it can be; where these are still many, the same again. So it does not matter how ranges are
 * spread: over everything, side by side in one network, or that and {@code ::1}. Immutable.
 */
final class Ipv6Ranges {

    private static final int MANY = 16;
    private static final int MOST_BITS = 16;

    /** First and last address of a range, two numbers each. */
    private static final int NUMBERS = 4;

    /** In order, the numbers of each range side by side: one look into memory that may be far away. */
    private final long[] ranges;

    private final @Nullable Crowd all;

    /**
     * Takes them as they are.
     *
     * @param prefixes in order, none inside another
     */
    Ipv6Ranges(List<IpPrefix> prefixes) {
        ranges = prefixes.stream()
                .flatMapToLong(p -> LongStream.of(p.high(), p.low(), p.lastHigh(), p.lastLow()))
                .toArray();
        all = prefixes.size() < MANY ? null : new Crowd(ranges, 0, prefixes.size());
    }

    boolean contains(long high, long low) {
        Crowd crowd = all;
        if (crowd == null) {
            return search(0, ranges.length / NUMBERS, high, low);
        }
        while (crowd.hasBeginningOf(high, low)) {
            int bits = crowd.bitsOf(high, low);
            Crowd closer = crowd.closer[bits];
            if (closer == null) {
                // One that begins before these bits may reach to them.
                return search(Math.max(crowd.from[bits] - 1, crowd.from[0]), crowd.from[bits + 1], high, low);
            }
            crowd = closer;
        }
        return false;
    }

    private boolean search(int first, int end, long high, long low) {
        int from = first;
        int to = end - 1;
        while (from <= to) {
            int middle = (from + to) >>> 1;
            int at = middle * NUMBERS;
            if (compare(high, low, ranges[at], ranges[at + 1]) < 0) {
                to = middle - 1;
            } else if (compare(high, low, ranges[at + 2], ranges[at + 3]) > 0) {
                from = middle + 1;
            } else {
                return true;
            }
        }
        return false;
    }

    /** Whether they leave nothing out, as {@code ::/1, 8000::/1} do. */
    boolean coverAll() {
        long high = 0;
        long low = 0;
        for (int i = 0; i < ranges.length && ranges[i] == high && ranges[i + 1] == low; i += NUMBERS) {
            low = ranges[i + 3] + 1;
            high = low == 0 ? ranges[i + 2] + 1 : ranges[i + 2];
            if (low == 0 && high == 0) {
                return true;
            }
        }
        return false;
    }

    /** As numbers without a sign. */
    static int compare(long high, long low, long otherHigh, long otherLow) {
        int byHigh = Long.compareUnsigned(high, otherHigh);
        return byHigh != 0 ? byHigh : Long.compareUnsigned(low, otherLow);
    }

    /**
     * Some ranges one after the other, found by the bits in which they begin to differ. Prefixes are disjoint, so each of them
     * is longer than what all begin with, and where two begin with the same bits no third reaches to these.
     */
    private static final class Crowd {
        private final long firstHigh;
        private final long firstLow;
        /** How many bits all of them begin with. */
        private final int common;
        /** How many of the bits that follow are looked at: about as many values as ranges. */
        private final int bits;
        /** For each value of them the first range that begins with it or a greater one. */
        private final int[] from;

        private final @Nullable Crowd[] closer;

        Crowd(long[] ranges, int first, int end) {
            firstHigh = ranges[first * NUMBERS];
            firstLow = ranges[first * NUMBERS + 1];
            common = common(ranges[(end - 1) * NUMBERS], ranges[(end - 1) * NUMBERS + 1]);
            bits = Math.min(MOST_BITS, Integer.SIZE - Integer.numberOfLeadingZeros(end - first));
            int values = 1 << bits;
            from = new int[values + 1];
            closer = new Crowd[values];
            int range = first;
            for (int value = 0; value <= values; value++) {
                while (range < end && bitsOf(ranges[range * NUMBERS], ranges[range * NUMBERS + 1]) < value) {
                    range++;
                }
                from[value] = range;
                if (value > 0 && range - from[value - 1] >= MANY) {
                    closer[value - 1] = new Crowd(ranges, from[value - 1], range);
                }
            }
        }

        boolean hasBeginningOf(long high, long low) {
            return common(high, low) >= common;
        }

        /** With how many bits of the first range an address begins. */
        private int common(long high, long low) {
            return high != firstHigh
                    ? Long.numberOfLeadingZeros(high ^ firstHigh)
                    : Long.SIZE + Long.numberOfLeadingZeros(low ^ firstLow);
        }

        /** Those that follow the common ones, with zeros behind the end of the address. */
        private int bitsOf(long high, long low) {
            long wanted;
            if (common >= Long.SIZE) {
                wanted = low << (common - Long.SIZE);
            } else {
                wanted = common == 0 ? high : (high << common) | (low >>> (Long.SIZE - common));
            }
            return (int) (wanted >>> (Long.SIZE - bits));
        }
    }
}
