package dev.clowder.launcher.worker.sessions;

import java.io.EOFException;
import java.io.IOException;
import java.net.ConnectException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.IntFunction;
import org.apache.juli.logging.Log;
import org.apache.juli.logging.LogFactory;
import org.jspecify.annotations.Nullable;

/**
 * Tells one frame at a time to some workers, to all of them at once, and waits until they have taken it in. One that lives
 * and does not is tried again until the time is over. Its connections stay open, one for each worker. The other side of
 * {@link ReplicaIntake}. For one thread at a time.
 */
final class ReplicaSender {
    private static final Log LOG = LogFactory.getLog(ReplicaSender.class);
    /** Java would keep a buffer as large as the piece for each thread that ever wrote one. */
    private static final int PIECE = 64 * 1024;
    /** Until one is tried again that was too busy to take a connection, or failed for the first time; then ever longer. */
    private static final long PAUSE = TimeUnit.MILLISECONDS.toNanos(5);

    private static final long LONGEST_PAUSE = TimeUnit.MILLISECONDS.toNanos(640);

    private final IntFunction<Path> sockets;
    private final ReplicaHandshake handshake;
    private final Selector selector;
    private final Map<Integer, Link> links = new HashMap<>();

    /** @param sockets of the workers with these ids */
    ReplicaSender(IntFunction<Path> sockets, ReplicaHandshake handshake) throws IOException {
        this.sockets = sockets;
        this.handshake = handshake;
        this.selector = Selector.open();
    }

    private enum State {
        CHALLENGED,
        PROVED,
        IDLE,
        TELLING
    }

    /** A connection to one worker. */
    private final class Link {
        private final int id;
        private final SocketChannel channel;
        private final SelectionKey key;
        private final byte[] challenge = ReplicaHandshake.challenge();
        private byte[] expected = new byte[0];
        private State state = State.CHALLENGED;
        private ByteBuffer in = ByteBuffer.allocate(ReplicaHandshake.LENGTH);
        private ByteBuffer out = ByteBuffer.allocate(0);
        /** Told as soon as each side has proved itself. */
        private @Nullable ByteBuffer frame;

        Link(int id, SocketChannel channel) throws IOException {
            this.id = id;
            this.channel = channel;
            this.key = channel.register(selector, SelectionKey.OP_READ, this);
        }

        void tell(ByteBuffer next) throws IOException {
            frame = next;
            if (state == State.IDLE) {
                begin(next);
            }
        }

        private void begin(ByteBuffer next) throws IOException {
            frame = null;
            expect(State.TELLING, 1);
            say(next);
        }

        private void expect(State next, int bytes) {
            state = next;
            in = ByteBuffer.allocate(bytes);
        }

        private void say(ByteBuffer next) throws IOException {
            out = next;
            write();
        }

        private void write() throws IOException {
            int end = out.limit();
            int written;
            do {
                written = channel.write(out.limit(Math.min(end, out.position() + PIECE)));
                out.limit(end);
            } while (written > 0 && out.hasRemaining());
            key.interestOps(out.hasRemaining() ? SelectionKey.OP_READ | SelectionKey.OP_WRITE : SelectionKey.OP_READ);
        }

        /** Goes on as far as it can; true when the frame was taken in. */
        boolean step() throws IOException {
            if (out.hasRemaining()) {
                write();
            }
            if (channel.read(in) < 0) {
                throw new EOFException("closed by worker " + id);
            }
            if (in.hasRemaining()) {
                return false;
            }
            switch (state) {
                case CHALLENGED -> {
                    byte[] his = in.array();
                    expected = handshake.taker(id, his, challenge);
                    expect(State.PROVED, ReplicaHandshake.LENGTH);
                    say(ByteBuffer.allocate(2 * ReplicaHandshake.LENGTH)
                            .put(challenge)
                            .put(handshake.bringer(id, his, challenge))
                            .flip());
                }
                case PROVED -> {
                    if (!ReplicaHandshake.same(in.array(), expected)) {
                        throw new IOException("does not know the key");
                    }
                    state = State.IDLE;
                    if (frame != null) {
                        begin(frame);
                    }
                }
                case TELLING -> {
                    if (in.get(0) != ReplicaIntake.TAKEN || out.hasRemaining()) {
                        throw new IOException("refused by worker " + id);
                    }
                    state = State.IDLE;
                    return true;
                }
                case IDLE -> throw new IllegalStateException("nobody waits for worker " + id);
            }
            return false;
        }

        void close() {
            links.remove(id, this);
            key.cancel();
            ReplicaIntake.close(channel);
        }
    }

    /** One frame on its way to some workers. */
    private final class Telling {
        private final ByteBuffer frame;
        /** Those that have not taken it in and may still do. */
        private final Set<Integer> waiting;
        /** Those of them that are not being told, and the nano time at which they are tried. */
        private final Map<Integer, Long> tryAt = new HashMap<>();

