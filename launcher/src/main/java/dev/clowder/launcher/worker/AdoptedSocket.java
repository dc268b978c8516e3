package dev.clowder.launcher.worker;

import io.netty.channel.unix.Socket;
import java.io.FileDescriptor;
import java.io.IOException;
import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import java.net.InetSocketAddress;
import java.net.ProtocolFamily;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.nio.channels.SocketChannel;
import java.nio.channels.spi.SelectorProvider;

/**
 * Makes a channel of the descriptor of a connected socket, and the other way round. The JDK has no public way; what is
 * called here by reflection is the same in 17 to 25 and needs {@code --add-opens}.
 */
final class AdoptedSocket {
    private final Method newDescriptor;
    private final Constructor<?> constructor;
    private final Method descriptorOf;

    /** Fails at once where it can't work, not at the first connection. */
    AdoptedSocket() throws IOException {
        try {
            newDescriptor = Class.forName("sun.nio.ch.IOUtil").getMethod("newFD", int.class);
            newDescriptor.setAccessible(true);
            constructor = Class.forName("sun.nio.ch.SocketChannelImpl")
                    .getDeclaredConstructor(
                            SelectorProvider.class, ProtocolFamily.class, FileDescriptor.class, SocketAddress.class);
            constructor.setAccessible(true);
            descriptorOf = Class.forName("sun.nio.ch.SelChImpl").getMethod("getFDVal");
            descriptorOf.setAccessible(true);
        } catch (ReflectiveOperationException | RuntimeException e) {
            throw new IOException("this Java can't adopt a connection; use --accept relay", e);
        }
    }

    /**
     * The channel is connected and knows both addresses; closing it closes the descriptor.
     *
     * @throws IOException if the client is gone already; then the descriptor is closed
     */
    SocketChannel channel(int descriptor) throws IOException {
        Socket socket = new Socket(descriptor);
        InetSocketAddress client = socket.remoteAddress();
        if (client == null) {
            socket.close();
            throw new IOException("the client is gone");
        }
        try {
            // The family only decides which socket options are offered. The channel believes that it is blocking while
            // the socket is not; the endpoint makes it non-blocking before it reads.
            return (SocketChannel) constructor.newInstance(
                    SelectorProvider.provider(),
                    StandardProtocolFamily.INET,
                    newDescriptor.invoke(null, descriptor),
                    client);
        } catch (ReflectiveOperationException e) {
            socket.close();
            throw new IOException("can't adopt a connection", e);
        }
    }

    /** The number of a channel's descriptor, which stays the channel's. */
    int descriptor(SocketChannel channel) throws IOException {
        try {
            return (int) descriptorOf.invoke(channel);
        } catch (ReflectiveOperationException e) {
            throw new IOException("can't tell the descriptor of a channel", e);
        }
    }
}
