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
    static final long PAUSE = TimeUnit.MILLISECONDS.toNanos(3);

    /** While Tomcat serves a request on this thread whose session can't be reached. */
    private static final ThreadLocal<Boolean> REFUSING = new ThreadLocal<>();

    /** Where the session of a request is. */
    private enum Home {
        /** Here, or it is lost. */
        HERE,
        /** The connection is there. */
        ELSEWHERE,
        /** It exists, but nobody can have it now. */
        UNREACHABLE
    }

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
            Home home = Home.HERE;
            if (next == SocketEvent.OPEN_READ && mayBelongElsewhere(connection)) {
                int slot = peek(connection);
                if (slot == SessionCookies.INCOMPLETE) {
                    connection.registerReadInterest();
                    return SocketState.OPEN;
                }
                if (slot != SessionCookies.NONE) {
                    home = route((NioSocketWrapper) connection, slot);
                }
                if (home == Home.ELSEWHERE) {
                    return SocketState.CLOSED;
                }
            }
            state = home == Home.UNREACHABLE ? refuse(connection, next) : tomcat.process(connection, next);
            if (state != SocketState.LONG) {
                ended(connection);
            }
            next = SocketEvent.OPEN_READ;
            // What was pipelined behind that request: it may belong elsewhere.
        } while (state == SocketState.OPEN && hasMore(connection));
        return state;
    }

    /** Whether the request that Tomcat serves on this thread must be refused: it would begin a new session. */
    static boolean isRefusing() {
        return REFUSING.get() != null;
    }

    /** Tomcat reads the request and logs it; {@link SessionAdapter} answers. */
    private SocketState refuse(SocketWrapperBase<NioChannel> connection, SocketEvent event) {
        REFUSING.set(true);
        try {
            return tomcat.process(connection, event);
        } finally {
            REFUSING.remove();
        }
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

    /** Waits while the sessions move. */
    private Home route(NioSocketWrapper connection, int number) {
        long end = System.nanoTime() + peers.patience(number);
        for (long left = end - System.nanoTime(); left > 0; left = end - System.nanoTime()) {
            SessionSlot slot = peers.slot(number);
            if (slot != null && slot.enter()) {
                inUse.put(connection, slot);
                return Home.HERE;
            }
            endpoint.aboutToWait();
            switch (move(connection, number, left)) {
                case TAKEN -> {
                    endpoint.leave(connection);
                    return Home.ELSEWHERE;
                }
                case NOBODY -> {
                    return Home.HERE;
                }
                case LATER -> LockSupport.parkNanos(PAUSE);
            }
        }
        return Home.UNREACHABLE;
    }

    private SessionPeers.Answer move(NioSocketWrapper connection, int number, long patience) {
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
                read.duplicate(),
                patience);
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
