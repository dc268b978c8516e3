package dev.clowder.launcher.worker.relay;

import jakarta.servlet.http.WebConnection;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.util.concurrent.Executor;
import org.apache.coyote.http11.upgrade.InternalHttpUpgradeHandler;
import org.apache.juli.logging.Log;
import org.apache.juli.logging.LogFactory;
import org.apache.tomcat.util.net.AbstractEndpoint.Handler.SocketState;
import org.apache.tomcat.util.net.SSLSupport;
import org.apache.tomcat.util.net.SocketEvent;
import org.apache.tomcat.util.net.SocketWrapperBase;
import org.jspecify.annotations.Nullable;

/**
 * A connection that is no HTTP any more, as that of a WebSocket: bytes are copied between client and worker, both ways,
 * until either closes.
 *
 * <p>The client's bytes are read by Tomcat's threads, in {@link #upgradeDispatch} under the lock of the connection; the
 * worker's on a pool. What waits for the client to take it holds a thread, what waits for the worker holds none.
 */
final class RelayTunnel implements InternalHttpUpgradeHandler {
    private static final Log LOG = LogFactory.getLog(RelayTunnel.class);
    private static final int SIZE = 16 * 1024;

    private final SocketChannel home;
    private final Executor pool;
    private final RelayLoop.Watch watch;
    private final ByteBuffer fromClient = ByteBuffer.allocate(SIZE).limit(0);
    private final ByteBuffer fromHome;
    private volatile @Nullable SocketWrapperBase<?> client;

    /** @param begun what the worker has sent behind its answer */
    RelayTunnel(SocketChannel home, RelayLoop loop, Executor pool, ByteBuffer begun) throws IOException {
        this.home = home;
        this.pool = pool;
        this.watch = loop.watch(home, pool, this::readable, this::writable);
        fromHome = ByteBuffer.allocate(Math.max(SIZE, begun.remaining())).put(begun);
    }

    @Override
    public void setSocketWrapper(SocketWrapperBase<?> wrapper) {
        client = wrapper;
    }

    @Override
    public void init(WebConnection connection) {
        // What the client has sent already is read first, and what the worker has sent is written.
        event(SocketEvent.OPEN_READ);
        pool.execute(this::readable);
    }

    /** {@inheritDoc} It says itself what it waits for. */
    @Override
    public boolean hasAsyncIO() {
        return true;
    }

    @Override
    public SocketState upgradeDispatch(SocketEvent event) {
        SocketWrapperBase<?> from = client;
        if (event == SocketEvent.OPEN_READ && from != null && home.isOpen()) {
            try {
                return copyFrom(from);
            } catch (IOException e) {
                LOG.debug("a tunnel ends", e);
            }
        } else if (event == SocketEvent.OPEN_WRITE) {
            return SocketState.ASYNC_IO;
        }
        watch.close();
        return SocketState.CLOSED;
    }

    private SocketState copyFrom(SocketWrapperBase<?> from) throws IOException {
        while (true) {
            home.write(fromClient);
            if (fromClient.hasRemaining()) {
                watch.want(SelectionKey.OP_WRITE);
                return SocketState.ASYNC_IO;
            }
            fromClient.clear();
            int count;
            try {
                count = from.read(false, fromClient);
            } finally {
                fromClient.flip();
            }
            if (count < 0) {
                watch.close();
                return SocketState.CLOSED;
            }
            if (count == 0) {
                from.registerReadInterest();
                return SocketState.ASYNC_IO;
            }
        }
    }

    private void writable() {
        event(SocketEvent.OPEN_READ);
    }

    /** One at a time: it is asked for again at its end only. */
    private void readable() {
        SocketWrapperBase<?> to = client;
        if (to == null) {
            return;
        }
        try {
            while (true) {
                int count = home.read(fromHome);
                fromHome.flip();
                if (fromHome.hasRemaining()) {
                    to.write(true, fromHome);
                    to.flush(true);
                }
                fromHome.clear();
                if (count < 0) {
                    event(SocketEvent.ERROR);
                    return;
                }
                if (count == 0) {
                    watch.want(SelectionKey.OP_READ);
                    return;
                }
            }
        } catch (IOException e) {
            LOG.debug("a tunnel ends", e);
            event(SocketEvent.ERROR);
        }
    }

    private void event(SocketEvent event) {
        SocketWrapperBase<?> known = client;
        if (known != null) {
            known.processSocket(event, true);
        }
    }

    @Override
    public void destroy() {
        watch.close();
    }

    @Override
    public void setSslSupport(SSLSupport tls) {
        // Nobody asks here.
    }

    @Override
    public void pause() {
        // It ends when either side does.
    }

    @Override
    public void timeoutAsync(long now) {
        // It may be silent as long as both sides like.
    }
}
