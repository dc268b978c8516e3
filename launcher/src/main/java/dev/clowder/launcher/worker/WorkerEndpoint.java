package dev.clowder.launcher.worker;

import dev.clowder.launcher.wire.Backoff;
import dev.clowder.launcher.worker.loop.ConnectionLock;
import dev.clowder.launcher.worker.loop.LoopEndpoint;
import dev.clowder.launcher.worker.relay.RelayedChannel;
import dev.clowder.launcher.worker.relay.RelayedFacts;
import dev.clowder.valve.ConnectionPeer;
import dev.clowder.valve.ProxyRule;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.NetworkChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.LockSupport;
import org.apache.coyote.Processor;
import org.apache.juli.logging.Log;
import org.apache.juli.logging.LogFactory;
import org.apache.tomcat.util.net.NioChannel;
import org.apache.tomcat.util.net.SSLHostConfig;
import org.apache.tomcat.util.net.SocketWrapperBase;
import org.jspecify.annotations.Nullable;

/**
 * Where a worker's connections come from. They feed the same poller, threads and processors:
 *
 * <ul>
 *   <li>the <em>intake</em>, a Unix socket in the run directory, open from the start: the supervisor's relay and every
 *       probe come this way, each behind a PROXY header that names the peer, whose own may follow;
 *   <li>the <em>listener</em> that all workers share, or the <em>hand-over</em> of connections that the supervisor has
 *       accepted; either only after {@code accept}, when the worker has proven that it serves.
 * </ul>
 *
 * <p>Stock Tomcat can't leave a shared queue without dropping a connection: it unblocks its acceptor with a connection of
 * its own, which another worker may take. Here the acceptor is unblocked by closing this process's copy of the listener.
 */
final class WorkerEndpoint extends LoopEndpoint {
    private static final Log LOG = LogFactory.getLog(WorkerEndpoint.class);
    private static final long PAUSE = TimeUnit.MILLISECONDS.toNanos(10);
    /**
     * Tomcat's default of {@code maxConnections}, which here holds for the shared queue and for sockets handed over: more
     * wait there.
     */
    private static final int MAX_CONNECTIONS = 8 * 1024;
    /** After the intake's name is gone: for a connect that had looked it up before. */
    private static final long LATECOMERS = TimeUnit.MILLISECONDS.toNanos(50);

    private final Path intakePath;
    private final SharedTickets tickets;
    private final CompletableFuture<ServerSocketChannel> listener = new CompletableFuture<>();
    private final CountDownLatch acceptorLeft = new CountDownLatch(1);
    private final CountDownLatch intakeLeft = new CountDownLatch(1);
    private volatile @Nullable ServerSocketChannel intake;
    private volatile @Nullable HandoverIntake handover;
    private volatile boolean leaving;
    private volatile int room = MAX_CONNECTIONS;
    private volatile long http2KeepAliveMillis;
    private final AtomicLong handedOver = new AtomicLong();

    /** Of the intake's thread, as {@code troubled}. */
    private final Backoff backoff = new Backoff();

    private boolean troubled;

    /** @param loops whether requests may run where they are polled */
    WorkerEndpoint(Path intakePath, boolean loops, SharedTickets tickets) {
        super(loops);
        this.intakePath = intakePath;
        this.tickets = tickets;
        // Who comes by the intake was let in by the supervisor: a worker that is full still answers its probes.
        super.setMaxConnections(Integer.MAX_VALUE);
    }

    /** {@inheritDoc} Not of those that come by the intake. */
    @Override
    public void setMaxConnections(int most) {
        room = most < 0 ? Integer.MAX_VALUE : most;
    }

    /** {@inheritDoc} Its session tickets are those of all workers. */
    @Override
    protected void createSSLContext(SSLHostConfig host) throws IllegalArgumentException {
        super.createSSLContext(host);
        tickets.addTo(getPort(), host);
    }

    /** Takes what is new among the keys of session tickets. */
    void renewTickets() {
        for (SSLHostConfig host : findSslHostConfigs()) {
            tickets.addTo(getPort(), host);
        }
    }

    /** Says how long a connection of HTTP/2 may be idle while the worker does not leave. */
    void http2KeepAlive(long millis) {
        http2KeepAliveMillis = millis;
    }

    /** Begins to take clients from the shared queue. */
    void accept(ServerSocketChannel shared) {
        listener.complete(shared);
    }

    /** Begins to take clients that the supervisor accepted. */
    void accept(Path handovers, int id) throws IOException {
        handover = HandoverIntake.start(handovers, id, this);
    }

    /** Whether one more client may come, other than by the intake. */
    boolean hasRoom() {
        // One of them is that for which Tomcat's acceptor waits.
        return getConnectionCount() <= room;
    }

    /** Serves a connection that was accepted elsewhere. */
    void takeOver(SocketChannel accepted) throws InterruptedException {
        countUpOrAwaitConnection();
        handedOver.incrementAndGet();
        if (!setSocketOptions(accepted)) {
            closeSocket(accepted);
        }
    }

    /** Sends requests whose session is elsewhere there. Before the start. */
    void routeSessions(SessionPeers peers, int listener) {
        setHandler(new SessionRouting(getHandler(), this, peers, listener));
    }

    /** Goes on with a connection that another worker has begun to serve. */
    void resumeMoved(SocketChannel connection, ConnectionPeer peer, ByteBuffer read) throws InterruptedException {
        countUpOrAwaitConnection();
        resume(connection, peer, read);
    }

    /** Answers a request that another worker has received. */
    void serveRelayed(SocketChannel connection, RelayedFacts facts) throws InterruptedException {
        countUpOrAwaitConnection();
        serve(connection, new RelayedChannel(buffers(), facts), facts.peer());
    }

