package dev.clowder.launcher.worker.loop;

import java.io.IOException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.util.ArrayDeque;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.apache.juli.logging.Log;
import org.apache.juli.logging.LogFactory;
import org.apache.tomcat.util.net.NioChannel;
import org.apache.tomcat.util.net.NioEndpoint;
import org.apache.tomcat.util.net.NioEndpoint.NioSocketWrapper;
import org.apache.tomcat.util.net.SocketEvent;
import org.apache.tomcat.util.net.SocketWrapperBase;

/**
 * Tomcat's poller with a loop of its own around Tomcat's own steps: registrations, ready keys and time-outs are its code.
 * What a ready key asks for is noted, and run by the leader when Tomcat has unregistered the key: by then no other leader
 * can find it again.
 *
 * <p>Belongs to the leader, except {@link #add}, {@link #register} and {@link #shut}, which are for any thread.
 */
final class LoopPoller extends NioEndpoint.Poller {
    private static final Log LOG = LogFactory.getLog(LoopPoller.class);
    private static final long BREATH = 1_000_000;

    /** Of a connection, noted while its key was processed. */
    private record Ready(SocketWrapperBase<NioChannel> connection, SocketEvent event) {}

    private final NioEndpoint endpoint;
    private final Leadership leadership;
    private final Watchdog watchdog;
    private final Runnable whenShut;
    private final Selector selector = getSelector();
    private final Consumer<SelectionKey> process = this::process;
    private final ArrayDeque<Ready> ready = new ArrayDeque<>();

    /** Something was added since the leader last looked. With {@code sleeping}: one of both sides sees the other. */
    private volatile boolean dirty;

    private volatile boolean sleeping;
    private volatile boolean shut;

    /** @param whenShut called by the leader when all connections are closed */
    LoopPoller(NioEndpoint endpoint, Leadership leadership, Watchdog watchdog, Runnable whenShut) throws IOException {
        endpoint.super();
        this.endpoint = endpoint;
        this.leadership = leadership;
        this.watchdog = watchdog;
        this.whenShut = whenShut;
    }

    @Override
    public void add(NioSocketWrapper connection, int interest) {
        super.add(connection, interest);
        wake();
    }

    @Override
    public void register(NioSocketWrapper connection) {
        super.register(connection);
        wake();
        if (shut) {
            connection.close();
        }
    }

    /** Makes the leader close all connections and leave; returns at once. */
    void shut() {
        shut = true;
        // Tomcat's part of it: whatever is processed from now on is closed.
        destroy();
    }

    /** Whether the caller is the leader among Tomcat's code for a ready key; if so, the event waits for its turn. */
    boolean takes(SocketWrapperBase<NioChannel> connection, SocketEvent event) {
        // A handshake of TLS computes longer than a thread switch takes.
        if (Thread.currentThread() instanceof LoopThread me
                && me.polling
                && connection.getSocket().isHandshakeComplete()) {
            ready.add(new Ready(connection, event));
            return true;
        }
        return false;
    }

    /** Returns when the caller does not lead any more. */
    void lead(LoopThread me) {
        boolean leads = true;
        while (leads) {
            try {
                leads = step(me);
            } catch (Throwable e) {
                // Without a leader nobody would be served. Keys that were not processed are found again.
                report("polling failed", e);
                LockSupport.parkNanos(BREATH);
            }
        }
    }

    private boolean step(LoopThread me) throws IOException {
        Ready next = ready.poll();
        if (next != null) {
            return serve(me, next);
        }
        if (shut) {
            closeAll();
            whenShut.run();
            return false;
        }
        poll(me);
        return true;
    }

    private boolean serve(LoopThread me, Ready next) {
        SocketWrapperBase<NioChannel> connection = next.connection;
        if (leadership.waiting() == 0 || isBusy(connection)) {
            // The last one must not be stuck: it is for those who can end the waiting of all others.
            process(next, true);
            return true;
        }
        // From whoever has kept the thread: it would close the channel of a stranger.
        Thread.interrupted();
        leadership.begin(me);
        try {
            watchdog.notice();
            process(next, false);
        } catch (Throwable e) {
            // Whatever happens, what end says decides who leads.
            report("a connection can't be closed", e);
        }
        return leadership.end(me);
    }

    /** Another thread still works on it: waiting for its lock would stop the loop. */
    private static boolean isBusy(SocketWrapperBase<NioChannel> connection) {
        return ConnectionLock.of(connection) instanceof ReentrantLock lock && lock.isLocked();
    }

    private void process(Ready next, boolean inPool) {
        boolean done = false;
        try {
            done = endpoint.processSocket(next.connection, next.event, inPool);
        } catch (Throwable e) {
            // In Tomcat's pool such an error ends its thread.
            report("a request failed", e);
        }
        if (!done) {
            next.connection.close();
        }
    }

    private void poll(LoopThread me) throws IOException {
        // Left by a request, it would let no selection wait.
        Thread.interrupted();
        dirty = false;
        boolean added = events();
        sleeping = true;
        int keys;
        try {
            me.polling = true;
            keys = dirty || shut
                    ? selector.selectNow(process)
                    : selector.select(process, endpoint.getSelectorTimeout());
        } finally {
            me.polling = false;
            sleeping = false;
        }
        timeout(keys, added);
    }

    private void process(SelectionKey key) {
        if (sleeping) {
            sleeping = false;
        }
        // Without one another thread has just closed it.
        if (key.attachment() instanceof NioSocketWrapper connection) {
            try {
                processKey(key, connection);
            } catch (Throwable e) {
                // It may have been unregistered already: better closed than forgotten.
                connection.close();
                throw e;
            }
        }
    }

    private void closeAll() {
        try {
            events();
            timeout(0, false);
            selector.close();
        } catch (Throwable e) {
            report("closing connections failed", e);
        }
    }

    private void wake() {
        dirty = true;
        if (sleeping) {
            selector.wakeup();
        }
    }

    private static void report(String what, Throwable e) {
        try {
            LOG.error(what, e);
        } catch (Throwable again) {
            // Not even memory for that.
        }
    }
}
