package dev.clowder.arquillian;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Passes each request to the cluster over a connection of its own, so that a client which keeps its connection does not
 * stay with one worker. Upgraded connections, such as WebSocket, go through as they are. One thread reads a client, one its
 * answer: for tests, not for crowds. Safe for use by several threads.
 */
final class RequestRelay implements AutoCloseable {
    /** What has to happen around each request. */
    interface Turns {
        /**
         * Before a request is sent.
         *
         * @throws IOException if it can't be sent; the client is told the message with 503
         */
        void begin() throws IOException;

        /**
         * When the answer is complete, but its last part not yet with the client; or when there will be none.
         *
         * @param slot of the worker that answered, 0 if that is not known
         */
        void end(int slot);

        /** Nothing happens. */
        Turns NONE = new Turns() {
            @Override
            public void begin() {
                // Nothing.
            }

            @Override
            public void end(int slot) {
                // Nothing.
            }
        };
    }

    private static final System.Logger LOG = System.getLogger(RequestRelay.class.getName());
    private static final int HEAD_LIMIT = 64 * 1024;
    // The end of an answer follows it at once. A stream of events is delayed by so much.
    private static final int HOLD_MILLIS = 100;
    // A client that has closed, or says nothing more, may still wait for its answer; a server that is as silent has
    // none.
    private static final int SILENCE_MILLIS = 10_000;
    // For a client that has not closed its connection after the answer.
    private static final int LINGER_MILLIS = 2000;
    private static final Pattern WORKER = Pattern.compile("\r\nX-Clowder-Worker: *(\\d+)/", Pattern.CASE_INSENSITIVE);

    private final ServerSocket listener;
    private final InetSocketAddress cluster;
    private final Turns turns;
    private final int silenceMillis;
    private final ExecutorService threads = Executors.newCachedThreadPool(RequestRelay::daemon);
    private final Set<Socket> open = ConcurrentHashMap.newKeySet();

    /** Starts on a free port of 127.0.0.1, in front of a cluster on another one. */
    RequestRelay(int clusterPort, Turns turns) throws IOException {
        this(clusterPort, turns, SILENCE_MILLIS);
    }

    /** @param silenceMillis after which an answer is given up whose client has ended its side of the connection */
    RequestRelay(int clusterPort, Turns turns, int silenceMillis) throws IOException {
        InetAddress loopback = InetAddress.getByAddress(new byte[] {127, 0, 0, 1});
        this.cluster = new InetSocketAddress(loopback, clusterPort);
        this.turns = turns;
        this.silenceMillis = silenceMillis;
        this.listener = new ServerSocket(0, 0, loopback);
        threads.execute(this::accept);
    }

    private static Thread daemon(Runnable work) {
        Thread thread = new Thread(work, "clowder-request-relay");
        thread.setDaemon(true);
        return thread;
    }

    int port() {
        return listener.getLocalPort();
    }

    private void accept() {
        while (!listener.isClosed()) {
            try {
                admit(listener.accept());
            } catch (IOException e) {
                // Closed, which ends the loop; or the client is gone.
                LOG.log(System.Logger.Level.DEBUG, "no connection accepted", e);
            }
        }
    }

    private void admit(Socket client) {
        open.add(client);
        try {
            threads.execute(() -> serve(client));
        } catch (RejectedExecutionException e) {
            open.remove(client);
            close(client);
        }
    }

    private void serve(Socket client) {
        try (client) {
            if (listener.isClosed()) {
                return;
            }
            InputStream in = new BufferedInputStream(client.getInputStream());
            byte[] head = readHead(in);
            if (head.length > 0) {
                client.setTcpNoDelay(true);
                take(client, in, head);
            }
        } catch (IOException e) {
            LOG.log(System.Logger.Level.DEBUG, "a client or its worker is gone", e);
        } finally {
            open.remove(client);
        }
    }

    // To the empty line, or as far as it goes: the server says what is wrong with it.
    private static byte[] readHead(InputStream in) throws IOException {
        ByteArrayOutputStream head = new ByteArrayOutputStream();
        int newlines = 0;
        while (newlines < 2 && head.size() < HEAD_LIMIT) {
            int next = in.read();
            if (next < 0) {
                break;
            }
            head.write(next);
            if (next != '\r') {
                newlines = next == '\n' ? newlines + 1 : 0;
            }
        }
        return head.toByteArray();
    }

    private void take(Socket client, InputStream in, byte[] head) throws IOException {
        try {
            turns.begin();
        } catch (IOException e) {
            refuse(client, "503 Service Unavailable", e);
            return;
        }
        boolean alone = RequestHead.canBeAlone(head);
        // What is left as it is has no end that could be waited for.
        Exchange exchange = new Exchange(client, alone ? HOLD_MILLIS : 0);
        try {
            exchange.run(in, alone ? RequestHead.alone(head) : head);
        } finally {
            exchange.end();
        }
    }