        private final Map<Integer, Long> pauses = new HashMap<>();
        /** Those where nobody listens. */
        private final Set<Integer> dead = new HashSet<>();

        Telling(byte[] bytes, Collection<Integer> workers) {
            frame = ByteBuffer.allocate(Integer.BYTES + bytes.length)
                    .putInt(bytes.length)
                    .put(bytes)
                    .flip();
            waiting = new HashSet<>(workers);
            waiting.forEach(worker -> tryAt.put(worker, System.nanoTime()));
        }

        /** @throws IOException when this worker can't, whoever is told */
        void tryDue(long now) throws IOException {
            for (Map.Entry<Integer, Long> next : List.copyOf(tryAt.entrySet())) {
                if (next.getValue() - now <= 0) {
                    begin(next.getKey());
                }
            }
        }

        /** When somebody is tried, but not later than this. */
        long next(long end) {
            return tryAt.values().stream().reduce(end, (one, other) -> one - other < 0 ? one : other);
        }

        private void begin(int worker) throws IOException {
            Link link = links.get(worker);
            if (link == null) {
                // When this fails nobody else is to blame: no descriptor is left, for instance.
                SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
                link = connect(worker, channel);
            }
            if (link != null) {
                tryAt.remove(worker);
                try {
                    link.tell(frame.duplicate());
                } catch (IOException e) {
                    failed(link, e);
                }
            }
        }

        /** Null if that worker takes no connection now. */
        private @Nullable Link connect(int worker, SocketChannel channel) {
            Path socket = sockets.apply(worker);
            Link link = null;
            try {
                channel.configureBlocking(false);
                if (channel.connect(UnixDomainSocketAddress.of(socket))) {
                    link = new Link(worker, channel);
                    links.put(worker, link);
                } else {
                    tryAt.put(worker, System.nanoTime() + PAUSE);
                }
            } catch (ConnectException e) {
                died(worker, e);
            } catch (IOException e) {
                if (Files.exists(socket)) {
                    // Java has no exception of its own for too many that wait there.
                    tryAt.put(worker, System.nanoTime() + PAUSE);
                } else {
                    died(worker, e);
                }
            } finally {
                if (link == null) {
                    ReplicaIntake.close(channel);
                }
            }
            return link;
        }

        private void died(int worker, IOException why) {
            LOG.debug("nobody listens for worker " + worker, why);
            tryAt.remove(worker);
            waiting.remove(worker);
            dead.add(worker);
        }

        void taken(Link link) {
            waiting.remove(link.id);
        }

        void failed(Link link, IOException why) {
            LOG.debug("worker " + link.id + " was not told of a session", why);
            link.close();
            long pause = pauses.merge(link.id, PAUSE, (last, first) -> Math.min(2 * last, LONGEST_PAUSE));
            tryAt.put(link.id, System.nanoTime() + pause);
        }

        /** The time is over. */
        Set<Integer> faulty() {
            for (int worker : waiting) {
                Link late = links.get(worker);
                if (late != null) {
                    late.close();
                }
            }
            dead.addAll(waiting);
            return dead;
        }
    }

    /**
     * Tells all these workers a frame, and returns when they have taken it in.
     *
     * @param nanos for how long it is tried with those that live
     * @return those that have not, perhaps
     * @throws IOException when this worker can't tell anybody
     */
    Set<Integer> send(byte[] frame, Collection<Integer> workers, long nanos) throws IOException {
        forgetClosed();
        long end = System.nanoTime() + nanos;
        Telling telling = new Telling(frame, workers);
        boolean interrupted = false;
        try {
            while (true) {
                telling.tryDue(System.nanoTime());
                long now = System.nanoTime();
                if (telling.waiting.isEmpty() || end - now <= 0) {
                    return telling.faulty();
                }
                selector.select(Math.max(1, TimeUnit.NANOSECONDS.toMillis(telling.next(end) - now) + 1));
                // The thread of a request that was interrupted still tells others what that has changed.
                interrupted |= Thread.interrupted();
                step(telling);
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** Of workers that have left. */
    private void forgetClosed() throws IOException {
        selector.selectNow();
        for (SelectionKey key : selected()) {
            ((Link) key.attachment()).close();
        }
    }

    private void step(Telling telling) {
        for (SelectionKey key : selected()) {
            Link link = (Link) key.attachment();
            if (link.state == State.IDLE) {
                // Of a worker that is not told anything now, and has left.
                link.close();
                continue;
            }
            try {
                if (link.step()) {
                    telling.taken(link);
                }
            } catch (IOException e) {
                telling.failed(link, e);
            }
        }
    }

    private List<SelectionKey> selected() {
        List<SelectionKey> keys = new ArrayList<>(selector.selectedKeys());
        selector.selectedKeys().clear();
        return keys;
    }

    void close() {
        List.copyOf(links.values()).forEach(Link::close);
        try {
            selector.close();
        } catch (IOException e) {
            LOG.debug("can't close a selector", e);
        }
    }
}
