package dev.clowder.it;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Users who count in their sessions: each has some kept-alive connections, sends each request over one that chance
 * chooses, now and then two at the same time, and knows which numbers may come. A request that was cut off may have
 * counted or not: the user looks, and from then on the numbers are exact again. Nobody else ever repeats anything.
 */
final class CountingUsers implements AutoCloseable {
    private static final int LOOKS = 600;

    private final List<Integer> ports;
    private final String path;
    private final int connections;
    private final List<Thread> threads = new ArrayList<>();
    private final AtomicInteger left;
    private final AtomicInteger answers = new AtomicInteger();
    private final AtomicInteger cut = new AtomicInteger();
    private final AtomicInteger refused = new AtomicInteger();
    private final AtomicInteger lost = new AtomicInteger();
    private final Queue<String> wrong = new ConcurrentLinkedQueue<>();

    private CountingUsers(List<Integer> ports, String path, int connections, int increments) {
        this.ports = List.copyOf(ports);
        this.path = path;
        this.connections = connections;
        this.left = new AtomicInteger(increments);
    }

    /**
     * Begins.
     *
     * @param ports of one cluster, or of several that know the same sessions
     * @param path of a {@link dev.clowder.it.app.CounterServlet}
     * @param increments of all users together
     */
    static CountingUsers start(
            List<Integer> ports, String path, long seed, int users, int connections, int increments) {
        CountingUsers load = new CountingUsers(ports, path, connections, increments);
        for (int i = 0; i < users; i++) {
            String name = "user " + i;
            Random random = new Random(seed + i);
            Thread thread = new Thread(() -> load.count(name, random), name);
            thread.setDaemon(true);
            load.threads.add(thread);
        }
        load.threads.forEach(Thread::start);
        return load;
    }

    /** Requests that were answered with the right number. */
    int answers() {
        return answers.get();
    }

    /** Requests that got no whole answer. */
    int cut() {
        return cut.get();
    }

    /** Requests that were answered with 503. */
    int refused() {
        return refused.get();
    }

    /** Sessions that began again. */
    int lost() {
        return lost.get();
    }

    /** What was not as it must be. */
    List<String> wrong() {
        return List.copyOf(wrong);
    }

    /** Returns when everything is counted. */
    void await() throws InterruptedException {
        for (Thread thread : threads) {
            thread.join();
        }
    }

    @Override
    public void close() {
        left.set(0);
        threads.forEach(Thread::interrupt);
    }

    private void count(String name, Random random) {
        try (User user = new User(random)) {
            int mine = left.getAndDecrement();
            while (mine > 0) {
                boolean two = random.nextInt(8) == 0 && left.getAndDecrement() > 0;
                user.step(two ? 2 : 1);
                mine = left.getAndDecrement();
            }
            user.look(0);
        } catch (IOException | InterruptedException | RuntimeException e) {
            wrong.add(name + ": " + e);
        }
    }

    private final class User implements AutoCloseable {
        private final Random random;
        private final HttpConnection[] open = new HttpConnection[connections];
        private @Nullable String cookie;
        private int expected;

        User(Random random) {
            this.random = random;
        }

        /** One or two requests at the same time, each over its own connection. */
        void step(int requests) throws IOException, InterruptedException {
            int[] chosen = random.ints(0, connections)
                    .distinct()
                    .limit(cookie == null ? 1 : requests)
                    .toArray();
            boolean[] sent = new boolean[chosen.length];
            for (int i = 0; i < chosen.length; i++) {
                sent[i] = send(chosen[i], "");
            }
            List<Integer> numbers = new ArrayList<>();
            int unknown = 0;
            for (int i = 0; i < chosen.length; i++) {
                Integer number = sent[i] ? read(chosen[i]) : null;
                if (number == null) {
                    unknown++;
                } else {
                    numbers.add(number);
                }
            }
            if (unknown > 0) {
                look(chosen.length);
            } else {
                check(numbers, chosen.length);
            }
        }

        private void check(List<Integer> numbers, int requests) {
            numbers.sort(null);
            List<Integer> right = new ArrayList<>();
            for (int i = 1; i <= requests; i++) {
                right.add(expected + i);
            }
            if (numbers.equals(right)) {
                answers.addAndGet(requests);
            } else if (numbers.get(0) == 1) {
                lost.incrementAndGet();
            } else {
                wrong.add("instead of " + right + " came " + numbers + " in session " + cookie);
            }
            expected = numbers.get(numbers.size() - 1);
        }

        /** Reads the number until it is told: it must not be smaller than what was answered, nor larger than what was asked. */
        void look(int unknown) throws IOException, InterruptedException {
            for (int i = 0; i < LOOKS; i++) {
                int connection = random.nextInt(connections);
                Integer number = send(connection, "?add=0") ? read(connection) : null;
                if (number != null) {
                    if (number == 0 && expected > 0) {
                        lost.incrementAndGet();
                    } else if (number < expected || number > expected + unknown) {
                        wrong.add("between " + expected + " and " + (expected + unknown) + " must be " + number
                                + " in session " + cookie);
                    }
                    expected = number;
                    return;
                }
                Thread.sleep(50);
            }
            wrong.add("no answer any more in session " + cookie);
        }

        private boolean send(int index, String query) {
            try {
                HttpConnection connection = open[index];
                if (connection == null) {
                    connection = HttpConnection.open(ports.get(random.nextInt(ports.size())));
                    open[index] = connection;
                }
                connection.send(
                        cookie == null
                                ? connection.head("GET", path + query)
                                : connection.head("GET", path + query, "Cookie: " + cookie));
                return true;
            } catch (IOException e) {
                drop(index);
                return false;
            }
        }

        /** The number; null if there was none. */
        private @Nullable Integer read(int index) {
            HttpConnection connection = open[index];
            if (connection == null) {
                return null;
            }
            try {
                HttpConnection.Response response = connection.read();
                if ("close".equals(response.header("Connection"))) {
                    drop(index);
                }
                if (response.status() == 503) {
                    refused.incrementAndGet();
                    return null;
                }
                if (response.status() == 502) {
                    // A proxy in front lost the connection.
                    cut.incrementAndGet();
                    return null;
                }
                if (response.status() != 200) {
                    wrong.add(response.status() + " " + response.body());
                    return null;
                }
                String set = response.header("Set-Cookie");
                if (set != null) {
                    cookie = set.split(";", 2)[0];
                }
                return Integer.valueOf(response.body());
            } catch (IOException e) {
                cut.incrementAndGet();
                drop(index);
                return null;
            }
        }

        private void drop(int index) {
            HttpConnection connection = open[index];
            open[index] = null;
            if (connection != null) {
                try {
                    connection.close();
                } catch (IOException e) {
                    // It is of no use any more.
                }
            }
        }

        @Override
        public void close() {
            for (int i = 0; i < open.length; i++) {
                drop(i);
            }
        }
    }
}
