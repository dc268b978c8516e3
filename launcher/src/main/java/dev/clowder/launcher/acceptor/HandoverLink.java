package dev.clowder.launcher.acceptor;

import dev.clowder.launcher.wire.HandoverAnswer;
import io.netty.channel.IoEventLoop;
import io.netty.channel.epoll.EpollIoOps;
import io.netty.channel.unix.FileDescriptor;
import io.netty.channel.unix.Socket;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.Consumer;
import java.util.function.IntConsumer;

/**
 * The Unix connection to one worker: descriptors go out, words of four bytes come in. Keeps every connection that was
 * sent until the worker has answered. Belongs to the acceptor's thread.
 */
final class HandoverLink {
    private static final int UNKNOWN = -1;

    private final Socket socket;
    private final WatchedDescriptor watch;
    private final ByteBuffer in = ByteBuffer.allocateDirect(64 * HandoverAnswer.LENGTH);
    private final Deque<FileDescriptor> unanswered = new ArrayDeque<>();
    private int id = UNKNOWN;

    /** Runs the action whenever there is something to {@link #receive}. */
    HandoverLink(IoEventLoop loop, Socket socket, Consumer<HandoverLink> action) {
        this.socket = socket;
        this.watch = new WatchedDescriptor(loop, socket, () -> action.accept(this));
        watch.on(EpollIoOps.EPOLLIN);
    }

    /** Whether what the worker says runs the action at once; if not, only its end does. */
    void listen(boolean wanted) {
        watch.on(wanted ? EpollIoOps.EPOLLIN : WatchedDescriptor.NOTHING);
    }

    /** Whether the worker has said who it is. */
    boolean named() {
        return id != UNKNOWN;
    }

    void name(int workerId) {
        id = workerId;
    }

    int id() {
        return id;
    }

    boolean hasUnanswered() {
        return !unanswered.isEmpty();
    }

    /** Whether it is on its way to the worker; if not, it is still the caller's alone. */
    boolean send(FileDescriptor connection) {
        try {
            if (socket.sendFd(connection.intValue()) <= 0) {
                return false;
            }
        } catch (IOException e) {
            return false;
        }
        unanswered.add(connection);
        return true;
    }

    /**
     * The connection that has waited longest for its answer.
     *
     * @throws java.util.NoSuchElementException if the worker answers more than it was given
     */
    FileDescriptor answered() {
        return unanswered.remove();
    }

    /**
     * Reads what has come, without waiting. What a worker said before it died is still read.
     *
     * @return false when the connection is over
     */
    boolean receive(IntConsumer words) {
        try {
            int read;
            do {
                read = socket.read(in, in.position(), in.limit());
                if (read < 0) {
                    return false;
                }
                in.position(in.position() + read);
                in.flip();
                while (in.remaining() >= HandoverAnswer.LENGTH) {
                    words.accept(in.getInt());
                }
                in.compact();
            } while (read >= in.capacity() / 2);
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    /** Closes it; those without an answer are the caller's again, the one that has waited longest first. */
    Deque<FileDescriptor> end() {
        watch.end();
        return unanswered;
    }
}
