package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.it.HttpConnection.Response;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.SSLContext;
import org.jboss.shrinkwrap.api.asset.StringAsset;
import org.jboss.shrinkwrap.api.spec.WebArchive;

/** Clients of every kind that can meet on one loop, each of which knows what it must be answered. */
final class LoopSoak {
    private static final String FILE = "/large.txt";
    /** Tomcat lets the kernel send what has more than 48 kB. */
    private static final String CONTENT = "0123456789abcdef".repeat(40_000);

    private static final String WORKER = "/worker";
    private static final int LONGEST_BODY = 100_000;
    private static final int MOST_REQUESTS = 60;

    private final int plain;
    private final int secure;
    private final SSLContext tls;
    private final Queue<Throwable> failures = new ConcurrentLinkedQueue<>();
    private final AtomicInteger answers = new AtomicInteger();

    /** One connection, from its beginning to its end. */
    private interface Visit {
        void pay(Random random) throws IOException;
    }

    /**
     * Starts nothing yet.
     *
     * @param plain port
     * @param secure port
     */
    LoopSoak(int plain, int secure, SSLContext tls) {
        this.plain = plain;
        this.secure = secure;
        this.tls = tls;
    }

    /** Adds the file that the clients ask for. */
    static WebArchive addFile(WebArchive archive) {
        return archive.addAsWebResource(new StringAsset(CONTENT), FILE.substring(1));
    }

    /**
     * Lets all clients come for some time, and fails if one of them was not answered as it should be.
     *
     * @return how many answers there were
     */
    int run(Duration time) throws InterruptedException {
        long end = System.nanoTime() + time.toNanos();
        List<Visit> kinds = List.of(
                this::ask,
                this::ask,
                this::talk,
                this::upload,
                this::leave,
                this::askSecurely,
                this::uploadSecurely,
                this::streams);
        List<Thread> threads = new ArrayList<>();
        answers.set(0);
        for (Visit kind : kinds) {
            long seed = System.nanoTime();
            Thread thread = new Thread(() -> visit(kind, new Random(seed), end), "soak-" + threads.size());
            thread.setDaemon(true);
            thread.start();
            threads.add(thread);
        }
        for (Thread thread : threads) {
            thread.join(time.plusMinutes(1).toMillis());
            assertThat(thread.isAlive())
                    .as("%s waits for an answer", thread.getName())
                    .isFalse();
        }
        assertThat(failures).isEmpty();
        return answers.get();
    }

    private void visit(Visit kind, Random random, long end) {
        while (System.nanoTime() - end < 0 && failures.isEmpty()) {
            try {
                kind.pay(random);
            } catch (IOException | RuntimeException | AssertionError e) {
                failures.add(e);
            }
        }
    }

    private void is(String answer, String wanted) {
        // Not by AssertJ, which would show both.
        if (!answer.equals(wanted)) {
            throw new AssertionError(answer.length() + " bytes, not the " + wanted.length() + " that were asked for");
        }
        answers.incrementAndGet();
    }

    private void ask(Random random) throws IOException {
        try (HttpConnection connection = HttpConnection.open(plain)) {
            ask(connection, random);
        }
    }

    private void askSecurely(Random random) throws IOException {
        try (HttpConnection connection = HttpConnection.tls(secure, tls.getSocketFactory())) {
            ask(connection, random);
        }
    }

    private void ask(HttpConnection connection, Random random) throws IOException {
        for (int i = random.nextInt(MOST_REQUESTS); i >= 0; i--) {
            switch (random.nextInt(20)) {
                case 0 -> is(connection.get(FILE).body(), CONTENT);
                case 1, 2 -> {
                    int micros = random.nextInt(15_000);
                    is(connection.get("/pause?micros=" + micros).body(), "paused " + micros);
                }
                default -> isWorker(connection.get(WORKER).body());
            }
        }
    }

    private void isWorker(String answer) {
        is(answer.substring(answer.lastIndexOf(' ')), " 1");
    }

    /** Several requests in one piece. */
    private void talk(Random random) throws IOException {
        try (HttpConnection connection = HttpConnection.open(plain)) {
            for (int i = random.nextInt(10); i >= 0; i--) {
                int many = 1 + random.nextInt(5);
                connection.send(
                        connection.head("GET", WORKER).repeat(many) + connection.head("GET", "/pause?micros=" + many));
                for (int answer = 0; answer < many; answer++) {
                    isWorker(connection.read().body());
                }
                is(connection.read().body(), "paused " + many);
            }
        }
    }

    private void upload(Random random) throws IOException {
        try (HttpConnection connection = HttpConnection.open(plain)) {
            upload(connection, random);
        }
    }

    private void uploadSecurely(Random random) throws IOException {
        try (HttpConnection connection = HttpConnection.tls(secure, tls.getSocketFactory())) {
            upload(connection, random);
        }
    }

    /** In pieces, between which the server has to wait. */
    private void upload(HttpConnection connection, Random random) throws IOException {
        for (int i = random.nextInt(10); i >= 0; i--) {
            String body = CONTENT.substring(random.nextInt(16), 16 + random.nextInt(LONGEST_BODY));
            connection.send(connection.head(
                    "POST", random.nextBoolean() ? "/echo" : "/echo?chunked=1", "Content-Length: " + body.length()));
            for (int sent = 0; sent < body.length(); ) {
                int next = Math.min(body.length(), sent + 1 + random.nextInt(LONGEST_BODY / 2));
                connection.send(body.substring(sent, next));
                sent = next;
                pause(random);
            }
            Response response = connection.read();
            is(response.body(), body);
        }
    }

    private static void pause(Random random) {
        try {
            TimeUnit.MILLISECONDS.sleep(random.nextInt(3));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** In the middle of something. */
    private void leave(Random random) throws IOException {
        try (HttpConnection connection = HttpConnection.open(plain)) {
            String head = connection.head("POST", "/echo", "Content-Length: 1000");
            switch (random.nextInt(4)) {
                case 0 -> connection.send(head.substring(0, random.nextInt(head.length())));
                case 1 -> connection.send(head + "half");
                case 2 -> connection.send(connection.head("GET", FILE));
                default -> connection.send(connection.head("GET", "/pause?micros=5000"));
            }
            pause(random);
        }
    }

    private void streams(Random random) throws IOException {
        try (Http2Connection connection = Http2Connection.open(secure, tls)) {
            for (int i = random.nextInt(MOST_REQUESTS); i >= 0 && !connection.goneAway(); i--) {
                if (random.nextInt(20) == 0) {
                    is(String.valueOf(connection.get(FILE)), CONTENT);
                } else {
                    isWorker(String.valueOf(connection.get(WORKER)));
                }
            }
        }
    }
}
