package dev.clowder.launcher.wire;

import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.Closeable;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * One end of a control connection: length-prefixed JSON over a Unix socket. A closed connection is the notice that
 * the other process is gone. One thread may receive while any number send.
 */
public final class Wire implements Closeable {
    /** Larger than any message we send; a larger length is not ours. */
    static final int MAX_LENGTH = 1 << 20;

    private static final JsonMapper JSON = new JsonMapper();
    private static final ObjectWriter WRITER = JSON.writerFor(Message.class);
    private static final ObjectReader READER = JSON.readerFor(Message.class);

    private final SocketChannel channel;

    public Wire(SocketChannel channel) {
        this.channel = channel;
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
        byte[] body = WRITER.writeValueAsBytes(message);
        ByteBuffer frame = ByteBuffer.allocate(Integer.BYTES + body.length);
        frame.putInt(body.length).put(body).flip();
        synchronized (this) {
            while (frame.hasRemaining()) {
                channel.write(frame);
            }
        }
    }

    /**
     * Waits for the next message.
     *
     * @return null when the other side closed the connection between two messages
     * @throws IOException when what came is no message of ours, or the connection broke inside one
     */
    public @Nullable Message receive() throws IOException {
        ByteBuffer length = ByteBuffer.allocate(Integer.BYTES);
        if (!fill(length)) {
            return null;
        }
        int size = length.getInt(0);
        if (size < 1 || size > MAX_LENGTH) {
            throw new IOException("control message with a length of " + size);
        }
        ByteBuffer body = ByteBuffer.allocate(size);
        if (!fill(body)) {
            throw new IOException("control connection closed inside a message");
        }
        return READER.readValue(body.array());
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }

    private boolean fill(ByteBuffer buffer) throws IOException {
        while (buffer.hasRemaining()) {
            if (channel.read(buffer) < 0) {
                if (buffer.position() > 0) {
                    throw new IOException("control connection closed inside a message");
                }
                return false;
            }
        }
        return true;
    }
}
