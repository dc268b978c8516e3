package dev.clowder.valve;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A set of address ranges: sorted, without those inside others, found by binary search; of many IPv4 ranges by the upper
 * half of an address first, and in a crowded half by a bit for each address; for IPv6 see {@link Ipv6Ranges}. So a list of
 * 100,000 rules costs a few steps more than one of ten. Immutable.
 *
 * <p>IPv4 and IPv6 are two sets, because an IPv6 rule never covers an IPv4 address, not even {@code ::/16}
 * (CVE-2026-90711 was that mistake).
 */
final class AddressRanges {

    private static final long LOW_HALF = 0xffff_ffffL;
    private static final int MANY = 256;
    private static final int HALF_BITS = 16;
    private static final int HALVES = 1 << HALF_BITS;

    /**
     * First and last address of each range in one number, in order: what a search compares is side by side, and no step of
     * it depends on a guess of the processor.
     */
    private final long[] v4;

    /**
     * For each value of the upper half of an address the first range that begins there or behind it; empty where a search
     * is short without. With 100,000 ranges it is two looks into memory that is far away, instead of ten.
     */
    private final int[] v4From;

    /**
     * For an upper half with many ranges, as a network has that is named machine by machine, a bit for each of its
     * addresses: 8 kB that stay near, where a search would go through four times as much. Empty if there is none such.
     */
    private final @Nullable BitSet[] v4Crowded;

    private final Ipv6Ranges v6;

    AddressRanges(List<IpPrefix> prefixes) {
        v4 = merged(prefixes.stream().filter(IpPrefix::isV4).toList()).stream()
                .mapToLong(range -> packed((int) range.low(), (int) range.lastLow()))
                .toArray();
        v4From = v4.length < MANY ? new int[0] : index(v4);
        v4Crowded = v4.length < MANY ? new BitSet[0] : crowded(v4, v4From);
        v6 = new Ipv6Ranges(merged(prefixes.stream().filter(p -> !p.isV4()).toList()));
    }

    boolean contains(IpAddress address) {
        return address.isV4() ? containsV4((int) address.low()) : v6.contains(address.high(), address.low());
    }

    private static int[] index(long[] ranges) {
        int[] from = new int[HALVES + 1];
        int range = 0;
        for (int half = 0; half <= HALVES; half++) {
            while (range < ranges.length && first(ranges[range]) < (long) half << HALF_BITS) {
                range++;
            }
            from[half] = range;
        }
        return from;
    }

    /** What begins in such a half ends there: prefixes are disjoint, and one that reached on would be all of the half. */
    private static @Nullable BitSet[] crowded(long[] ranges, int[] from) {
        @Nullable BitSet[] crowded = new BitSet[HALVES];
        boolean any = false;
        for (int half = 0; half < HALVES; half++) {
            if (from[half + 1] - from[half] > MANY) {
                any = true;
                BitSet bits = new BitSet(HALVES);
                for (int i = from[half]; i < from[half + 1]; i++) {
                    bits.set((int) first(ranges[i]) & (HALVES - 1), ((int) last(ranges[i]) & (HALVES - 1)) + 1);
                }
                crowded[half] = bits;
            }
        }
        return any ? crowded : new BitSet[0];
    }

    /** Orders by the first address as numbers without a sign, and then by the last. */
    private static long packed(int first, int last) {
        return ((long) (first ^ Integer.MIN_VALUE) << Integer.SIZE) | (last & LOW_HALF);
    }

    private static long first(long range) {
        return (range >>> Integer.SIZE) ^ (Integer.MIN_VALUE & LOW_HALF);
    }

    private static long last(long range) {
        return range & LOW_HALF;
    }

    /** Whether the IPv4 ranges leave nothing out, as {@code 0.0.0.0/1, 128.0.0.0/1} do. */
    boolean coverAllOfV4() {
        long next = 0;
        for (int i = 0; i < v4.length && first(v4[i]) == next; i++) {
            next = last(v4[i]) + 1;
        }
        return next == LOW_HALF + 1;
    }

    /** Whether the IPv6 ranges leave nothing out, as {@code ::/1, 8000::/1} do. */
    boolean coverAllOfV6() {
        return v6.coverAll();
    }

    /** The last range that begins at or before the address, or the first one, is the only one that can cover it. */
    private boolean containsV4(int address) {
        long wanted = packed(address, -1);
        int from = 0;
        int length = v4.length;
        if (v4From.length > 0) {
            int half = address >>> HALF_BITS;
            int end = v4From[half + 1];
            // One that begins before this half may reach into it.
            from = Math.max(v4From[half] - 1, 0);
            length = end - from;
            if (end - v4From[half] > MANY) {
                BitSet bits = v4Crowded[half];
                return bits != null && bits.get(address & (HALVES - 1));
            }
        }
        while (length > 1) {
            int half = length >>> 1;
            from = v4[from + half] <= wanted ? from + half : from;
            length -= half;
        }
        return v4.length > 0 && v4[from] <= wanted && (address & LOW_HALF) <= last(v4[from]);
    }

    /** Prefixes in order, without those that lie inside another: two prefixes nest or are disjoint, nothing else. */
    private static List<IpPrefix> merged(List<IpPrefix> prefixes) {
        List<IpPrefix> sorted = new ArrayList<>(prefixes);
        sorted.sort(Comparator.comparing(IpPrefix::high, Long::compareUnsigned)
                .thenComparing(IpPrefix::low, Long::compareUnsigned)
                .thenComparingInt(IpPrefix::length));
        List<IpPrefix> result = new ArrayList<>();
        IpPrefix last = null;
        for (IpPrefix prefix : sorted) {
            if (last == null || Ipv6Ranges.compare(prefix.high(), prefix.low(), last.lastHigh(), last.lastLow()) > 0) {
                result.add(prefix);
                last = prefix;
            }
        }
        return result;
    }
}
