package dev.clowder.launcher.supervisor;

import dev.clowder.launcher.wire.Message;
import dev.clowder.launcher.wire.Wire;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Listens on the control socket. A connection belongs to a worker (it begins with {@link Message.Hello}) or to an
 * operator's command (one {@link Message.Command}, any number of {@link Message.Progress}, one {@link Message.Reply});
 * anything else is closed.
 *
 * <p>Each has a thread that only turns messages into events, so a slow or silent client can't hold up the supervisor.
 * What clients may cost is bounded: connections that have not said who they are, commands at a time, the time for the
 * first message and for reading each answer, and the messages of a worker that wait for the supervisor.
 */
final class ControlServer implements AutoCloseable {
    /** Connections without a first message; one more, and the oldest is closed. */
    static final int MAX_SILENT = 64;
    /** Commands that wait for their answer. */
    static final int MAX_COMMANDS = 64;
    /** Messages of one worker that the supervisor has not taken in yet; then the worker's own writes wait. */
    static final int MAX_UNREAD = 64;

    private static final long FIRST_MESSAGE_MILLIS = 5_000;
    private static final long SEND_MILLIS = 10_000;

    private final ServerSocketChannel server;
    private final Consumer<Event> events;
    private final Deque<SocketChannel> silent = new ArrayDeque<>();
    private final Set<SocketChannel> workers = ConcurrentHashMap.newKeySet();
    private final Semaphore commands = new Semaphore(MAX_COMMANDS);
    private final ScheduledThreadPoolExecutor deadlines;

    ControlServer(Path socket, Consumer<Event> events) throws IOException {
        this.events = events;
        server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        server.bind(UnixDomainSocketAddress.of(socket));
        if (Files.getFileStore(socket).supportsFileAttributeView(PosixFileAttributeView.class)) {
            // Its directory is private already; a socket is as safe as whoever moves it somewhere else thinks.
            Files.setPosixFilePermissions(socket, PosixFilePermissions.fromString("rw-------"));
        }
        deadlines = new ScheduledThreadPoolExecutor(1, task -> DaemonThread.of("control deadlines", task));
        deadlines.setRemoveOnCancelPolicy(true);
        // Never shut down, since the last answers are sent after close(): its thread ends when nothing is due.
        deadlines.setKeepAliveTime(SEND_MILLIS, TimeUnit.MILLISECONDS);
        deadlines.allowCoreThreadTimeOut(true);
        DaemonThread.start("control", this::accept);
    }

    /** No new connections. Workers that still have one are without a supervisor from here on; commands get their answer. */
    @Override
    public void close() {
        closeQuietly(server);
        workers.forEach(ControlServer::closeQuietly);
    }

    private void accept() {
        while (server.isOpen()) {
            SocketChannel client = null;
            try {
                client = server.accept();
                arrived(client);
                SocketChannel served = client;
                DaemonThread.start("control connection", () -> serve(served));
            } catch (IOException | OutOfMemoryError e) {
                if (client != null) {
                    closeQuietly(client);
                }
                if (server.isOpen()) {
                    // Out of descriptors or threads: what is open must be closed by others before another try makes
                    // sense.
                    LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(100));
                }
            }
        }
    }

    /** The oldest goes, not the newest: who has something to say says it at once. */
    private void arrived(SocketChannel client) {
        SocketChannel oldest = null;
        synchronized (silent) {
            silent.add(client);
            if (silent.size() > MAX_SILENT) {
                oldest = silent.remove();
            }
        }
        if (oldest != null) {
            closeQuietly(oldest);
        }
    }

    private void serve(SocketChannel client) {
        try {
            Wire wire = new Wire(client);
            Message first = first(client, wire);
            if (first instanceof Message.Hello hello) {
                listen(client, wire, hello);
            } else if (first instanceof Message.Command command) {
                converse(client, wire, command);
            }
        } catch (IOException | OutOfMemoryError e) {
            // Garbage, or the client went away: its own business. Or there is no thread that could end it in time.
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            closeQuietly(client);
        }
    }

    private @Nullable Message first(SocketChannel client, Wire wire) throws IOException {
        Future<?> deadline = closeAfter(FIRST_MESSAGE_MILLIS, client);
        try {
            return wire.receive();
        } finally {
            deadline.cancel(false);
            synchronized (silent) {
                silent.remove(client);
            }
        }
    }

    private void listen(SocketChannel client, Wire wire, Message.Hello hello) throws InterruptedException {
        Semaphore room = new Semaphore(MAX_UNREAD);
        workers.add(client);
        try {
            for (Message message = hello; message != null; message = wire.receive()) {
                room.acquire();
                events.accept(new Event.Said(hello.id(), message, wire, room::release));
            }
        } catch (IOException e) {
            // A broken connection is a closed one.
        } finally {
            workers.remove(client);
        }
        events.accept(new Event.Disconnected(hello.id(), wire));
    }

    private void converse(SocketChannel client, Wire wire, Message.Command command)
            throws IOException, InterruptedException {
        if (!commands.tryAcquire()) {
            send(client, wire, new Message.Reply(1, MAX_COMMANDS + " commands are waiting for their answers"));
            return;
        }
        try {
            Conversation conversation = new Conversation();
            events.accept(new Event.Asked(command, conversation));
            Message said;
            do {
                said = conversation.next();
                send(client, wire, said);
            } while (!(said instanceof Message.Reply));
        } finally {
            commands.release();
        }
    }

    private void send(SocketChannel client, Wire wire, Message message) throws IOException {
        Future<?> deadline = closeAfter(SEND_MILLIS, client);
        try {
            wire.send(message);
        } finally {
            deadline.cancel(false);
        }
    }

    private Future<?> closeAfter(long millis, SocketChannel client) {
        return deadlines.schedule(() -> closeQuietly(client), millis, TimeUnit.MILLISECONDS);
    }

    /** What the supervisor says to one command; sent by the connection's own thread. */
    private static final class Conversation implements Event.Caller {
        private final BlockingQueue<Message> said = new LinkedBlockingQueue<>();

        @Override
        public void progress(String line) {
            progress(line, 0, 0);
        }

        @Override
        public void progress(String line, int done, int steps) {
            said.add(new Message.Progress(line, done, steps));
        }

        @Override
        public void answer(Message.Reply reply) {
            said.add(reply);
        }

        Message next() throws InterruptedException {
            return said.take();
        }
    }

    private static void closeQuietly(java.nio.channels.Channel channel) {
        try {
            channel.close();
        } catch (IOException e) {
            // It is of no use any more in any case.
        }
    }
}
