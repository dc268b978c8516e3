package dev.clowder.launcher.wire;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What only ever grows in a worker. Those of several workers, one after the other in a slot, add up. Immutable.
 *
 * @param responses by status class: 1xx, 2xx, 3xx, 4xx, 5xx
 * @param latency how many requests took at most each of {@link #LATENCY_SECONDS} but longer than the one before; the last
 *     for all that took longer
 * @param latencyNanos the time of all of them
 * @param cpuNanos processor time of the process
 * @param handovers connections that the supervisor accepted for it
 * @param collections garbage collections by collector
 * @param collectionMillis the time of them, by collector
 * @param forwarded requests by the reason for which the walk along their proxies ended, in lower case
 */
public record Counts(
        List<Long> responses,
        List<Long> latency,
        long latencyNanos,
        long cpuNanos,
        long handovers,
        Map<String, Long> collections,
        Map<String, Long> collectionMillis,
        Map<String, Long> forwarded) {
    public static final int STATUS_CLASSES = 5;
    /** Upper bounds, inclusive. */
    public static final List<Double> LATENCY_SECONDS =
            List.of(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0);

    /** Nothing yet. */
    public static final Counts NONE = new Counts(List.of(), List.of(), 0, 0, 0, Map.of(), Map.of(), Map.of());

    public Counts {
        responses = List.copyOf(responses);
        latency = List.copyOf(latency);
        collections = Map.copyOf(collections);
        collectionMillis = Map.copyOf(collectionMillis);
        forwarded = Map.copyOf(forwarded);
    }

    /** Both together. */
    public Counts plus(Counts other) {
        return new Counts(
                sum(responses, other.responses),
                sum(latency, other.latency),
                latencyNanos + other.latencyNanos,
                cpuNanos + other.cpuNanos,
                handovers + other.handovers,
                sum(collections, other.collections),
                sum(collectionMillis, other.collectionMillis),
                sum(forwarded, other.forwarded));
    }

    private static List<Long> sum(List<Long> one, List<Long> other) {
        List<Long> longer = new ArrayList<>(one.size() < other.size() ? other : one);
        List<Long> shorter = one.size() < other.size() ? one : other;
        for (int i = 0; i < shorter.size(); i++) {
            longer.set(i, longer.get(i) + shorter.get(i));
        }
        return longer;
    }

    private static Map<String, Long> sum(Map<String, Long> one, Map<String, Long> other) {
        Map<String, Long> all = new TreeMap<>(one);
        other.forEach((name, count) -> all.merge(name, count, Long::sum));
        return all;
    }
}
