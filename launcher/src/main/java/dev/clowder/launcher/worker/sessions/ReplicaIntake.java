package dev.clowder.launcher.worker.sessions;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channel;
import java.nio.channels.Channels;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.apache.juli.logging.Log;
import org.apache.juli.logging.LogFactory;

/**
 * The Unix socket at which a worker takes copies. Whoever comes is a stranger until he has proved that he knows the key:
 * strangers have no thread, a few bytes of memory, {@link #PATIENCE} and {@link #STRANGERS} places. When all are taken the
 * oldest gives its place away, but not before {@link #LEAST_PATIENCE}; until then others wait in the kernel's queue. Then
 * each connection has a thread. On it: length, frame, and {@link #TAKEN} when that is taken in.
 */
final class ReplicaIntake {
    static final byte TAKEN = 1;
    static final byte REFUSED = 0;

    private static final Log LOG = LogFactory.getLog(ReplicaIntake.class);
    private static final int STRANGERS = 200;
    private static final long PATIENCE = TimeUnit.SECONDS.toNanos(5);
    private static final long LEAST_PATIENCE = TimeUnit.SECONDS.toNanos(1);
    private static final long PAUSE = TimeUnit.MILLISECONDS.toNanos(10);
    private static final int BACKLOG = 4096;

    private final int id;
    private final Path path;
    private final ReplicaHandshake handshake;
    private final Consumer<ReplicaFrame> frames;
    private final Selector selector;
    private final ServerSocketChannel server;
    private final SelectionKey arrivals;
    /** The oldest first; of the thread that accepts. */
    private final Deque<Stranger> strangers = new ArrayDeque<>();
    /** Those that know the key. */
    private final Set<SocketChannel> known = ConcurrentHashMap.newKeySet();

    private boolean warned;
    private boolean toldOfTrouble;
    private volatile boolean closed;

    private final Executor threads = Executors.newCachedThreadPool(task -> thread(task, "copies of sessions"));

    ReplicaIntake(int id, Path path, ReplicaHandshake handshake, Consumer<ReplicaFrame> frames) throws IOException {
        this.id = id;
        this.path = path;
        this.handshake = handshake;
        this.frames = frames;
        Files.deleteIfExists(path);
        selector = Selector.open();
        server = ServerSocketChannel.open(StandardProtocolFamily.UNIX).bind(UnixDomainSocketAddress.of(path), BACKLOG);
        server.configureBlocking(false);
        arrivals = server.register(selector, SelectionKey.OP_ACCEPT);
    }

    void start() {
        thread(this::run, "copies of sessions, intake").start();
    }

    private static Thread thread(Runnable task, String name) {
        Thread thread = new Thread(task, name);
        thread.setDaemon(true);
        return thread;
    }

    void close() {
        closed = true;
        close(server);
        selector.wakeup();
        known.forEach(ReplicaIntake::close);
        try {
            Files.deleteIfExists(path);
        } catch (IOException e) {
            LOG.debug("can't remove " + path, e);
        }
    }

    static void close(Channel channel) {
        try {
            channel.close();
        } catch (IOException e) {
            LOG.debug("can't close a connection between workers", e);
        }
    }

    // Strangers: one thread

    /** A connection that has proved nothing yet. */
    private final class Stranger {
        private final SocketChannel channel;
        private final long came = System.nanoTime();
        private final byte[] challenge = ReplicaHandshake.challenge();
        private final ByteBuffer said = ByteBuffer.allocate(2 * ReplicaHandshake.LENGTH);

        Stranger(SocketChannel channel) throws IOException {
            this.channel = channel;
            channel.configureBlocking(false);
            // It fits into the buffer of a new connection, as everything that this side says.
            channel.write(ByteBuffer.wrap(challenge));
            channel.register(selector, SelectionKey.OP_READ, this);
        }

