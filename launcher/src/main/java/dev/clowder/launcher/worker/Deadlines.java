package dev.clowder.launcher.worker;

import io.netty.channel.unix.Socket;
import java.io.IOException;
import java.nio.channels.SocketChannel;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.apache.juli.logging.Log;
import org.apache.juli.logging.LogFactory;

/**
 * Ends exchanges with other workers that take too long, so that one that is stopped keeps no thread here. Java has no
 * time-out for channels of Unix sockets. Thread-safe; nobody waits for anybody.
 */
final class Deadlines {
    /** For an exchange that may take as long as it likes. */
    static final long NONE = Long.MAX_VALUE / 4;

    private static final Log LOG = LogFactory.getLog(Deadlines.class);
    private static final long IDLE = TimeUnit.HOURS.toNanos(1);

    private final Descriptors descriptors;
    private final Set<Exchange> running = ConcurrentHashMap.newKeySet();
    private final Thread thread;
    private volatile long wakesAt = System.nanoTime();

    Deadlines(Descriptors descriptors) {
        this.descriptors = descriptors;
        this.thread = SessionPeers.thread("deadlines between workers", this::run);
    }

    /** One conversation over one connection. To be closed before the connection is. */
    final class Exchange implements AutoCloseable {
        private final SocketChannel channel;
        private volatile long end;
        /** Guarded by this, as the decision what became of it. */
        private boolean over;

        private boolean late;

        private Exchange(SocketChannel channel, long nanos) {
            this.channel = channel;
            this.end = System.nanoTime() + nanos;
        }

        /** There was progress: from now on it has so long. */
        void renew(long nanos) {
            end = System.nanoTime() + nanos;
            wakeFor(this);
        }

        /** Whether it took too long. */
        synchronized boolean isLate() {
            return late;
        }

        /**
         * Wakes whoever reads or writes, in Java or beneath it. What the other side has said until then can still be read, and
         * it is told that nobody hears more: both know alike whether there was an answer. Java's own shutdown would not
         * let go of what has arrived. The number of the descriptor is the channel's as long as this is not closed.
         */
        private synchronized void expire() {
            running.remove(this);
            if (over) {
                return;
            }
            late = true;
            try {
                new Socket(descriptors.of(channel)).shutdown(true, true);
            } catch (IOException e) {
                LOG.debug("the other worker is gone already", e);
            }
        }

        /** It has no deadline any more; {@link #close} does the same. */
        synchronized void end() {
            over = true;
            running.remove(this);
        }

        @Override
        public void close() {
            end();
        }
    }

    /** Begins an exchange that may take so long. */
    Exchange begin(SocketChannel channel, long nanos) {
        Exchange begun = new Exchange(channel, nanos);
        running.add(begun);
        wakeFor(begun);
        return begun;
    }

    private void wakeFor(Exchange exchange) {
        if (exchange.end - wakesAt < 0) {
            LockSupport.unpark(thread);
        }
    }

    private void run() {
        while (true) {
            LockSupport.parkNanos(step(System.nanoTime()));
        }
    }

    /** Ends what is over, and returns how long nothing else is. */
    private long step(long now) {
        long next = now + IDLE;
        // What begins from here on and is not seen below wakes this thread.
        wakesAt = next;
        for (Exchange exchange : running) {
            long end = exchange.end;
            if (end - now <= 0) {
                exchange.expire();
            } else if (end - next < 0) {
                next = end;
            }
        }
        wakesAt = next;
        return next - now;
    }
}
