package dev.clowder.launcher.wire;

import java.io.Closeable;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import org.jspecify.annotations.Nullable;

/**
 * One end of a control connection: one line of JSON for each message, over a Unix socket. A closed connection is the
 * notice that the other process is gone. One thread may receive while any number send or post.
 */
public final class Wire implements Closeable {
    /** In bytes, more than any message we send; what is longer is not ours. */
    static final int MAX_LENGTH = 1 << 20;
    /** Messages that may wait for the other side to read; a worker is told a handful in its life. */
    static final int MAX_POSTED = 64;

    private static final byte END = '\n';
    private static final int FIRST_BYTES = 8 * 1024;

    private final SocketChannel channel;
    private final BlockingQueue<ByteBuffer> posted = new ArrayBlockingQueue<>(MAX_POSTED);
    private ByteBuffer received = ByteBuffer.allocate(FIRST_BYTES);
    private @Nullable Thread poster;

    public Wire(SocketChannel channel) {
        this.channel = channel;
    }

    /** Loads what the first message needs, which takes longer than a thousand messages. */
    public static void prepare() {
        try {
            MessageCodec.read(MessageCodec.write(new Message.Stop(0, 0)));
        } catch (IOException e) {
            throw new IllegalStateException("our own message", e);
        }
    }

    /** Connects to the control socket at this path. */
    public static Wire connect(Path socket) throws IOException {
        SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
        try {
            channel.connect(UnixDomainSocketAddress.of(socket));
            return new Wire(channel);
        } catch (IOException e) {
            channel.close();
            throw e;
        }
    }

    /** Sends one message; blocks while the other side does not read. */
    public void send(Message message) throws IOException {
        write(frame(message));
    }

    /**
     * Leaves one message to a thread of this connection to send; never waits for the other side. Messages that are
     * posted arrive in their order; one that is sent may overtake them.
     *
     * @return false when the connection is closed, or the other side has not read for so long that no more may wait
     */
    public boolean post(Message message) throws IOException {
        ByteBuffer frame = frame(message);
        if (!channel.isOpen() || !posted.offer(frame)) {
            return false;
        }
        synchronized (posted) {
            if (poster == null) {
                Thread thread = new Thread(this::writePosted, "control writer");
                thread.setDaemon(true);
                try {
                    thread.start();
                } catch (OutOfMemoryError e) {
                    // What Java says when the system has no thread more: as if the other side did not read.
                    posted.remove(frame);
                    return false;
                }
                poster = thread;
            }
        }
        return true;
    }

    private void writePosted() {
        try {
            while (channel.isOpen()) {
                write(posted.take());
            }
        } catch (IOException e) {
            // Whoever receives on this connection learns of its end.
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static ByteBuffer frame(Message message) throws IOException {
        byte[] body = MessageCodec.write(message);
        return ByteBuffer.allocate(body.length + 1).put(body).put(END).flip();
    }

    private synchronized void write(ByteBuffer frame) throws IOException {
        while (frame.hasRemaining()) {
            channel.write(frame);
        }
    }

    /**
     * Waits for the next message.
     *
     * @return null when the other side closed the connection between two messages
     * @throws IOException when what came is no message of ours, or the connection broke inside one
     */
    public @Nullable Message receive() throws IOException {
        int looked = 0;
        while (true) {
            int end = indexOfEnd(looked);
            if (end >= 0) {
                return MessageCodec.read(take(end));
            }
            looked = received.position();
            if (looked == MAX_LENGTH) {
                throw new IOException("control message of more than " + MAX_LENGTH + " bytes");
            }
            if (!received.hasRemaining()) {
                // Memory is taken as the bytes come.
                received = ByteBuffer.allocate(Math.min(MAX_LENGTH, 2 * received.capacity()))
                        .put(received.flip());
            }
            if (channel.read(received) < 0) {
                if (received.position() > 0) {
                    throw new IOException("control connection closed inside a message");
                }
                return null;
            }
        }
    }

    private int indexOfEnd(int from) {
        for (int i = from; i < received.position(); i++) {
            if (received.get(i) == END) {
                return i;
            }
        }
        return -1;
    }

    /** The line that ends there; what came behind it is kept for the next call. */
    private byte[] take(int end) {
        byte[] line = new byte[end];
        received.flip().get(line).get();
        received.compact();
        return line;
    }

    @Override
    public void close() throws IOException {
        channel.close();
        synchronized (posted) {
            if (poster != null) {
                poster.interrupt();
            }
        }
    }
}
