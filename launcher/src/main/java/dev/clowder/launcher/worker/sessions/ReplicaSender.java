package dev.clowder.launcher.worker.sessions;

import java.io.EOFException;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
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
 * Tells one frame at a time to some workers, to all of them at once, and waits until they have taken it in. Its connections
 * stay open, one for each worker. The other side of {@link ReplicaIntake}. For one thread at a time.
 */
final class ReplicaSender {
    private static final Log LOG = LogFactory.getLog(ReplicaSender.class);
    /** Java would keep a buffer as large as the piece for each thread that ever wrote one. */
    private static final int PIECE = 64 * 1024;
    /** Until one that was too busy to take a connection is asked again. */
    private static final long PAUSE_MILLIS = 5;

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

    /**
     * Tells all these workers a frame, and returns when they have taken it in.
     *
     * @return those that have not, perhaps
     */
    Set<Integer> send(byte[] frame, Collection<Integer> workers, long nanos) throws IOException {
        forgetClosed();
        long end = System.nanoTime() + nanos;
        ByteBuffer bytes = ByteBuffer.allocate(Integer.BYTES + frame.length);
        bytes.putInt(frame.length).put(frame).flip();
        Set<Integer> faulty = new HashSet<>();
        Set<Integer> waiting = new HashSet<>(workers);
        Set<Integer> unconnected = new HashSet<>(workers);
        boolean interrupted = false;
        while (true) {
            for (int worker : List.copyOf(unconnected)) {
                if (begin(worker, bytes.duplicate(), faulty)) {
                    unconnected.remove(worker);
                }
            }
            waiting.removeAll(faulty);
            long left = TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime());
            if (waiting.isEmpty() || left <= 0) {
                break;
            }
            selector.select(unconnected.isEmpty() ? left : Math.min(left, PAUSE_MILLIS));
            // The thread of a request that was interrupted still tells others what that has changed.
            interrupted |= Thread.interrupted();
            step(waiting, faulty);
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        for (int worker : waiting) {
            Link late = links.get(worker);
            if (late != null) {
                late.close();
            }
        }
        faulty.addAll(waiting);
        return faulty;
    }

    /** Of workers that have left. */
    private void forgetClosed() throws IOException {
        selector.selectNow();
        for (SelectionKey key : selected()) {
            ((Link) key.attachment()).close();
        }
    }

    /** False if it has to be tried again. */
    private boolean begin(int worker, ByteBuffer frame, Set<Integer> faulty) {
        Link link = links.get(worker);
        try {
            if (link == null) {
                SocketChannel channel = connect(sockets.apply(worker));
                if (channel == null) {
                    return false;
                }
                link = new Link(worker, channel);
                links.put(worker, link);
            }
            link.tell(frame);
        } catch (IOException e) {
            fail(worker, link, e, faulty);
        }
        return true;
    }

    /** Null if too many wait there already. */
    private static @Nullable SocketChannel connect(Path socket) throws IOException {
        SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
        boolean connected = false;
        try {
            channel.configureBlocking(false);
            connected = channel.connect(UnixDomainSocketAddress.of(socket));
            return connected ? channel : null;
        } finally {
            if (!connected) {
                ReplicaIntake.close(channel);
            }
        }
    }

    private void step(Set<Integer> waiting, Set<Integer> faulty) {
        for (SelectionKey key : selected()) {
            Link link = (Link) key.attachment();
            if (link.state == State.IDLE) {
                // Of a worker that is not told anything now, and has left.
                link.close();
                continue;
            }
            try {
                if (link.step()) {
                    waiting.remove(link.id);
                }
            } catch (IOException e) {
                fail(link.id, link, e, faulty);
            }
        }
        waiting.removeAll(faulty);
    }

    private List<SelectionKey> selected() {
        List<SelectionKey> keys = new ArrayList<>(selector.selectedKeys());
        selector.selectedKeys().clear();
        return keys;
    }

    private static void fail(int worker, @Nullable Link link, IOException why, Set<Integer> faulty) {
        LOG.debug("worker " + worker + " was not told of a session", why);
        faulty.add(worker);
        if (link != null) {
            link.close();
        }
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
