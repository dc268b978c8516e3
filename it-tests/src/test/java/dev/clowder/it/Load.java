package dev.clowder.it;

import dev.clowder.it.HttpConnection.Response;
import dev.clowder.it.HttpConnection.Worker;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Clients that send small requests until they are told to stop, some over a fresh connection each, some over one
 * connection for as long as the server keeps it. It knows for every failure which worker it can be blamed on.
 */
final class Load implements AutoCloseable {
    // Enough to keep every client busy without using up local ports or starving a worker that boots on the same cores.
    private static final long PAUSE_MILLIS = 2;

    private final Opening opening;
    private final long pause;
    private final String path;
    private final List<Thread> clients = new ArrayList<>();
    private final Map<Worker, AtomicInteger> answers = new ConcurrentHashMap<>();
    private final Queue<Failure> failures = new ConcurrentLinkedQueue<>();
    private volatile boolean stopped;

    /**
     * A request without a good answer.
     *
     * @param worker that answered earlier on this connection; null if none had answered yet
     * @param openedAt when the connection was opened, by {@link System#nanoTime()}
     * @param sentAt when the request was sent, likewise
     * @param cause what the client saw
     */
    record Failure(@Nullable Worker worker, long openedAt, long sentAt, Exception cause) {
        /**
         * Whether a dead worker explains it: it had this connection, or may have had it, because the connection was
         * opened while it lived.
         */
        boolean isExplainedBy(Worker victim, long seenDeadAt) {
            return worker == null ? openedAt - seenDeadAt < 0 : worker.equals(victim);
        }
    }

    /** The way to a fresh connection. */
    interface Opening {
        HttpConnection open() throws IOException;
    }

    private Load(Opening opening, String path, long pauseMillis) {
        this.opening = opening;
        this.pause = TimeUnit.MILLISECONDS.toNanos(pauseMillis);
        this.path = path;
    }

    /** Starts the clients. */
    static Load start(int port, String path, int fresh, int keptAlive) {
        return start(port, path, fresh, keptAlive, PAUSE_MILLIS);
    }

    /** Starts the clients, each with a pause of its own after each answer. */
    static Load start(int port, String path, int fresh, int keptAlive, long pauseMillis) {
        return start(() -> HttpConnection.open(port), path, fresh, keptAlive, pauseMillis);
    }

    /** Starts the clients, which connect in a way of their own. */
    static Load start(Opening opening, String path, int fresh, int keptAlive, long pauseMillis) {
        Load load = new Load(opening, path, pauseMillis);
        for (int i = 0; i < fresh; i++) {
            load.client("fresh-" + i, 1);
        }
        for (int i = 0; i < keptAlive; i++) {
            load.client("kept-alive-" + i, Integer.MAX_VALUE);
        }
        return load;
    }

    private void client(String name, int requestsOfConnection) {
        Thread client = new Thread(
                () -> {
                    while (!stopped) {
                        useConnection(requestsOfConnection);
                    }
                },
                "load-" + name);
        client.setDaemon(true);
        client.start();
        clients.add(client);
    }

    private void useConnection(int requests) {
        long openedAt = System.nanoTime();
        long sentAt = openedAt;
        Worker worker = null;
        try (HttpConnection connection = opening.open()) {
            boolean open = true;
            for (int i = 1; i <= requests && open && !stopped; i++) {
                String wish = i == requests ? "Connection: close" : "Connection: keep-alive";
                sentAt = System.nanoTime();
                Response response = connection.get(path, wish);
                if (response.status() != 200) {
                    throw new IOException("status " + response.status());
                }
                worker = response.worker();
                answers.computeIfAbsent(worker, any -> new AtomicInteger()).incrementAndGet();
                open = !"close".equalsIgnoreCase(response.header("Connection"));
                LockSupport.parkNanos(pause);
            }
        } catch (IOException | RuntimeException e) {
            failures.add(new Failure(worker, openedAt, sentAt, e));
            // A server that is gone fails at once, again and again.
            LockSupport.parkNanos(pause);
        }
    }

    /** Returns how many good answers came from this worker so far. */
    int answersOf(Worker worker) {
        AtomicInteger count = answers.get(worker);
        return count == null ? 0 : count.get();
    }

    /** Returns how many good answers there were so far. */
    int answers() {
        return answers.values().stream().mapToInt(AtomicInteger::get).sum();
    }

    /** Returns the workers that answered so far. */
    List<Worker> workers() {
        return List.copyOf(answers.keySet());
    }

    /** Returns the failures so far. */
    List<Failure> failures() {
        return List.copyOf(failures);
    }

    /** Lets every client finish its request and waits for it. */
    void stop() throws InterruptedException {
        stopped = true;
        for (Thread client : clients) {
            client.join(TimeUnit.SECONDS.toMillis(40));
            if (client.isAlive()) {
                throw new AssertionError(client.getName() + " still waits for an answer");
            }
        }
    }

    /** Tells every client to stop and does not wait. */
    @Override
    public void close() {
        stopped = true;
    }
}
