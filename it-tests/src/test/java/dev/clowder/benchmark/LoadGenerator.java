package dev.clowder.benchmark;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedSelectorException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/**
 * Sends the requests of one workload to one port, at a fixed rate or as fast as answers come, and measures the answers.
 * It lives on the processors of the servers, so it is cheap: a few threads with a selector each, requests as bytes that
 * are made once, answers looked at as far as they must.
 *
 * <p>For one measurement. The thread that measures sends what is due; the loops receive, and send what had to wait.
 */
final class LoadGenerator implements AutoCloseable {
    private static final long NONE = Long.MIN_VALUE;
    private static final int STREAMS = 8;
    private static final int USERS = 64;
    private static final int BUFFER = 128 * 1024;
    private static final long MOST_FAILURES = 1000;
    /** For answers to what was under way at the end; later ones are none. */
    private static final long GRACE_NANOS = TimeUnit.SECONDS.toNanos(30);

    private final Workload workload;
    private final int port;
    private final SSLContext tls;
    private final byte[][] requests;
    private final List<LoadConnection> connections = new ArrayList<>();
    private final List<Loop> loops = new ArrayList<>();
    private final ExecutorService opener = Executors.newSingleThreadExecutor(LoadGenerator::daemon);
    private final SplittableRandom random = new SplittableRandom(1);

    // All below is guarded by this.
    private final Queue<LoadConnection> idle = new ArrayDeque<>();
    private final Queue<Long> waiting = new ArrayDeque<>();
    private Latencies latencies = new Latencies();
    private boolean paced;
    private long until;
    private long underWay;
    private long failures;
    private @Nullable IOException failure;

    /**
     * What was seen.
     *
     * @param answered good answers
     * @param failed requests without a good one, those that came too late among them
     * @param seconds in which the answers came
     * @param latencies from when a request was due, or sent if it was not due at any time, to the end of its answer
     */
    record Result(long answered, long failed, double seconds, Latencies latencies) {
        double perSecond() {
            return answered / seconds;
        }
    }

    /** A thread that receives; requests of its connections are answered here. */
    private static final class Loop implements Runnable {
        private final Selector selector;
        private final Thread thread;

        Loop() throws IOException {
            selector = Selector.open();
            thread = daemon(this);
        }

        @Override
        public void run() {
            ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER);
            try {
                while (selector.isOpen()) {
                    selector.select(key -> ((LoadConnection) key.attachment()).receive(buffer), 0);
                }
            } catch (ClosedSelectorException e) {
                // The measurement is over.
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        void watch(SocketChannel channel, LoadConnection connection) throws IOException {
            channel.configureBlocking(false);
            channel.register(selector, SelectionKey.OP_READ, connection);
            if (!Thread.currentThread().equals(thread)) {
                selector.wakeup();
            }
        }
    }

    private static Thread daemon(Runnable work) {
        Thread thread = new Thread(work, "load");
        thread.setDaemon(true);
        return thread;
    }

    /**
     * Opens the connections that stay open.
     *
     * @param tls of clients that trust the server
     * @param threads that receive
     */
    LoadGenerator(Workload workload, int port, SSLContext tls, int threads) throws IOException {
        this.workload = workload;
        this.port = port;
        this.tls = tls;
        requests = workload.sessions() == Workload.Sessions.SHARED
                ? requestsOfUsers()
                : workload.paths().stream().map(this::request).toArray(byte[][]::new);
        for (int i = 0; i < threads; i++) {
            loops.add(new Loop());
        }
        loops.forEach(loop -> loop.thread.start());
        int places = workload.way() == Workload.Way.HTTP2 ? STREAMS : 1;
        for (int i = 0; i < workload.clients() / places; i++) {
            LoadConnection connection = new LoadConnection(
                    new To(loops.get(i % threads)), this, !workload.way().encrypted());
            connections.add(connection);
            for (int place = 0; place < places; place++) {
                idle.add(connection);
            }
        }
        if (workload.way() != Workload.Way.CONNECTION_EACH) {
            for (LoadConnection connection : connections) {
                connection.open();
            }
        }
    }

    private byte[] request(String path) {
        return switch (workload.way()) {
            case KEPT_ALIVE, TLS -> Http1.request(path, false);
            case CONNECTION_EACH -> Http1.request(path, true);
            case HTTP2 -> Http2.request(path);
        };
    }

    /** Each with the cookie of a session that begins here. */
    private byte[][] requestsOfUsers() throws IOException {
        byte[][] all = new byte[USERS][];
        for (int user = 0; user < USERS; user++) {
            String path = workload.paths().get(user % workload.paths().size());
            all[user] = Http1.request(path, Probe.cookie(port, path));
        }
        return all;
    }

    private final class To implements LoadConnection.Opening {
        private final Loop loop;

        To(Loop loop) {
            this.loop = loop;
        }

        @Override
        public Wire open(LoadConnection connection) throws IOException {
            SocketChannel channel = Wire.connect(port);
            try {
                Wire wire = switch (workload.way()) {
                    case KEPT_ALIVE, CONNECTION_EACH -> new Wire(channel);
                    // Without ALPN, which Tomcat has for h2 only.
                    case TLS -> new TlsWire(channel, tls, "");
                    case HTTP2 -> new TlsWire(channel, tls, "h2");
                };
                loop.watch(channel, connection);
                return wire;
            } catch (IOException e) {
                channel.close();
                throw e;
            }
        }

