package dev.clowder.launcher.worker;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import java.net.ProtocolFamily;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.nio.channels.Channel;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.channels.spi.SelectorProvider;
import java.nio.file.Path;

/**
 * Channels of file descriptors, and the other way round. The JDK has no public way but one for standard input; what is
 * called here by reflection is the same in 17 to 25 and needs {@code --add-opens}. Linux. Thread-safe.
 */
final class Descriptors {
    private final Method newDescriptor;
    private final Method descriptorOf;
    private final Constructor<?> connected;
    private final Constructor<?> listening;

    /** Fails at once where it can't work, not at the first connection. */
    Descriptors() throws IOException {
        try {
            newDescriptor = Class.forName("sun.nio.ch.IOUtil").getMethod("newFD", int.class);
            newDescriptor.setAccessible(true);
            descriptorOf = Class.forName("sun.nio.ch.SelChImpl").getMethod("getFDVal");
            descriptorOf.setAccessible(true);
            connected = Class.forName("sun.nio.ch.SocketChannelImpl")
                    .getDeclaredConstructor(
                            SelectorProvider.class, ProtocolFamily.class, FileDescriptor.class, SocketAddress.class);
            connected.setAccessible(true);
            listening = Class.forName("sun.nio.ch.ServerSocketChannelImpl")
                    .getDeclaredConstructor(
                            SelectorProvider.class, ProtocolFamily.class, FileDescriptor.class, boolean.class);
            listening.setAccessible(true);
        } catch (ReflectiveOperationException | RuntimeException e) {
            throw new IOException("this Java can't adopt a socket; use --accept relay", e);
        }
    }

    /** The number of a channel's descriptor, which stays the channel's. */
    int of(Channel socket) throws IOException {
        try {
            return (int) descriptorOf.invoke(socket);
        } catch (ReflectiveOperationException e) {
            throw new IOException("can't tell the descriptor of a channel", e);
        }
    }

    /** A channel of a socket that is connected to this peer; closing it closes the descriptor. */
    SocketChannel connected(int descriptor, SocketAddress peer) throws IOException {
        return (SocketChannel) make(connected, StandardProtocolFamily.INET, descriptor, peer);
    }

    /** The same of a Unix socket. */
    SocketChannel connectedUnix(int descriptor, SocketAddress peer) throws IOException {
        return (SocketChannel) make(connected, StandardProtocolFamily.UNIX, descriptor, peer);
    }

    /** A channel of a socket that listens; closing it closes the descriptor. */
    ServerSocketChannel listening(int descriptor) throws IOException {
        return (ServerSocketChannel) make(listening, StandardProtocolFamily.INET, descriptor, true);
    }

    /**
     * What this process and its JVM write to standard output and error goes to the end of this file from now on.
     *
     * @throws IOException if the file can't be opened, or this Java has no such call
     */
    static void redirectOutput(Path file) throws IOException {
        try (FileOutputStream target = new FileOutputStream(file.toFile(), true)) {
            Class<?> dispatcher = Class.forName("sun.nio.ch.DatagramDispatcher");
            Constructor<?> made = dispatcher.getDeclaredConstructor();
            made.setAccessible(true);
            Method duplicate = dispatcher.getDeclaredMethod("dup", FileDescriptor.class, FileDescriptor.class);
            duplicate.setAccessible(true);
            Object any = made.newInstance();
            duplicate.invoke(any, target.getFD(), FileDescriptor.out);
            duplicate.invoke(any, target.getFD(), FileDescriptor.err);
        } catch (ReflectiveOperationException | RuntimeException e) {
            throw new IOException("this Java can't redirect its output", e);
        }
    }

    private Object make(Constructor<?> channel, ProtocolFamily family, int descriptor, Object last) throws IOException {
        try {
            // INET stands for both of TCP: the family decides which socket options and addresses there are.
            return channel.newInstance(
                    SelectorProvider.provider(), family, newDescriptor.invoke(null, descriptor), last);
        } catch (ReflectiveOperationException e) {
            throw new IOException("can't adopt a socket", e);
        }
    }
}
