package dev.clowder.benchmark;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * What is left when there is no Tomcat: loops around a selector that read a request and write the bytes that Tomcat would.
 * It understands nothing; it shows what a request costs at least. Ends with its standard input. Arguments: a port of
 * 127.0.0.1, and how many loops.
 */
final class NioServer {
    /** As Tomcat's. */
    private static final int REQUESTS_OF_A_CONNECTION = 100;

    private static final int BACKLOG = 1024;
    private static final byte[] END = "\r\n\r\n".getBytes(US_ASCII);
    private static final byte[] CLOSE = "Connection: close".getBytes(US_ASCII);

    private NioServer() {}

    /** Serves until nobody wants it any more. */
    public static void main(String[] arguments) throws IOException {
        ServerSocketChannel server = ServerSocketChannel.open()
                .bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), Integer.parseInt(arguments[0])), BACKLOG);
        Loop[] loops = new Loop[Integer.parseInt(arguments[1])];
        for (int i = 0; i < loops.length; i++) {
            loops[i] = new Loop();
            daemon(loops[i]);
        }
        daemon(() -> accept(server, loops));
        System.in.transferTo(OutputStream.nullOutputStream());
    }

    private static void daemon(Runnable task) {
        Thread thread = new Thread(task);
        thread.setDaemon(true);
        thread.start();
    }

    private static void accept(ServerSocketChannel server, Loop[] loops) {
        for (int next = 0; ; next = (next + 1) % loops.length) {
            try {
                SocketChannel connection = server.accept();
                connection.configureBlocking(false);
                connection.setOption(StandardSocketOptions.TCP_NODELAY, true);
                loops[next].add(connection);
            } catch (IOException e) {
                System.err.println(e);
            }
        }
    }

    /** One thread and its connections. */
    private static final class Loop implements Runnable {
        private final Selector selector = Selector.open();
        private final Queue<SocketChannel> fresh = new ConcurrentLinkedQueue<>();
        private long second;
        private ByteBuffer going = ByteBuffer.allocate(0);
        private ByteBuffer last = ByteBuffer.allocate(0);

        Loop() throws IOException {}

        void add(SocketChannel connection) {
            fresh.add(connection);
            selector.wakeup();
        }

        @Override
        public void run() {
            while (true) {
                try {
                    selector.select(this::serve);
                    for (SocketChannel one = fresh.poll(); one != null; one = fresh.poll()) {
                        one.register(selector, SelectionKey.OP_READ, new Connection());
                    }
                } catch (IOException e) {
                    System.err.println(e);
                }
            }
        }

        private void serve(SelectionKey key) {
            SocketChannel channel = (SocketChannel) key.channel();
            try {
                Connection connection = (Connection) key.attachment();
                if (channel.read(connection.in) < 0) {
                    channel.close();
                } else if (connection.isComplete()) {
                    answer(channel, connection);
                }
            } catch (IOException e) {
                close(channel);
            }
        }

        /** So few bytes always find room. */
        private void answer(SocketChannel channel, Connection connection) throws IOException {
            renew();
            boolean ends = connection.wantsEnd() || ++connection.requests == REQUESTS_OF_A_CONNECTION;
            connection.in.clear();
            channel.write((ends ? last : going).duplicate());
            if (ends) {
                channel.close();
            }
        }

        private void renew() {
            long now = System.currentTimeMillis() / 1000;
            if (now != second) {
                second = now;
                String date = DateTimeFormatter.RFC_1123_DATE_TIME.format(ZonedDateTime.now(ZoneOffset.UTC));
                String head =
                        "HTTP/1.1 200 \r\nContent-Type: text/plain\r\nContent-Length: 5\r\nDate: " + date + "\r\n";
                going = direct(head + "\r\nhello");
                last = direct(head + "Connection: close\r\n\r\nhello");
            }
        }

        private static ByteBuffer direct(String text) {
            byte[] bytes = text.getBytes(US_ASCII);
            return ByteBuffer.allocateDirect(bytes.length).put(bytes).flip();
        }

        private static void close(SocketChannel channel) {
            try {
                channel.close();
            } catch (IOException e) {
                System.err.println(e);
            }
        }
    }

    private static final class Connection {
        final ByteBuffer in = ByteBuffer.allocateDirect(1024);
        int requests;

        boolean isComplete() {
            return in.position() >= END.length && matches(in.position() - END.length, END);
        }

        boolean wantsEnd() {
            for (int i = 0; i <= in.position() - CLOSE.length; i++) {
                if (matches(i, CLOSE)) {
                    return true;
                }
            }
            return false;
        }

        private boolean matches(int from, byte[] wanted) {
            for (int i = 0; i < wanted.length; i++) {
                if (in.get(from + i) != wanted[i]) {
                    return false;
                }
            }
            return true;
        }
    }
}
