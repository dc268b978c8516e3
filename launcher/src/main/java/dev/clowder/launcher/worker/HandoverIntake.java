package dev.clowder.launcher.worker;

import dev.clowder.launcher.wire.Backoff;
import dev.clowder.launcher.wire.HandoverAnswer;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.unix.Socket;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.concurrent.locks.LockSupport;
import org.apache.juli.logging.Log;
import org.apache.juli.logging.LogFactory;

/**
 * Takes over connections that the supervisor accepted: receives their descriptors over a Unix connection (SCM_RIGHTS) and
 * answers each one. Linux.
 *
 * <p>The answer comes before the first byte of the client is read: a worker that dies without it leaves a connection that
 * another worker can serve from its beginning. What can't be taken, because {@code maxConnections} is reached or the
 * worker leaves, is given back unread.
 *
 * <p>One thread receives, and blocks. A link that breaks is opened again, later and later.
 */
final class HandoverIntake {
    private static final Log LOG = LogFactory.getLog(HandoverIntake.class);

    private final Path handovers;
    private final int id;
    private final WorkerEndpoint endpoint;
    private final Descriptors descriptors = new Descriptors();
    private final Backoff backoff = new Backoff();
    private final Thread thread;
    /** Guards the decision about each descriptor, and {@code refusing}. */
    private final Object lock = new Object();

    private volatile SocketChannel supervisor;
    private volatile boolean full;
    /** How many connections the supervisor knows of. */
    private volatile long told;

    private volatile boolean closed;
    private boolean refusing;

    /**
     * Connects and says who this is; connections may come as soon as this returns.
     *
     * @param handovers path of the supervisor's Unix socket
     */
    static HandoverIntake start(Path handovers, int id, WorkerEndpoint endpoint) throws IOException {
        HandoverIntake intake = new HandoverIntake(handovers, id, endpoint);
        intake.thread.start();
        return intake;
    }

    private HandoverIntake(Path handovers, int id, WorkerEndpoint endpoint) throws IOException {
        Epoll.ensureAvailability();
        this.handovers = handovers;
        this.id = id;
        this.endpoint = endpoint;
        this.supervisor = connect();
        this.thread = new Thread(this::run, endpoint.getName() + "-Handover");
        thread.setDaemon(true);
    }

    /** From now on everything is given back; when this returns no connection is on its way to the poller any more. */
    void refuse() {
        synchronized (lock) {
            refusing = true;
        }
    }

    /**
     * Must be called whenever a connection ends. The supervisor is told when one that was refused for lack of room may
     * come now, or when half of the connections that it knows of have ended: often enough to compare workers, and seldom
     * while connections come and go.
     */
    void ended() {
        if (full || endpoint.getConnectionCount() <= told / 2) {
            synchronized (lock) {
                tellRoom();
            }
        }
    }

    /** Lets the supervisor go. What it has sent and nobody has received remains its own. */
    void close() {
        refuse();
        closed = true;
        try {
            // Wakes the thread that receives; it closes.
            supervisor.shutdownInput();
        } catch (IOException e) {
            LOG.debug("the link is closed already", e);
        }
        LockSupport.unpark(thread);
    }

    private void run() {
        while (!closed) {
            try (SocketChannel link = supervisor) {
                receive(link);
            } catch (IOException e) {
                LOG.debug("the supervisor hands over no more", e);
            } catch (InterruptedException e) {
                return;
            }
            reconnect();
        }
    }

    private void reconnect() {
        while (!closed) {
            LockSupport.parkNanos(backoff.afterFailure());
            try {
                supervisor = connect();
                return;
            } catch (IOException e) {
                LOG.debug("the supervisor does not listen", e);
            }
        }
    }

    private SocketChannel connect() throws IOException {
        SocketChannel link = SocketChannel.open(StandardProtocolFamily.UNIX);
        try {
            link.connect(UnixDomainSocketAddress.of(handovers));
            say(link, id);
            full = false;
            return link;
        } catch (IOException e) {
            link.close();
            throw e;
        }
    }

    /** Until the link breaks. */
    private void receive(SocketChannel link) throws IOException, InterruptedException {
        Socket socket = new Socket(descriptors.of(link));
        while (!closed) {
            int descriptor = socket.recvFd();
            if (descriptor <= 0) {
                // The socket blocks, so that this is the end; or a descriptor for which this process had no number left
                // was dropped by the kernel. The supervisor still has it and takes a broken link for a refusal.
                throw new IOException("no descriptor");
            }
            backoff.reset();
            synchronized (lock) {
                if (refusing || !endpoint.hasRoom()) {
                    giveBack(link, descriptor);
                } else {
                    take(link, descriptor);
                }
            }
        }
    }

    private void take(SocketChannel link, int descriptor) throws InterruptedException {
        answer(link, HandoverAnswer.Kind.TAKEN, 1);
        SocketChannel client = null;
        try {
            client = adopt(descriptor);
        } catch (IOException e) {
            LOG.debug("a connection was over before it was served", e);
        }
        if (client != null) {
            endpoint.takeOver(client);
        }
    }

    /**
     * The channel is connected and knows both addresses. It believes that it is blocking while the socket is not; the
     * endpoint makes it non-blocking before it reads.
     */
    private SocketChannel adopt(int descriptor) throws IOException {
        Socket socket = new Socket(descriptor);
        InetSocketAddress client = socket.remoteAddress();
        try {
            if (client == null) {
                throw new IOException("the client is gone");
            }
            return descriptors.connected(descriptor, client);
        } catch (IOException e) {
            socket.close();
            throw e;
        }
    }

    private void giveBack(SocketChannel link, int descriptor) throws IOException {
        full = true;
        new Socket(descriptor).close();
        answer(link, HandoverAnswer.Kind.GIVEN_BACK, 0);
        // The last connection may have ended before anybody could see that it is waited for.
        tellRoom();
    }

    private void tellRoom() {
        if (!refusing && endpoint.hasRoom() && (full || endpoint.getConnectionCount() <= told / 2)) {
            full = false;
            answer(supervisor, HandoverAnswer.Kind.ROOM, 0);
        }
    }

    /** A supervisor that can't hear it is gone, and its descriptors with it: the connection is served all the same. */
    private void answer(SocketChannel link, HandoverAnswer.Kind kind, int more) {
        try {
            told = endpoint.getConnectionCount() + more;
            say(link, new HandoverAnswer(kind, (int) Math.max(0, told)).encoded());
        } catch (IOException e) {
            LOG.debug("the supervisor does not hear", e);
        }
    }

    private static void say(SocketChannel link, int word) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(Integer.BYTES).putInt(0, word);
        while (bytes.hasRemaining()) {
            link.write(bytes);
        }
    }
}
