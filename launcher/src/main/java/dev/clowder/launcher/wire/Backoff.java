package dev.clowder.launcher.wire;

import java.util.concurrent.TimeUnit;

/**
 * How long to wait before the next attempt when descriptors or the other side are missing: 50 ms, doubled up to 1.6 s, as
 * Tomcat's own acceptor waits ({@code org.apache.tomcat.util.net.Acceptor}). For one thread.
 */
public final class Backoff {
    static final long FIRST_MILLIS = 50;
    static final long LAST_MILLIS = 1_600;

    private long next = FIRST_MILLIS;

    /** Nanoseconds to wait after one more failure. */
    public long afterFailure() {
        long wait = next;
        next = Math.min(LAST_MILLIS, next * 2);
        return TimeUnit.MILLISECONDS.toNanos(wait);
    }

    /** It went well: the next failure is a first one again. */
    public void reset() {
        next = FIRST_MILLIS;
    }
}
