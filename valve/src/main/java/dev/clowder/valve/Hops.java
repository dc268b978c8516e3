package dev.clowder.valve;

/**
 * The chain of a request, closest hop first: what the peer said, then what the proxy before it said, and so on. Lazy:
 * what nobody asks for is not read. One reader belongs to one request object, and is
 * started again for each request that comes in it.
 */
interface Hops {

    /** Begins at the closest hop of the request that was scanned last. */
    void start();

    /** Reads the next hop to the left into {@code hop}; false if there is none. */
    boolean next(Hop hop);

    /** The hop that was read last as it was written, for people. */
    CharSequence text();

    /** How many hops the whole chain has, good or bad; {@link #start} again afterwards. */
    int count();
}
