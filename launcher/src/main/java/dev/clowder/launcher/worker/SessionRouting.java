package dev.clowder.launcher.worker;

import dev.clowder.launcher.worker.relay.RelayedChannel;
import dev.clowder.valve.ConnectionPeer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.apache.tomcat.util.net.AbstractEndpoint.Handler;
import org.apache.tomcat.util.net.NioChannel;
import org.apache.tomcat.util.net.NioEndpoint.NioSocketWrapper;
import org.apache.tomcat.util.net.SocketBufferHandler;
import org.apache.tomcat.util.net.SocketEvent;
import org.apache.tomcat.util.net.SocketWrapperBase;
import org.jspecify.annotations.Nullable;

/**
 * Sees to it that a request is served where its session is: looks at its head before Tomcat parses it, and if the session
 * is in another worker, passes that worker the socket and what was read. The bytes that it reads are in the connection's
 * own read buffer, where Tomcat finds them. Only plain HTTP/1: what TLS and HTTP/2 know of a connection can't be passed,
 * see {@link SessionAdapter}.
 *
 * <p>A worker takes a connection only while it has the sessions of the slot, so that nothing goes round in circles.
 */
final class SessionRouting implements Handler<NioChannel> {
    /** While sessions move from one worker to the next, and a little more. */
    static final long PATIENCE = TimeUnit.SECONDS.toNanos(5);

    static final long PAUSE = TimeUnit.MILLISECONDS.toNanos(3);

    private final Handler<NioChannel> tomcat;
    private final WorkerEndpoint endpoint;
    private final SessionPeers peers;
    private final int listener;
    /** Connections whose request uses sessions of a slot. */
    private final Map<SocketWrapperBase<NioChannel>, SessionSlot> inUse = new ConcurrentHashMap<>();

    SessionRouting(Handler<NioChannel> tomcat, WorkerEndpoint endpoint, SessionPeers peers, int listener) {
        this.tomcat = tomcat;
        this.endpoint = endpoint;
        this.peers = peers;
        this.listener = listener;
    }

    @Override
    public SocketState process(SocketWrapperBase<NioChannel> connection, SocketEvent event) {
        SocketEvent next = event;
        SocketState state;
        do {
            if (next == SocketEvent.OPEN_READ && mayBelongElsewhere(connection)) {
                int slot = peek(connection);
                if (slot == SessionCookies.INCOMPLETE) {
                    connection.registerReadInterest();
                    return SocketState.OPEN;
                }
                if (slot != SessionCookies.NONE && isElsewhere((NioSocketWrapper) connection, slot)) {
                    return SocketState.CLOSED;
                }
            }
            state = tomcat.process(connection, next);
            if (state != SocketState.LONG) {
                ended(connection);
            }
            next = SocketEvent.OPEN_READ;
            // What was pipelined behind that request: it may belong elsewhere.
        } while (state == SocketState.OPEN && hasMore(connection));
        return state;
    }

    /** Whether this is the beginning of a request, and somebody cares for its session. */
    private boolean mayBelongElsewhere(SocketWrapperBase<NioChannel> connection) {
        return connection.getCurrentProcessor() == null
                && !peers.cookies().isEmpty()
                && !endpoint.isSSLEnabled()
                && connection instanceof NioSocketWrapper
                && !(connection.getSocket() instanceof RelayedChannel);
    }

    private static boolean hasMore(SocketWrapperBase<NioChannel> connection) {
        return !connection.isClosed()
                && connection.getCurrentProcessor() == null
                && !connection.getSocketBufferHandler().isReadBufferEmpty();
    }

    /** Reads what has arrived, without waiting; what was read before is still there. */
    private int peek(SocketWrapperBase<NioChannel> connection) {
        SocketBufferHandler buffers = connection.getSocketBufferHandler();
        buffers.configureReadBufferForWrite();
        ByteBuffer read = buffers.getReadBuffer();
        try {
            int count = connection.getSocket().read(read);
            if (count < 0) {
                return SessionCookies.NONE;
            }
            if (count > 0 && connection instanceof NioSocketWrapper timed) {
                timed.updateLastRead();
                timed.setReadTimeout(endpoint.getConnectionTimeout());
            }
        } catch (IOException e) {
            // Tomcat will find the same, and knows what to do.
            return SessionCookies.NONE;
        }
        int slot = peers.cookies().slot(read, read.position());
        // A head that does not fit is none that Tomcat would take, unless it was told to.
        return slot == SessionCookies.INCOMPLETE && !read.hasRemaining() ? SessionCookies.NONE : slot;
    }

    /** Waits while the sessions move; false if the request is to be served here. */
    private boolean isElsewhere(NioSocketWrapper connection, int number) {
        long end = System.nanoTime() + PATIENCE;
        do {
            SessionSlot slot = peers.slot(number);
            if (slot != null && slot.enter()) {
                inUse.put(connection, slot);
                return false;
            }
            endpoint.aboutToWait();
            switch (move(connection, number)) {
                case TAKEN -> {
                    endpoint.leave(connection);
                    return true;
                }
                case NOBODY -> {
                    return false;
                }
                case LATER -> LockSupport.parkNanos(PAUSE);
            }
        } while (System.nanoTime() - end < 0);
        return false;
    }

    private SessionPeers.Answer move(NioSocketWrapper connection, int number) {
        if (!connection.getSocket().getIOChannel().isRegistered()) {
            // It has just come from another worker, and the poller does not know it yet.
            return SessionPeers.Answer.LATER;
        }
        SocketBufferHandler buffers = connection.getSocketBufferHandler();
        buffers.configureReadBufferForRead();
        ByteBuffer read = buffers.getReadBuffer();
        return peers.move(
                number,
                listener,
                connection.getSocket().getIOChannel(),
                ConnectionPeer.of(connection),
                read.duplicate());
    }

    private void ended(SocketWrapperBase<NioChannel> connection) {
        if (!inUse.isEmpty()) {
            SessionSlot slot = inUse.remove(connection);
            if (slot != null) {
                slot.exit();
            }
        }
    }

    @Override
    public @Nullable Object getGlobal() {
        return tomcat.getGlobal();
    }

    @Override
    public void release(SocketWrapperBase<NioChannel> connection) {
        tomcat.release(connection);
        ended(connection);
    }

    @Override
    public void pause() {
        tomcat.pause();
    }

    @Override
    public void recycle() {
        tomcat.recycle();
    }
}
