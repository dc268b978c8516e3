package dev.clowder.launcher.worker;

import io.netty.channel.epoll.Epoll;
import io.netty.channel.unix.Socket;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/**
 * Receives the supervisor's listening socket over a Unix socket and makes a channel of it, and gives it back to the next
 * supervisor. Linux.
 *
 * <p>Of Netty only the two system calls are used that Java lacks: an event loop for one message would load hundreds of
 * classes at each start of a worker.
 */
final class SharedListener {
    private static final long TIMEOUT_SECONDS = 10;

    private SharedListener() {}

    /** Asks at the given Unix socket. The channel is this process's own copy: closing it leaves the others alone. */
    static ServerSocketChannel receive(Path listeners) throws IOException {
        Epoll.ensureAvailability();
        Descriptors descriptors = new Descriptors();
        try (SocketChannel supervisor = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            supervisor.connect(UnixDomainSocketAddress.of(listeners));
            supervisor.write(ByteBuffer.wrap(new byte[] {1}));
            awaitInput(supervisor, "no listening socket from the supervisor");
            int descriptor = new Socket(descriptors.of(supervisor)).recvFd();
            if (descriptor <= 0) {
                throw new IOException("no listening socket from the supervisor: it closed the connection");
            }
            return wrap(descriptors, descriptor);
        }
    }

    /**
     * Gives the listening socket to a supervisor that waits for it at the given Unix socket; this process keeps its own
     * copy. Returns when it was sent, or nobody took it.
     */
    static void offer(ServerSocketChannel listener, Path orphans) throws IOException {
        Epoll.ensureAvailability();
        Descriptors descriptors = new Descriptors();
        try (SocketChannel supervisor = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            supervisor.connect(UnixDomainSocketAddress.of(orphans));
            new Socket(descriptors.of(supervisor)).sendFd(descriptors.of(listener));
            // The other side closes when it has taken it.
            awaitInput(supervisor, "nobody took the listening socket");
        }
    }

    /** Until something can be read, which may be the end. */
    private static void awaitInput(SocketChannel channel, String otherwise) throws IOException {
        channel.configureBlocking(false);
        try (Selector selector = Selector.open()) {
            channel.register(selector, SelectionKey.OP_READ);
            if (selector.select(TimeUnit.SECONDS.toMillis(TIMEOUT_SECONDS)) == 0) {
                throw new IOException(otherwise + " within " + TIMEOUT_SECONDS + " s");
            }
        }
    }

    private static ServerSocketChannel wrap(Descriptors descriptors, int descriptor) throws IOException {
        ServerSocketChannel channel = descriptors.listening(descriptor);
        // O_NONBLOCK is shared by all processes, and Netty has set it. The channel believes that it is blocking, so
        // that only a real change clears the flag. A blocking accept is woken first come, first served: that balances
        // workers.
        channel.configureBlocking(false);
        channel.configureBlocking(true);
        return channel;
    }
}
