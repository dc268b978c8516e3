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
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Consumer;

/**
 * Listens on the control socket. A connection belongs to a worker (it begins with {@link Message.Hello}) or to an
 * operator's command (one {@link Message.Command}, one {@link Message.Reply}); anything else is closed. Each has a thread
 * that only turns messages into events, so a slow or silent client can't hold up the supervisor.
 */
final class ControlServer implements AutoCloseable {
    private final ServerSocketChannel server;
    private final Consumer<Event> events;

    ControlServer(Path socket, Consumer<Event> events) throws IOException {
        this.events = events;
        server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        server.bind(UnixDomainSocketAddress.of(socket));
        if (Files.getFileStore(socket).supportsFileAttributeView(PosixFileAttributeView.class)) {
            // Its directory is private already; a socket is as safe as whoever moves it somewhere else thinks.
            Files.setPosixFilePermissions(socket, PosixFilePermissions.fromString("rw-------"));
        }
        thread("control", this::accept);
    }

    /** No new connections; those that are open end with the process or when the supervisor closes them. */
    @Override
    public void close() {
        try {
            server.close();
        } catch (IOException e) {
            // It accepts no more in any case.
        }
    }

    private void accept() {
        while (server.isOpen()) {
            try {
                SocketChannel client = server.accept();
                thread("control connection", () -> serve(client));
            } catch (IOException e) {
                if (server.isOpen()) {
                    // Out of descriptors: what is open must be closed by others before another try makes sense.
                    java.util.concurrent.locks.LockSupport.parkNanos(100_000_000);
                }
            }
        }
    }

    private void serve(SocketChannel client) {
        try (client) {
            Wire wire = new Wire(client);
            Message first = wire.receive();
            if (first instanceof Message.Hello hello) {
                listen(wire, hello);
            } else if (first instanceof Message.Command command) {
                Conversation conversation = new Conversation();
                events.accept(new Event.Asked(command, conversation));
                conversation.deliver(wire);
            }
        } catch (IOException e) {
            // Garbage, or the client went away: its own business.
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void listen(Wire wire, Message.Hello hello) {
        try {
            for (Message message = hello; message != null; message = wire.receive()) {
                events.accept(new Event.Said(hello.id(), message, wire));
            }
        } catch (IOException e) {
            // A broken connection is a closed one.
        }
        events.accept(new Event.Disconnected(hello.id()));
    }

    /** What the supervisor says to one command; sent by the connection's own thread. */
    private static final class Conversation implements Event.Caller {
        private final BlockingQueue<Message> said = new LinkedBlockingQueue<>();

        @Override
        public void progress(String line) {
            said.add(new Message.Progress(line));
        }

        @Override
        public void answer(Message.Reply reply) {
            said.add(reply);
        }

        void deliver(Wire wire) throws IOException, InterruptedException {
            Message message;
            do {
                message = said.take();
                wire.send(message);
            } while (!(message instanceof Message.Reply));
        }
    }

    private static void thread(String name, Runnable task) {
        Thread thread = new Thread(task, name);
        thread.setDaemon(true);
        thread.start();
    }
}
