package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.clowder.it.HttpConnection.Response;
import dev.clowder.it.HttpConnection.Worker;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Requests that each have a number, a client in {@code X-Forwarded-For}, a trace (W3C) and a connection of their own, and
 * the access log in which each that was answered must have exactly one line. {@link #send} from any thread.
 */
final class NumberedRequests {
    /** The pattern of the access log. */
    static final String PATTERN = "%h \"%r\" %s %{traceparent}i %{X-Clowder-Worker}o";

    private static final Duration SOON = Duration.ofMinutes(3);
    private static final Pattern LINE =
            Pattern.compile("(\\S+) \"GET \\S+\\?n=(\\d+)\\S* HTTP/1\\.1\" 200 (\\S+) (\\d+/\\d+)");
    private static final long PAUSE = TimeUnit.MILLISECONDS.toNanos(5);

    private final int port;
    private final String path;
    private final Path directory;
    private final AtomicInteger last = new AtomicInteger();
    private final Map<Integer, Worker> answered = new ConcurrentHashMap<>();
    private final Queue<Exception> failures = new ConcurrentLinkedQueue<>();
    private final List<Thread> clients = new ArrayList<>();
    private volatile boolean stopped;

    /**
     * Sends nothing yet.
     *
     * @param path of an application that answers with 200
     * @param directory in which there are access logs and nothing else
     */
    NumberedRequests(int port, String path, Path directory) {
        this.port = port;
        this.path = path;
        this.directory = directory;
    }

    /** What stands at the end of a line of the access log: who answered. */
    static Worker worker(String line) {
        return Worker.of(line.substring(line.lastIndexOf(' ') + 1));
    }

    /** Whether this line is the one of this request. */
    static boolean isOf(int number, String line) {
        Matcher parts = LINE.matcher(line);
        return parts.matches() && Integer.parseInt(parts.group(2)) == number;
    }

    /**
     * Sends one, with something at the end of its address.
     *
     * @return its number
     */
    int send(String more) throws IOException {
        int number = last.incrementAndGet();
        Response response = HttpConnection.fresh(
                port,
                path + "?n=" + number + more,
                "X-Forwarded-For: " + client(number),
                "traceparent: " + trace(number),
                "Connection: close");
        assertThat(response.status()).isEqualTo(200);
        answered.put(number, response.worker());
        return number;
    }

    private static String client(int number) {
        return "203.0.113." + (1 + number % 250);
    }

    private static String trace(int number) {
        return String.format(Locale.ROOT, "00-%032x-%016x-01", number, number);
    }

    /** Lets several clients send until {@link #stop}. */
    void start(int howMany) {
        stopped = false;
        for (int i = 0; i < howMany; i++) {
            Thread client = new Thread(this::sendUntilStopped, "numbered-" + i);
            client.setDaemon(true);
            client.start();
            clients.add(client);
        }
    }

    private void sendUntilStopped() {
        while (!stopped) {
            try {
                send("");
            } catch (IOException | AssertionError e) {
                failures.add(new IOException("after " + answered.size() + " answers", e));
            }
            LockSupport.parkNanos(PAUSE);
        }
    }

    /** Waits until so many more have been answered. */
    void awaitMore(int answers) {
        int enough = answered.size() + answers;
        await(enough + " answers").atMost(SOON).until(() -> answered.size() >= enough || !failures.isEmpty());
    }

    /** Lets every client finish its request; none may have failed. */
    void stop() throws InterruptedException {
        stopped = true;
        for (Thread client : clients) {
            client.join(SOON.toMillis());
            assertThat(client.isAlive()).as(client.getName() + " waits").isFalse();
        }
        clients.clear();
        assertThat(failures).isEmpty();
    }

    /** The workers that have answered. */
    List<Worker> workers() {
        return answered.values().stream().distinct().toList();
    }

    /** Waits until each request has its line, then {@link #assertLogged}. */
    void awaitLogged() {
        await("the last lines").atMost(SOON).ignoreExceptions().untilAsserted(this::assertLogged);
    }

    /** Each answered request has one whole line, with its client, its trace and its worker, and there is no other line. */
    void assertLogged() throws IOException {
        Map<Integer, Worker> logged = new ConcurrentHashMap<>();
        for (String line : lines()) {
            Matcher parts = LINE.matcher(line);
            assertThat(parts.matches()).as(line).isTrue();
            int number = Integer.parseInt(parts.group(2));
            assertThat(parts.group(1)).as(line).isEqualTo(client(number));
            assertThat(parts.group(3)).as(line).isEqualTo(trace(number));
            assertThat(logged.put(number, Worker.of(parts.group(4)))).as(line).isNull();
        }
        assertThat(logged).isEqualTo(answered);
    }

    /** All lines of all files, in no order. */
    private List<String> lines() throws IOException {
        List<String> lines = new ArrayList<>();
        try (Stream<Path> files = Files.list(directory)) {
            for (Path file : files.toList()) {
                lines.addAll(Files.readAllLines(file));
            }
        }
        return lines;
    }
}
