package dev.clowder.benchmark;

import java.io.Closeable;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;

/** Bytes to and from a server of this machine, over a channel that does not block. Not thread-safe. */
class Wire implements Closeable {
    private final SocketChannel channel;

    /** Takes a channel that is connected. */
    Wire(SocketChannel channel) {
        this.channel = channel;
    }

    /** Connects; the channel still blocks. */
    static SocketChannel connect(int port) throws IOException {
        SocketChannel channel = SocketChannel.open(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
        channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
        return channel;
    }

    final SocketChannel channel() {
        return channel;
    }

    /** Reads what there is; 0 if that is nothing, -1 at the end. */
    int read(ByteBuffer target) throws IOException {
        return channel.read(target);
    }

    /** Writes all, which is little: a request finds room in the buffers of the system. */
    void write(ByteBuffer source) throws IOException {
        while (source.hasRemaining()) {
            if (channel.write(source) == 0) {
                throw new IOException("the server does not read");
            }
        }
    }

    /** Whether {@link #read} may have more although the system has not. */
    boolean buffers() {
        return false;
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