    private static void refuse(Socket client, String status, IOException why) throws IOException {
        byte[] text = ("clowder-arquillian: " + why.getMessage() + "\n").getBytes(StandardCharsets.UTF_8);
        String head = "HTTP/1.1 " + status + "\r\nContent-Type: text/plain;charset=UTF-8\r\nContent-Length: "
                + text.length + "\r\nConnection: close\r\n\r\n";
        client.getOutputStream().write(head.getBytes(StandardCharsets.ISO_8859_1));
        client.getOutputStream().write(text);
        client.shutdownOutput();
    }

    /** One request and its answer. */
    private final class Exchange {
        private final Socket client;
        private final int holdMillis;
        private final StringBuilder answerHead = new StringBuilder();
        private final CountDownLatch answered = new CountDownLatch(1);
        /** How often something of the answer came. */
        private final AtomicInteger progress = new AtomicInteger();

        private int slot;
        private boolean ended;

        Exchange(Socket client, int holdMillis) {
            this.client = client;
            this.holdMillis = holdMillis;
        }

        void run(InputStream in, byte[] head) throws IOException {
            try (Socket server = new Socket()) {
                open.add(server);
                if (listener.isClosed()) {
                    return;
                }
                try {
                    server.connect(cluster);
                    server.setTcpNoDelay(true);
                    server.getOutputStream().write(head);
                } catch (IOException e) {
                    refuse(client, "502 Bad Gateway", new IOException("no cluster at " + cluster + ": " + e, e));
                    return;
                }
                Future<?> rest = threads.submit(() -> copyRest(in, server));
                byte[] last = answer(server, client.getOutputStream());
                end();
                client.getOutputStream().write(last);
                client.shutdownOutput();
                awaitEnd(rest);
            } catch (RejectedExecutionException e) {
                throw new IOException("the relay is closed", e);
            } finally {
                open.removeIf(Socket::isClosed);
            }
        }

        // What follows the head, to the end of the connection; what the server does not want any more is dropped.
        private void copyRest(InputStream in, Socket server) {
            byte[] buffer = new byte[16 * 1024];
            try {
                OutputStream out = server.getOutputStream();
                for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
                    try {
                        out.write(buffer, 0, n);
                    } catch (IOException e) {
                        out = OutputStream.nullOutputStream();
                    }
                }
                server.shutdownOutput();
                awaitAnswer();
            } catch (IOException e) {
                LOG.log(System.Logger.Level.DEBUG, "a client or its worker is gone", e);
                // Nobody is left who would read the answer, which may be one without an end.
                RequestRelay.close(server);
            }
        }

        // A client that is gone looks like one that only says nothing more, until something is written to it.
        private void awaitAnswer() throws IOException {
            int before;
            do {
                before = progress.get();
                try {
                    if (answered.await(silenceMillis, TimeUnit.MILLISECONDS)) {
                        return;
                    }
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    throw new IOException("the relay is closed", e);
                }
            } while (progress.get() != before);
            throw new IOException("no answer for a client that says nothing more");
        }

        // To close at once would take the answer from a client that has sent more than was read.
        private void awaitEnd(Future<?> rest) {
            try {
                rest.get(LINGER_MILLIS, TimeUnit.MILLISECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            } catch (ExecutionException | TimeoutException e) {
                LOG.log(System.Logger.Level.DEBUG, "a client does not close its connection", e);
            }
        }

        // Passes on everything but what comes right before the end, and returns that.
        private byte[] answer(Socket server, OutputStream out) throws IOException {
            InputStream in = server.getInputStream();
            byte[] buffer = new byte[16 * 1024];
            byte[] held = new byte[0];
            while (true) {
                server.setSoTimeout(held.length == 0 ? 0 : holdMillis);
                int n;
                try {
                    n = in.read(buffer);
                } catch (SocketTimeoutException e) {
                    n = 0;
                }
                if (n < 0) {
                    return held;
                }
                progress.incrementAndGet();
                out.write(held);
                look(buffer, n);
                if (holdMillis == 0) {
                    out.write(buffer, 0, n);
                } else {
                    held = Arrays.copyOf(buffer, n);
                }
            }
        }

        private void look(byte[] part, int length) {
            if (slot == 0 && answerHead.length() < HEAD_LIMIT) {
                answerHead.append(new String(part, 0, length, StandardCharsets.ISO_8859_1));
                Matcher worker = WORKER.matcher(answerHead);
                slot = worker.find() ? Integer.parseInt(worker.group(1)) : 0;
            }
        }

        void end() {
            if (!ended) {
                ended = true;
                answered.countDown();
                turns.end(slot);
            }
        }
    }

    /** Closes the port and all connections. */
    @Override
    public void close() {
        close(listener);
        threads.shutdownNow();
        open.forEach(RequestRelay::close);
    }

    private static void close(Closeable socket) {
        try {
            socket.close();
        } catch (IOException e) {
            LOG.log(System.Logger.Level.DEBUG, "can't close a socket", e);
        }
    }
}
