package dev.clowder.launcher.worker;

import dev.clowder.launcher.worker.relay.RelayedFacts;
import dev.clowder.valve.ConnectionPeer;
import io.netty.channel.unix.Socket;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.FilterInputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.apache.juli.logging.Log;
import org.apache.juli.logging.LogFactory;
import org.jspecify.annotations.Nullable;

/**
 * The Unix socket at which other workers bring connections and sessions, and what is said there. Each connection says one
 * thing: its kind in a byte, a length of four bytes, that many bytes; behind {@link #ADOPT} a {@link SessionBundle}.
 */
final class PeerIntake {
    /** A client's connection: slot, port, peer, bytes read, then its descriptor. Answered. */
    static final byte MOVED = 'M';
    /** A client's request: slot, port, {@link RelayedFacts}. Answered; then it follows, in HTTP/1.1. */
    static final byte RELAYED = 'R';
    /** Waits for a bundle, which it answers. */
    static final byte SUCCESSOR = 'W';
    /** Brings a bundle. Answered. */
    static final byte ADOPT = 'A';
    /** Asks for one session by its id; a bundle comes back. */
    static final byte FETCH = 'G';

    static final byte YES = 'Y';
    static final byte NO = 'N';

    private static final Log LOG = LogFactory.getLog(PeerIntake.class);
    /** For one thing that is said and its answer: much longer than a worker takes that runs. */
    static final long EXCHANGE = TimeUnit.SECONDS.toNanos(5);
    /** For a piece of a bundle. */
    static final long PIECE = TimeUnit.SECONDS.toNanos(10);
    /** Until the first piece of it: whoever brings it writes all sessions before. */
    private static final long BUNDLE = TimeUnit.SECONDS.toNanos(60);

    private static final long PAUSE = TimeUnit.MILLISECONDS.toNanos(10);
    private static final int SIZE = 64 * 1024;
    private static final int LONGEST = 1 << 20;
    private static final int FRAME = 1 + Integer.BYTES;

    private final Path path;
    private final SessionPeers peers;
    private final Descriptors descriptors;
    private final Deadlines deadlines;
    private final ServerSocketChannel server;
    /** One thread for each peer that says something at the moment: none waits for another one. */
    private final Executor threads = Executors.newCachedThreadPool(task -> {
        Thread thread = new Thread(task, "another worker");
        thread.setDaemon(true);
        return thread;
    });

    /** Listens from now on; nothing is answered before {@link #start}. */
    PeerIntake(Path path, SessionPeers peers, Descriptors descriptors, Deadlines deadlines) throws IOException {
        this.path = path;
        this.peers = peers;
        this.descriptors = descriptors;
        this.deadlines = deadlines;
        Files.deleteIfExists(path);
        server = ServerSocketChannel.open(StandardProtocolFamily.UNIX).bind(UnixDomainSocketAddress.of(path), 4096);
    }

    void start() {
        SessionPeers.thread("moved connections", this::run);
    }

    void close() {
        try {
            server.close();
            Files.deleteIfExists(path);
        } catch (IOException e) {
            LOG.debug("can't close " + path, e);
        }
    }

    private void run() {
        while (server.isOpen()) {
            try {
                SocketChannel peer = server.accept();
                threads.execute(() -> hear(peer));
            } catch (IOException | RuntimeException e) {
                LOG.debug("another worker can't be heard", e);
                // The usual cause is that no descriptor is left.
                LockSupport.parkNanos(PAUSE);
            }
        }
    }

    private void hear(SocketChannel peer) {
        boolean done = true;
        try (Deadlines.Exchange exchange = deadlines.begin(peer, EXCHANGE)) {
            byte kind = read(peer, 1).get();
            int length = read(peer, Integer.BYTES).getInt();
            if (length < 0 || length > LONGEST) {
                throw new IOException("a message of " + length + " bytes");
            }
            ByteBuffer message = read(peer, length);
            switch (kind) {
                case MOVED -> take(peer, message);
                case RELAYED -> done = !serve(peer, message, exchange);
                case SUCCESSOR -> {
                    done = false;
                    exchange.end();
                    peers.handover().waitFor(message.getInt(), peer);
                }
                case ADOPT -> {
                    if (peers.handover().hasFuture()) {
                        exchange.renew(BUNDLE);
                        peers.accept(bundle(peer, exchange), peer);
                    }
                }
                case FETCH ->
                    peers.handover()
                            .fetched(StandardCharsets.UTF_8.decode(message).toString())
                            .write(output(peer, exchange));
                default -> throw new IOException("unknown message " + kind);
            }
        } catch (IOException | RuntimeException e) {
            LOG.debug("another worker was not understood", e);
        } finally {
            if (done) {
                SessionPeers.close(peer);
            }
        }
    }

