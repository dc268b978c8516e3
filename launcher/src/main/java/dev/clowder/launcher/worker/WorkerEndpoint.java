package dev.clowder.launcher.worker;

import dev.clowder.valve.ProxyNioEndpoint;
import dev.clowder.valve.ProxyRule;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.NetworkChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.apache.juli.logging.Log;
import org.apache.juli.logging.LogFactory;
import org.apache.tomcat.util.net.NioChannel;
import org.apache.tomcat.util.net.SocketWrapperBase;
import org.jspecify.annotations.Nullable;

/**
 * Where a worker's connections come from. They feed the same poller, threads and processors:
 *
 * <ul>
 *   <li>the <em>intake</em>, a Unix socket in the run directory, open from the start: the supervisor's relay and every
 *       probe come this way, each behind a PROXY header that names the client;
 *   <li>the <em>listener</em> that all workers share, or the <em>hand-over</em> of connections that the supervisor has
 *       accepted; either only after {@code accept}, when the worker has proven that it serves.
 * </ul>
 *
 * <p>Stock Tomcat can't leave a shared queue without dropping a connection: it unblocks its acceptor with a connection of
 * its own, which another worker may take. Here the acceptor is unblocked by closing this process's copy of the listener.
 */
final class WorkerEndpoint extends ProxyNioEndpoint {
    private static final Log LOG = LogFactory.getLog(WorkerEndpoint.class);
    private static final long PAUSE = TimeUnit.MILLISECONDS.toNanos(10);
    /** How long an idle kept-alive connection is left open when the worker stops, for a request on its way. */
    private static final long IDLE_GRACE_MILLIS = 1_000;

    private final Path intakePath;
    private final CompletableFuture<ServerSocketChannel> listener = new CompletableFuture<>();
    private final CountDownLatch acceptorLeft = new CountDownLatch(1);
    private final CountDownLatch intakeLeft = new CountDownLatch(1);
    private volatile @Nullable ServerSocketChannel intake;
    private volatile @Nullable HandoverIntake handover;
    private volatile boolean leaving;

    WorkerEndpoint(Path intakePath) {
        this.intakePath = intakePath;
    }

    /** Begins to take clients from the shared queue. */
    void accept(ServerSocketChannel shared) {
        listener.complete(shared);
    }

    /** Begins to take clients that the supervisor accepted. */
    void accept(Path handovers, int id) throws IOException {
        handover = HandoverIntake.start(handovers, id, this);
    }

    /** Whether one more connection would not have to wait for {@code maxConnections}. */
    boolean hasRoom() {
        return getMaxConnections() < 0 || getConnectionCount() < getMaxConnections();
    }

    /** Serves a connection that was accepted elsewhere. */
    void takeOver(SocketChannel accepted) throws InterruptedException {
        countUpOrAwaitConnection();
        if (!setSocketOptions(accepted)) {
            closeSocket(accepted);
        }
    }

    @Override
    protected long countDownConnection() {
        long count = super.countDownConnection();
        HandoverIntake handedOver = handover;
        if (handedOver != null) {
            handedOver.ended();
        }
        return count;
    }

