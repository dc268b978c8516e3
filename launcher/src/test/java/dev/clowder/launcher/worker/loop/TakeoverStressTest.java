package dev.clowder.launcher.worker.loop;

import static org.assertj.core.api.Assertions.assertThat;

import jakarta.servlet.AsyncContext;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Takeovers as often as they can be had: a watchdog of microseconds, no prediction, and requests that are slow at random.
 * Each answer names its request, so that one that is lost, doubled or mixed up is seen. Other sizes and seeds:
 * {@code -Dloop.requests=1000000 -Dloop.seed=7}.
 */
@Timeout(3600)
class TakeoverStressTest {
    static final Watchdog.Ticks MICROSECONDS = new Watchdog.Ticks(20_000, 5_000, 100_000_000);
    private static final int CLIENTS = 8;
    private static final int REQUESTS = Integer.getInteger("loop.requests", 8_000);
    private static final long SEED = Long.getLong("loop.seed", System.nanoTime());

    @TempDir
    private Path files;

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void noRequestIsLostDoubledOrMixedUpByTakeovers(boolean tls) throws Exception {
        LoopCertificate certificate = tls ? new LoopCertificate(files) : null;
        ExecutorService clients = Executors.newFixedThreadPool(CLIENTS);
        LoopServer made = new LoopServer(files, MICROSECONDS, null);
        try (LoopServer server = (certificate == null ? made : made.tls(certificate))
                .set("connectionTimeout", 3_600_000)
                .page("/n", TakeoverStressTest::number)
                .page("/async", TakeoverStressTest::later)
                .page("/echo", (request, response) -> {
                    byte[] body = request.getInputStream().readAllBytes();
                    pause(request);
                    response.getOutputStream().write(body);
                })
                .start()) {
            List<Future<Integer>> results = new ArrayList<>();
            for (int i = 0; i < CLIENTS; i++) {
                Opening opening = certificate == null
                        ? () -> new LoopClient(server.port())
                        : () -> new LoopClient(server.port(), certificate.trusting());
                results.add(clients.submit(new Client(opening, i)));
            }
            int answered = 0;
            for (Future<Integer> result : results) {
                answered += result.get();
            }
            assertThat(answered).as("answers, seed %d", SEED).isEqualTo(REQUESTS / CLIENTS * CLIENTS);
            assertThat(server.mistakes()).isEmpty();
            assertThat(server.endpoint.getCurrentThreadCount())
                    .as("more than the two that it began with: there were takeovers")
                    .isGreaterThan(2);
        } finally {
            clients.shutdownNow();
        }
    }

    private static void number(HttpServletRequest request, HttpServletResponse response) throws IOException {
        pause(request);
        response.getWriter().print(request.getParameter("i"));
    }

    private static void later(HttpServletRequest request, HttpServletResponse response) {
        AsyncContext async = request.startAsync();
        async.start(() -> {
            try {
                async.getResponse().getWriter().print(request.getParameter("i"));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            async.complete();
        });
    }

    /** Of so many microseconds as the request says. */
    private static void pause(HttpServletRequest request) {
        String micros = request.getParameter("us");
        if (micros != null) {
            LockSupport.parkNanos(Long.parseLong(micros) * 1000);
        }
    }

    private interface Opening {
        LoopClient open() throws IOException;
    }

    private record Client(Opening opening, int number) implements Callable<Integer> {
        @Override
        public Integer call() throws IOException {
            Random random = new Random(SEED + number);
            int answered = 0;
            LoopClient client = opening.open();
            try {
                while (answered < REQUESTS / CLIENTS) {
                    int batch = Math.min(1 + random.nextInt(4), REQUESTS / CLIENTS - answered);
                    List<String> expected = new ArrayList<>();
                    StringBuilder text = new StringBuilder();
                    for (int i = 0; i < batch; i++) {
                        String name = number + "." + (answered + i);
                        expected.add(name);
                        text.append(request(random, name));
                    }
                    send(client, text.toString(), random);
                    if (random.nextInt(100) == 0) {
                        // Gone in the middle of it; asked again by another connection.
                        client.close();
                        client = opening.open();
                        continue;
                    }
                    for (String name : expected) {
                        assertThat(client.answer().body()).as("seed %d", SEED).isEqualTo(name);
                    }
                    answered += batch;
                }
            } finally {
                client.close();
            }
            return answered;
        }

        private static String request(Random random, String name) {
            String pause = random.nextInt(3) == 0 ? "&us=" + random.nextInt(300) : "";
            return switch (random.nextInt(5)) {
                case 0 ->
                    "POST /echo?i=0" + pause + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + name.length()
                            + "\r\n\r\n" + name;
                case 1 -> "GET /async?i=" + name + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
                default -> "GET /n?i=" + name + pause + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
            };
        }

        /** In one piece or in several, wherever the cuts fall. */
        private static void send(LoopClient client, String text, Random random) throws IOException {
            int from = 0;
            while (from < text.length()) {
                int to = random.nextInt(3) == 0 ? from + 1 + random.nextInt(text.length() - from) : text.length();
                client.send(text.substring(from, to));
                from = to;
            }
        }
    }
}
