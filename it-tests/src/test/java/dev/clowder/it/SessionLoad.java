package dev.clowder.it;

import dev.clowder.it.HttpConnection.Response;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Users with a session each, who count in it over connections that are chosen at random, and compare each answer with
 * what they know. The seed decides on users, connections and pauses; not on what the machine makes of them.
 */
final class SessionLoad implements AutoCloseable {
    private static final int CONNECTIONS = 4;
    private static final long LONGEST_PAUSE = TimeUnit.MILLISECONDS.toNanos(150);

    private final Connector connector;
    private final boolean relayed;
    private final String path;
    private final ExecutorService threads;
    private final List<Future<?>> users = new ArrayList<>();
    private final AtomicInteger counted = new AtomicInteger();
    private final Queue<Integer> restarts = new ConcurrentLinkedQueue<>();
    private final Queue<String> wrong = new ConcurrentLinkedQueue<>();
    private volatile boolean over;

    /** Opens a connection, by whatever protocol. */
    interface Connector {
        HttpConnection open() throws IOException;
    }

    private SessionLoad(Connector connector, boolean relayed, String path, int users) {
        this.connector = connector;
        this.relayed = relayed;
        this.path = path;
        this.threads = Executors.newFixedThreadPool(users);
    }

    /**
     * Begins.
     *
     * @param relayed whether an answer may be lost although the request has counted: when the worker that relays it dies
     */
    static SessionLoad start(Connector connector, boolean relayed, String path, int users, long seed) {
        SessionLoad load = new SessionLoad(connector, relayed, path, users);
        for (int i = 0; i < users; i++) {
            Random random = new Random(seed * 1000 + i);
            load.users.add(load.threads.submit(() -> load.live(random)));
        }
        return load;
    }

    /** Increments that were answered. */
    int counted() {
        return counted.get();
    }

    /** Slots of sessions that began anew. */
    List<Integer> restarts() {
        return List.copyOf(restarts);
    }

    /** Answers that no single Tomcat would have given. */
    List<String> wrong() {
        return List.copyOf(wrong);
    }

    /** Returns when each user has had the answer to the last request. */
    void stop() throws Exception {
        over = true;
        for (Future<?> user : users) {
            user.get(60, TimeUnit.SECONDS);
        }
    }

    @Override
    public void close() {
        over = true;
        threads.shutdownNow();
    }

    private Void live(Random random) throws IOException {
        SessionUser user = new SessionUser(0);
        @Nullable HttpConnection[] connections = new HttpConnection[CONNECTIONS];
        try {
            int count = 0;
            int lost = 0;
            while (!over) {
                int slot = count == 0 ? 0 : user.slot();
                int answer = ask(user, connections, random.nextInt(CONNECTIONS));
                if (answer == 0) {
                    lost += relayed ? 1 : 0;
                    continue;
                }
                counted.incrementAndGet();
                if (answer == 1 && count > 0) {
                    restarts.add(slot);
                } else if (answer <= count || answer > count + 1 + lost) {
                    wrong.add(answer + " instead of " + (count + 1) + " in slot " + slot);
                }
                count = answer;
                lost = 0;
                LockSupport.parkNanos((long) (random.nextDouble() * LONGEST_PAUSE));
            }
        } finally {
            for (HttpConnection connection : connections) {
                if (connection != null) {
                    connection.close();
                }
            }
        }
        return null;
    }

    /** The new count; 0 if the connection ended without an answer. */
    private int ask(SessionUser user, @Nullable HttpConnection[] connections, int chosen) throws IOException {
        HttpConnection connection = connections[chosen];
        try {
            if (connection == null) {
                connection = connector.open();
                connections[chosen] = connection;
            }
            Response response = connection.get(path, user.cookieLine());
            if ("close".equals(response.header("Connection"))) {
                connection.close();
                connections[chosen] = null;
            }
            // The worker that was to answer has died.
            boolean none = relayed && response.status() == 502;
            return none ? 0 : Integer.parseInt(user.seen(response).body());
        } catch (IOException e) {
            if (connection != null) {
                connection.close();
            }
            connections[chosen] = null;
            return 0;
        }
    }
}