    /**
     * Takes no new connection from either source; returns when no accepted connection is on its way to the poller any
     * more. What waits in the intake's queue is taken first: nobody else can take it.
     */
    void stopAccepting() {
        boolean accepting = listener.isDone();
        listener.cancel(false);
        leaving = true;
        HandoverIntake handedOver = handover;
        if (handedOver != null) {
            handedOver.refuse();
        }
        closeListener();
        wakeIntake();
        try {
            // Either may wait for maxConnections instead; then it holds no connection.
            if (!intakeLeft.await(1, TimeUnit.SECONDS) || (accepting && !acceptorLeft.await(1, TimeUnit.SECONDS))) {
                LOG.debug("a source of connections is waiting for maxConnections");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        closeIntake();
    }

    /** Lets connections that wait for a next request wait no longer than a moment from now. */
    void expireIdle() {
        long now = System.currentTimeMillis();
        for (SocketWrapperBase<NioChannel> connection : getConnections()) {
            // A request that waits for its body holds the lock; one that is asynchronous or upgraded has a processor.
            if (!connection.getLock().tryLock()) {
                continue;
            }
            try {
                if (connection instanceof NioSocketWrapper waiting
                        && waiting.getCurrentProcessor() == null
                        && waiting.interestOpsHas(SelectionKey.OP_READ)) {
                    waiting.setReadTimeout(now - waiting.getLastRead() + IDLE_GRACE_MILLIS);
                }
            } finally {
                connection.getLock().unlock();
            }
        }
    }

    @Override
    protected ProxyRule proxyRule(SocketChannel accepted) throws IOException {
        return fromIntake(accepted) ? ProxyRule.REQUIRED : super.proxyRule(accepted);
    }

    private static boolean fromIntake(SocketChannel accepted) throws IOException {
        return accepted.getLocalAddress() instanceof UnixDomainSocketAddress;
    }

    @Override
    protected void initServerSocket() throws Exception {
        ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        server.bind(UnixDomainSocketAddress.of(intakePath), getAcceptCount());
        intake = server;
    }

    @Override
    public void startInternal() throws Exception {
        super.startInternal();
        ServerSocketChannel server = intake;
        if (server != null) {
            Thread thread = new Thread(() -> takeIn(server), getName() + "-Intake");
            thread.setDaemon(true);
            thread.start();
        }
    }

    @Override
    protected SocketChannel serverSocketAccept() throws Exception {
        try {
            return listener.get().accept();
        } catch (ClosedChannelException | CancellationException e) {
            acceptorLeft.countDown();
            while (isRunning()) {
                LockSupport.parkNanos(PAUSE);
            }
            throw e;
        }
    }

    @Override
    protected void doCloseServerSocket() {
        listener.cancel(false);
        HandoverIntake handedOver = handover;
        if (handedOver != null) {
            handedOver.close();
        }
        closeListener();
        closeIntake();
    }

    @Override
    protected void unlockAccept() {
        // Closing the sources did it.
    }

    @Override
    protected @Nullable NetworkChannel getServerSocket() {
        return listener.isDone() && !listener.isCancelled() ? listener.join() : null;
    }

    private void takeIn(ServerSocketChannel server) {
        try {
            while (server.isOpen() && isRunning() && !leaving) {
                takeInOne(server);
            }
            server.configureBlocking(false);
            while (server.isOpen() && isRunning() && takeInOne(server)) {
                // Until the queue is empty.
            }
        } catch (IOException e) {
            LOG.debug("the intake is closed", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            intakeLeft.countDown();
        }
    }

    /** Whether there was one. */
    private boolean takeInOne(ServerSocketChannel server) throws InterruptedException {
        countUpOrAwaitConnection();
        SocketChannel socket = null;
        try {
            socket = server.accept();
        } catch (IOException e) {
            if (server.isOpen()) {
                LOG.warn("can't take in a connection: " + e.getMessage());
                LockSupport.parkNanos(PAUSE);
            }
        }
        if (socket == null) {
            countDownConnection();
            return false;
        }
        setSocketOptions(socket);
        return true;
    }

    /** A connection of our own: only this process accepts here, so it can reach nobody else. */
    private void wakeIntake() {
        try (SocketChannel wake = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            wake.connect(UnixDomainSocketAddress.of(intakePath));
        } catch (IOException e) {
            LOG.debug("the intake does not listen", e);
            closeIntake();
        }
    }

    private void closeListener() {
        if (listener.isDone() && !listener.isCancelled()) {
            close(listener.join());
        }
    }

    private void closeIntake() {
        ServerSocketChannel server = intake;
        if (server != null) {
            close(server);
        }
    }

    private static void close(ServerSocketChannel server) {
        try {
            server.close();
        } catch (IOException e) {
            LOG.warn("can't close a listening socket", e);
        }
    }
}