        @Override
        public Http http(LoadConnection connection, Wire wire) throws IOException {
            if (workload.way() == Workload.Way.HTTP2) {
                return new Http2(wire);
            }
            boolean once = workload.way() == Workload.Way.CONNECTION_EACH;
            boolean keeps = workload.sessions() == Workload.Sessions.OWN;
            String path = workload.paths().get(0);
            return new Http1(wire, once, keeps ? cookie -> connection.always(Http1.request(path, cookie)) : null);
        }
    }

    /**
     * Measures at a fixed rate.
     *
     * @throws IOException if the server was gone, or failed all the time
     */
    Result atRate(Schedule schedule, Duration time) throws IOException, InterruptedException {
        punctual();
        long count = schedule.count(time.toNanos());
        long start = begin(true, time);
        for (long number = 0; number < count; number++) {
            long due = start + schedule.due(number);
            for (long left = due - System.nanoTime(); left > 0; left = due - System.nanoTime()) {
                LockSupport.parkNanos(left);
            }
            LoadConnection free = claim(due);
            if (free != null) {
                free.send(next(), due);
            }
        }
        return finish(start);
    }

    /**
     * Measures with as many requests under way as there are clients.
     *
     * @throws IOException if the server was gone, or failed all the time
     */
    Result saturated(Duration time) throws IOException, InterruptedException {
        long start = begin(false, time);
        for (LoadConnection free = claim(start); free != null; free = claim(System.nanoTime())) {
            free.send(next(), System.nanoTime());
        }
        TimeUnit.NANOSECONDS.sleep(time.toNanos());
        return finish(start);
    }

    private synchronized long begin(boolean atRate, Duration time) {
        paced = atRate;
        long start = System.nanoTime();
        until = start + time.toNanos();
        return start;
    }

    private synchronized Result finish(long start) throws IOException, InterruptedException {
        long deadline = until + GRACE_NANOS;
        for (long left = deadline - System.nanoTime(); underWay > 0 && left > 0; left = deadline - System.nanoTime()) {
            TimeUnit.NANOSECONDS.timedWait(this, left);
        }
        long now = System.nanoTime();
        // Answers that come from now on are nobody's.
        Latencies seen = latencies;
        latencies = new Latencies();
        long answered = seen.count();
        waiting.forEach(due -> seen.add(now - due));
        failures += waiting.size() + underWay;
        waiting.clear();
        IOException reason = failure;
        if (reason != null && (answered == 0 || failures >= MOST_FAILURES)) {
            throw reason;
        }
        return new Result(answered, failures, ((paced ? now : until) - start) / 1e9, seen);
    }

    private synchronized @Nullable LoadConnection claim(long due) {
        if (!paced && until - System.nanoTime() <= 0) {
            return null;
        }
        LoadConnection free = idle.poll();
        if (free != null) {
            underWay++;
        } else if (paced) {
            waiting.add(due);
        }
        return free;
    }

    private synchronized byte[] next() {
        return requests.length == 1 ? requests[0] : requests[random.nextInt(requests.length)];
    }

    /** A request is over. */
    synchronized void answered(long due, boolean good) {
        long now = System.nanoTime();
        if (!good) {
            failures++;
        } else if (paced || now - until <= 0) {
            latencies.add(now - due);
        }
    }

    /** Why requests are over without an answer. */
    synchronized void failed(IOException reason) {
        failure = reason;
    }

    /** Takes places back that requests had, for the next ones; at once only if that needs no time. */
    void free(LoadConnection connection, int places, boolean ready) {
        if (!ready && !opener.isShutdown()) {
            opener.execute(() -> {
                try {
                    connection.open();
                } catch (IOException e) {
                    failed(e);
                }
                free(connection, places, true);
            });
            return;
        }
        for (int place = 0; place < places; place++) {
            long due = giveBack(connection);
            if (due != NONE) {
                connection.send(next(), due);
            }
        }
    }

    private synchronized long giveBack(LoadConnection connection) {
        if (paced) {
            Long due = waiting.poll();
            if (due != null) {
                return due;
            }
        } else if (until - System.nanoTime() > 0 && failures < MOST_FAILURES) {
            return System.nanoTime();
        }
        underWay--;
        idle.add(connection);
        notifyAll();
        return NONE;
    }

    /** Nobody sends over it any more. */
    void close(Wire wire) {
        try {
            wire.close();
        } catch (IOException e) {
            failed(e);
        }
    }

    /** The system wakes sleepers 50 us late unless they ask for better; one that can't be asked leaves it at that. */
    private static void punctual() {
        try {
            Path thread = Files.readSymbolicLink(Path.of("/proc/thread-self")).getFileName();
            Files.writeString(Path.of("/proc").resolve(thread).resolve("timerslack_ns"), "1");
        } catch (IOException e) {
            System.getLogger(LoadGenerator.class.getName()).log(System.Logger.Level.DEBUG, "no timerslack_ns", e);
        }
    }

    @Override
    public void close() throws IOException {
        connections.forEach(LoadConnection::close);
        opener.shutdownNow();
        for (Loop loop : loops) {
            loop.selector.close();
        }
    }
}