        /** False when it is over. */
        boolean hear() throws IOException {
            if (channel.read(said) < 0) {
                return false;
            }
            if (said.hasRemaining()) {
                return true;
            }
            byte[] his = Arrays.copyOf(said.array(), ReplicaHandshake.LENGTH);
            byte[] proof = Arrays.copyOfRange(said.array(), ReplicaHandshake.LENGTH, said.capacity());
            if (ReplicaHandshake.same(proof, handshake.bringer(id, challenge, his))) {
                channel.write(ByteBuffer.wrap(handshake.taker(id, challenge, his)));
                channel.keyFor(selector).cancel();
                // Only then may it block.
                selector.selectNow();
                channel.configureBlocking(true);
                serve(channel);
                strangers.remove(this);
                return true;
            }
            if (!warned) {
                warned = true;
                LOG.warn("somebody at " + path + " does not know the key of this cluster; not told again");
            }
            return false;
        }

        void leave() {
            strangers.remove(this);
            known.remove(channel);
            close(channel);
        }
    }

    private void run() {
        while (!closed) {
            try {
                step(System.nanoTime());
            } catch (Throwable e) {
                // Whatever it was: a worker that hears nobody is ended.
                rest(e);
            }
        }
        strangers.forEach(stranger -> close(stranger.channel));
        try {
            selector.close();
        } catch (IOException e) {
            LOG.debug("can't close a selector", e);
        }
    }

    /** The usual cause is that no descriptor is left. */
    private void rest(Throwable why) {
        LockSupport.parkNanos(PAUSE);
        if (!toldOfTrouble && !closed) {
            toldOfTrouble = true;
            LOG.warn("other workers can't connect to " + path + " at the moment; not told again", why);
        }
    }

    private void step(long now) throws IOException {
        while (!strangers.isEmpty() && now - strangers.getFirst().came >= PATIENCE) {
            strangers.getFirst().leave();
        }
        boolean full = strangers.size() == STRANGERS && now - strangers.getFirst().came < LEAST_PATIENCE;
        arrivals.interestOps(full ? 0 : SelectionKey.OP_ACCEPT);
        selector.select(
                strangers.isEmpty() ? 0 : millis(strangers.getFirst().came, full ? LEAST_PATIENCE : PATIENCE, now));
        for (SelectionKey key : Set.copyOf(selector.selectedKeys())) {
            selector.selectedKeys().remove(key);
            if (!key.isValid()) {
                continue;
            }
            if (key.attachment() instanceof Stranger stranger) {
                hear(stranger);
            } else {
                accept();
            }
        }
    }

    private static long millis(long since, long time, long now) {
        return TimeUnit.NANOSECONDS.toMillis(since + time - now) + 1;
    }

    private void hear(Stranger stranger) {
        boolean stays = false;
        try {
            stays = stranger.hear();
        } catch (IOException e) {
            LOG.debug("another worker is gone", e);
        } finally {
            if (!stays) {
                stranger.leave();
            }
        }
    }

    private void accept() throws IOException {
        SocketChannel channel = server.accept();
        if (channel == null) {
            return;
        }
        try {
            Stranger next = new Stranger(channel);
            if (strangers.size() == STRANGERS) {
                strangers.getFirst().leave();
            }
            strangers.addLast(next);
        } catch (IOException e) {
            LOG.debug("another worker is gone", e);
            close(channel);
        }
    }

    // Workers: a thread for each connection

    private void serve(SocketChannel worker) {
        known.add(worker);
        threads.execute(() -> {
            try (InputStream in = Channels.newInputStream(worker)) {
                take(worker, new DataInputStream(new BufferedInputStream(in)));
            } catch (IOException | RuntimeException e) {
                LOG.debug("another worker is gone", e);
            } finally {
                known.remove(worker);
                close(worker);
            }
        });
        if (closed) {
            close(worker);
        }
    }

    private void take(SocketChannel worker, DataInputStream in) throws IOException {
        while (true) {
            int length = in.readInt();
            byte[] bytes = in.readNBytes(length);
            if (bytes.length < length) {
                return;
            }
            worker.write(ByteBuffer.wrap(new byte[] {taken(bytes)}));
        }
    }

    private byte taken(byte[] bytes) {
        try {
            frames.accept(ReplicaFrame.of(bytes));
            return TAKEN;
        } catch (IOException | RuntimeException e) {
            LOG.warn("a copy of a session was not taken in", e);
            return REFUSED;
        }
    }
}