    /** The answer comes before the first byte is served: who does not hear it serves the request himself. */
    private void take(SocketChannel peer, ByteBuffer message) throws IOException {
        int slot = message.getInt();
        int listener = message.getShort();
        boolean unix = message.get() != 0;
        ConnectionPeer client = ConnectionPeer.get(message);
        int descriptor = new Socket(descriptors.of(peer)).recvFd();
        if (descriptor <= 0) {
            throw new IOException("no descriptor");
        }
        SessionSlot wanted = peers.slot(slot);
        SocketChannel connection = wanted != null && wanted.isHere() ? adopt(descriptor, unix) : null;
        if (connection == null) {
            new Socket(descriptor).close();
            answer(peer, NO);
            return;
        }
        try {
            answer(peer, YES);
        } catch (IOException e) {
            // He has lost his patience and answers the client himself.
            connection.close();
            throw e;
        }
        try {
            peers.endpoint(listener).resumeMoved(connection, client, message);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** False if the connection is to be closed. */
    private boolean serve(SocketChannel peer, ByteBuffer message, Deadlines.Exchange exchange) throws IOException {
        SessionSlot wanted = peers.slot(message.getInt());
        int listener = message.getShort();
        if (wanted == null || !wanted.isHere()) {
            answer(peer, NO);
            return false;
        }
        RelayedFacts facts = RelayedFacts.read(message);
        answer(peer, YES);
        // The request takes as long as it takes.
        exchange.end();
        try {
            peers.endpoint(listener).serveRelayed(peer, facts);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return true;
    }

    /** The other side of {@link #serve}; whether the request may follow. */
    static boolean offer(SocketChannel owner, int slot, int listener, byte[] facts) throws IOException {
        ByteBuffer message = ByteBuffer.allocate(Integer.BYTES + Short.BYTES + facts.length);
        say(
                owner,
                RELAYED,
                message.putInt(slot).putShort((short) listener).put(facts).flip());
        return answer(owner) == YES;
    }

    /** Null if the client is gone. */
    private @Nullable SocketChannel adopt(int descriptor, boolean unix) throws IOException {
        if (unix) {
            return descriptors.connectedUnix(descriptor, UnixDomainSocketAddress.of(""));
        }
        InetSocketAddress client = new Socket(descriptor).remoteAddress();
        return client == null ? null : descriptors.connected(descriptor, client);
    }

    /** The other side of {@link #take}. */
    static SessionPeers.Answer pass(
            SocketChannel owner,
            int slot,
            int listener,
            SocketChannel connection,
            ConnectionPeer peer,
            ByteBuffer read,
            Descriptors descriptors)
            throws IOException {
        boolean unix = connection.getLocalAddress() instanceof UnixDomainSocketAddress;
        int length = Integer.BYTES + Short.BYTES + 1 + peer.length() + read.remaining();
        ByteBuffer message = ByteBuffer.allocate(length).putInt(slot).putShort((short) listener);
        message.put((byte) (unix ? 1 : 0));
        peer.put(message);
        say(owner, MOVED, message.put(read).flip());
        new Socket(descriptors.of(owner)).sendFd(descriptors.of(connection));
        return answer(owner) == YES ? SessionPeers.Answer.TAKEN : SessionPeers.Answer.LATER;
    }

    /** Sends a message. */
    static void say(SocketChannel to, byte kind, ByteBuffer message) throws IOException {
        ByteBuffer frame = ByteBuffer.allocate(FRAME + message.remaining());
        frame.put(kind).putInt(message.remaining()).put(message).flip();
        while (frame.hasRemaining()) {
            to.write(frame);
        }
    }

    /** Waits for the answer; {@link #NO} if the other side closed. */
    static byte answer(SocketChannel from) {
        ByteBuffer answer = ByteBuffer.allocate(1);
        try {
            return from.read(answer) == 1 ? answer.get(0) : NO;
        } catch (IOException e) {
            LOG.debug("no answer of another worker", e);
            return NO;
        }
    }

    /** Whether the other side has closed, or waits no longer; it says nothing at the moment. */
    static boolean isGone(SocketChannel peer) throws IOException {
        peer.configureBlocking(false);
        boolean gone = peer.read(ByteBuffer.allocate(1)) < 0;
        peer.configureBlocking(true);
        return gone;
    }

    static void answer(SocketChannel to, byte answer) throws IOException {
        to.write(ByteBuffer.wrap(new byte[] {answer}));
    }

    /** What it brings, if each next piece comes in time. What is done with it takes as long as it takes. */
    static SessionBundle bundle(SocketChannel from, Deadlines.Exchange exchange) throws IOException {
        InputStream pieces = new FilterInputStream(Channels.newInputStream(from)) {
            @Override
            public int read(byte[] into, int offset, int length) throws IOException {
                int count = super.read(into, offset, length);
                exchange.renew(PIECE);
                return count;
            }
        };
        SessionBundle bundle = SessionBundle.read(new DataInputStream(new BufferedInputStream(pieces)));
        exchange.end();
        return bundle;
    }

    /** The other side of it. */
    static DataOutputStream output(SocketChannel to, Deadlines.Exchange exchange) {
        return new DataOutputStream(new BufferedOutputStream(
                new FilterOutputStream(Channels.newOutputStream(to)) {
                    @Override
                    public void write(byte[] bytes, int offset, int length) throws IOException {
                        for (int done = 0; done < length; done += SIZE) {
                            exchange.renew(PIECE);
                            out.write(bytes, offset + done, Math.min(SIZE, length - done));
                        }
                    }
                },
                SIZE));
    }

    /** Not a byte more: a descriptor comes with the next one. */
    private static ByteBuffer read(SocketChannel from, int length) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(length);
        while (bytes.hasRemaining()) {
            if (from.read(bytes) < 0) {
                throw new EOFException();
            }
        }
        return bytes.flip();
    }
}
