package dev.clowder.launcher.worker;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import dev.clowder.launcher.wire.Message;
import dev.clowder.launcher.wire.Wire;
import io.netty.channel.unix.Socket;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.apache.juli.logging.Log;
import org.apache.juli.logging.LogFactory;
import org.jspecify.annotations.Nullable;

/**
 * A worker's life in a nutshell, for the class-data archive: a real {@link WorkerMain} boots, serves two requests and
 * drains, and the JVM writes down which classes that took. The supervisor of this worker is a thread of the same process.
 * It ends early when its standard input does.
 */
public final class TrainingMain {
    private static final Log LOG = LogFactory.getLog(TrainingMain.class);

    /** With a session and an expression: the first page of a real application needs the same classes. */
    private static final String PAGE = "<%@ page contentType=\"text/plain\" %>${requestScope.forwarded.ip}";

    private final Path directory;
    private final ServerSocketChannel control;
    private final ServerSocketChannel listeners;
    private final ServerSocketChannel clients;
    private volatile @Nullable Wire worker;

    private TrainingMain(Path directory) throws IOException {
        this.directory = directory;
        control = unix(directory.resolve("c.sock"));
        listeners = unix(directory.resolve("l.sock"));
        clients = ServerSocketChannel.open().bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
    }

    /** Argument: a directory that it may write to, with a file {@code classes}: what the supervisor has loaded. */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        Path directory = Path.of(arguments[0]);
        Files.writeString(Files.createDirectory(directory.resolve("app")).resolve("index.jsp"), PAGE);
        Files.writeString(directory.resolve("app").resolve("index.html"), "hello");
        Files.readAllLines(directory.resolve("classes")).forEach(TrainingMain::load);
        TrainingMain training = new TrainingMain(directory);
        thread("end of input", training::awaitEndOfInput);
        thread("listeners", training::handOut);
        thread("supervisor", training::supervise);
        WorkerMain.main(new String[] {directory.resolve("c.sock").toString(), "0"});
    }

    /** Without running any of its code. */
    private static void load(String name) {
        try {
            Class.forName(name, false, TrainingMain.class.getClassLoader());
        } catch (ClassNotFoundException | LinkageError e) {
            // The supervisor may run on another JVM, or inside an application.
        }
    }

    private void supervise() throws IOException {
        // Without this connection the worker leaves, whatever happens here.
        try (Wire accepted = new Wire(control.accept())) {
            worker = accepted;
            accepted.receive();
            accepted.send(start());
            Message said = accepted.receive();
            while (said != null && !(said instanceof Message.Ready)) {
                said = accepted.receive();
            }
            ask("/index.html");
            ask("/index.jsp");
            accepted.receive();
            accepted.send(new Message.Stop(1000, 0));
            while (said != null) {
                said = accepted.receive();
            }
        }
    }

    private Message.Start start() throws IOException {
        Message.Listener listener = new Message.Listener(
                port(),
                directory.resolve("i.sock").toString(),
                directory.resolve("l.sock").toString(),
                null);
        return new Message.Start(
                1,
                1,
                1,
                directory.resolve("worker").toString(),
                List.of(listener),
                false,
                new Message.Forwarding("loopback", "x-forwarded", "off"),
                false,
                true,
                0,
                List.of(new Message.Mount("", directory.resolve("app").toString())),
                new Message.Sessions("local", ""),
                null,
                null);
    }

    private int port() throws IOException {
        return ((InetSocketAddress) clients.getLocalAddress()).getPort();
    }

    private void handOut() throws IOException {
        try (SocketChannel asking = listeners.accept()) {
            Descriptors descriptors = new Descriptors();
            ByteBuffer request = ByteBuffer.allocate(1);
            asking.read(request);
            new Socket(descriptors.of(asking)).sendFd(descriptors.of(clients));
            // It closes when it has taken it.
            asking.read(request.clear());
        }
    }

    private void ask(String path) throws IOException {
        try (var client = new java.net.Socket(InetAddress.getLoopbackAddress(), port());
                InputStream in = client.getInputStream()) {
            String request = "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 192.0.2.1\r\n"
                    + "Connection: close\r\n\r\n";
            client.getOutputStream().write(request.getBytes(ISO_8859_1));
            String answer = new String(in.readAllBytes(), ISO_8859_1);
            if (!answer.startsWith("HTTP/1.1 200")) {
                throw new IOException(path + ": " + answer.lines().findFirst().orElse("no answer"));
            }
        }
    }

    private void awaitEndOfInput() throws IOException {
        while (System.in.read() >= 0) {
            // Nobody says anything.
        }
        control.close();
        listeners.close();
        Wire connection = worker;
        if (connection != null) {
            connection.close();
        }
    }

    private static ServerSocketChannel unix(Path path) throws IOException {
        return ServerSocketChannel.open(StandardProtocolFamily.UNIX).bind(UnixDomainSocketAddress.of(path));
    }

    private interface Task {
        void run() throws IOException;
    }

    private static void thread(String name, Task task) {
        Thread thread = new Thread(
                () -> {
                    try {
                        task.run();
                    } catch (IOException e) {
                        LOG.error("the training is incomplete", e);
                    }
                },
                name);
        thread.setDaemon(true);
        thread.start();
    }
}
