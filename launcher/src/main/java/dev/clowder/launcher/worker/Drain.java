package dev.clowder.launcher.worker;

import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongPredicate;
import java.util.stream.Stream;

/**
 * Empties all endpoints without a lost request. In this order: nothing new is accepted; every response says goodbye, so
 * that no client sends another request; connections that nobody uses are closed after a while; asynchronous requests get
 * their time-out when the time is over. WebSockets are closed with 1001 when their application stops, after this.
 *
 * <p>{@link #hurry} any number of times from any thread, {@link #run} once.
 */
final class Drain {
    private static final long LOOK = TimeUnit.MILLISECONDS.toNanos(20);
    /** For what {@code AsyncListener.onTimeout} still has to write. */
    private static final long LAST_WORDS = TimeUnit.SECONDS.toNanos(1);

    private final List<WorkerConnector> connectors;
    private long deadline = Long.MAX_VALUE;
    private long idleMillis = Long.MAX_VALUE;

    Drain(List<WorkerConnector> connectors) {
        this.connectors = connectors;
    }

    /**
     * Sets limits from now on; a second call can only tighten them.
     *
     * @param millis for everything
     * @param idle how long a connection may wait for a request that is perhaps on its way
     */
    synchronized void hurry(long millis, long idle) {
        long wanted = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
        deadline = deadline == Long.MAX_VALUE || wanted - deadline < 0 ? wanted : deadline;
        idleMillis = Math.min(idleMillis, idle);
    }

    /** Returns when no connection is left, or the time is over. */
    void run() {
        long since = System.currentTimeMillis();
        connectors.forEach(connector -> connector.protocol().drain());
        endpoints().forEach(WorkerEndpoint::stopAccepting);
        boolean empty = await(now -> {
            endpoints().forEach(endpoint -> {
                // HTTP/2 hears it by a GOAWAY; a connection may have become one meanwhile, and hears it once.
                endpoint.getHandler().pause();
                endpoint.expireIdle(since, idleMillis());
            });
            return now - deadline() >= 0;
        });
        if (!empty) {
            endpoints().forEach(WorkerEndpoint::expireAsynchronous);
            long end = System.nanoTime() + LAST_WORDS;
            await(now -> now - end >= 0);
        }
    }

    /** Whether all connections were closed before it was time to give up. */
    private boolean await(LongPredicate giveUp) {
        while (endpoints().anyMatch(endpoint -> endpoint.open() > 0)) {
            if (giveUp.test(System.nanoTime())) {
                return false;
            }
            LockSupport.parkNanos(LOOK);
        }
        return true;
    }

    private Stream<WorkerEndpoint> endpoints() {
        return connectors.stream().map(WorkerConnector::endpoint);
    }

    private synchronized long deadline() {
        return deadline;
    }

    private synchronized long idleMillis() {
        return idleMillis;
    }
}
