package dev.clowder.launcher.wire;

/**
 * What a worker's beat says of its JVM besides the bare load. Made once a second, whether anybody looks or not, so that
 * looking costs the worker nothing.
 *
 * @param maxThreads how many threads may work on requests
 * @param liveThreads of the whole JVM
 * @param heapMaxBytes what the heap may grow to
 * @param openFiles descriptors, -1 where nobody knows; at most 10 s old
 * @param maxFiles their limit, -1 where nobody knows
 */
public record Insides(
        int maxThreads, int liveThreads, long heapMaxBytes, long openFiles, long maxFiles, Counts counts) {}