    /** The calling thread is going to wait: if it polls connections, another one does from now on. */
    void aboutToWait() {
        Runnable before = beforeWaiting();
        if (before != null) {
            before.run();
        }
    }

    /** {@inheritDoc} Visible to those who route. */
    @Override
    protected void leave(NioSocketWrapper connection) {
        super.leave(connection);
    }

    /** How many connections the supervisor has accepted for it. */
    long handedOver() {
        return handedOver.get();
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
     * more. The intake loses its name first, so that whoever connects later fails at once and asks another worker; then
     * what waits in its queue is taken: nobody else can take it.
     */
    void stopAccepting() {
        boolean accepting = listener.isDone();
        listener.cancel(false);
        HandoverIntake handedOver = handover;
        if (handedOver != null) {
            handedOver.refuse();
        }
        closeListener();
        leaving = true;
        wakeIntake();
        try {
            if (!intakeLeft.await(1, TimeUnit.SECONDS) || (accepting && !acceptorLeft.await(1, TimeUnit.SECONDS))) {
                LOG.warn("a thread that accepts connections does not end");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        closeIntake();
    }

    /**
     * How many accepted connections are not closed yet: those that wait for their PROXY header too, which are not among
     * {@link #getConnections}.
     */
    long open() {
        // Tomcat's acceptor counts a connection before it accepts one, and is held in serverSocketAccept with it.
        long ahead = isRunning() ? 1 : 0;
        return Math.max(getConnectionCount() - ahead, getConnections().size());
    }

    /**
     * Shortens the patience with connections that wait for a next request.
     *
     * @param since time of day in milliseconds before which no connection counts as idle
     * @param idleMillis how long they may be idle from then on; a shorter keep-alive time-out stays
     */
    void expireIdle(long since, long idleMillis) {
        for (SocketWrapperBase<NioChannel> connection : getConnections()) {
            // A request that waits for its body holds the lock; one that is asynchronous or upgraded has a processor.
            Lock lock = ConnectionLock.of(connection);
            if (!lock.tryLock()) {
                continue;
            }
            try {
                if (connection.getCurrentProcessor() instanceof Processor upgraded && upgraded.isUpgrade()) {
                    expireHttp2(upgraded, since, idleMillis);
                } else if (connection instanceof NioSocketWrapper waiting
                        && waiting.getCurrentProcessor() == null
                        && waiting.getSocketBufferHandler().isReadBufferEmpty()
                        && waiting.interestOpsHas(SelectionKey.OP_READ)) {
                    // Tomcat measures from the last read; this is for at most one request, which sets it anew.
                    long idleSince = Math.max(since, Math.max(waiting.getLastRead(), waiting.getLastWrite()));
                    long patience = Math.max(1, idleSince - waiting.getLastRead() + idleMillis);
                    if (waiting.getReadTimeout() <= 0 || waiting.getReadTimeout() > patience) {
                        waiting.setReadTimeout(patience);
                    }
                }
            } finally {
                lock.unlock();
            }
        }
    }

    /**
     * Tomcat closes a connection of HTTP/2 on which no request runs when its keep-alive time-out is over, and compares
     * times of day. So it is told a later one. Other protocols ignore it.
     */
    private void expireHttp2(Processor upgraded, long since, long idleMillis) {
        long now = System.currentTimeMillis();
        if (now - since > idleMillis && http2KeepAliveMillis > idleMillis) {
            upgraded.timeoutAsync(now + http2KeepAliveMillis - idleMillis);
        }
    }

    /** Lets asynchronous requests run into their time-out: their listeners may end the response properly. */
    void expireAsynchronous() {
        for (SocketWrapperBase<NioChannel> connection : getConnections()) {
            if (connection.getCurrentProcessor() instanceof Processor processor && processor.isAsync()) {
                processor.timeoutAsync(-1);
            }
        }
    }

    @Override
    protected ProxyRule proxyRule(SocketChannel accepted) throws IOException {
        return fromIntake(accepted) ? ProxyRule.RELAYED : super.proxyRule(accepted);
    }

    /** Half of those that may come: nobody who says nothing keeps all others out. */
    @Override
    protected int proxyHeaderPlaces() {
        return Math.max(1, room / 2);
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
            ServerSocketChannel shared = listener.get();
            while (shared.isOpen() && !hasRoom()) {
                LockSupport.parkNanos(PAUSE);
            }
            return shared.accept();
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
            takeInRest(server);
        } catch (IOException e) {
            LOG.debug("the intake is closed", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            intakeLeft.countDown();
        }
    }

    private void takeInRest(ServerSocketChannel server) throws IOException, InterruptedException {
        if (!server.isOpen()) {
            return;
        }
        Files.deleteIfExists(intakePath);
        server.configureBlocking(false);
        long end = System.nanoTime() + LATECOMERS;
        while (server.isOpen() && isRunning() && (takeInOne(server) || System.nanoTime() - end < 0)) {
            LockSupport.parkNanos(PAUSE / 10);
        }
    }

    /** Whether there was one. */
    private boolean takeInOne(ServerSocketChannel server) throws InterruptedException {
        countUpOrAwaitConnection();
        SocketChannel socket = null;
        try {
            socket = server.accept();
            troubled = false;
            backoff.reset();
        } catch (IOException e) {
            if (server.isOpen()) {
                if (!troubled) {
                    LOG.warn("can't take in a connection: " + e.getMessage());
                }
                troubled = true;
                // The usual cause is that no descriptor is left.
                LockSupport.parkNanos(backoff.afterFailure());
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
