package dev.clowder.benchmark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpServer;
import dev.clowder.benchmark.LoadGenerator.Result;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class LoadGeneratorTest {
    private static final long STALL = Duration.ofMillis(500).toNanos();

    private final AtomicInteger requests = new AtomicInteger();
    private final ExecutorService threads = Executors.newCachedThreadPool();
    /** From the first request on, so that it does not matter how late that came. */
    private final AtomicReference<Long> stalledUntil = new AtomicReference<>();

    private volatile long stall;
    private HttpServer server;

    @BeforeEach
    void start() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/hello", exchange -> {
            requests.incrementAndGet();
            stalledUntil.compareAndSet(null, System.nanoTime() + stall);
            long until = stalledUntil.get();
            for (long left = until - System.nanoTime(); left > 0; left = until - System.nanoTime()) {
                LockSupport.parkNanos(left);
            }
            exchange.sendResponseHeaders(200, 5);
            exchange.getResponseBody().write(new byte[5]);
            exchange.close();
        });
        server.setExecutor(threads);
        server.start();
    }

    @AfterEach
    void stop() {
        server.stop(0);
        threads.shutdownNow();
    }

    private LoadGenerator generator(Workload.Way way, int clients) throws IOException, GeneralSecurityException {
        Workload workload = new Workload("test", "test", way, Workload.Sessions.NONE, List.of("/hello"), clients, 1, 0);
        return new LoadGenerator(workload, server.getAddress().getPort(), SSLContext.getDefault(), 1);
    }

    @Test
    void everyRequestThatIsDueIsSentOnceAndAnswered() throws Exception {
        try (LoadGenerator load = generator(Workload.Way.KEPT_ALIVE, 4)) {
            Result result = load.atRate(new Schedule(200), Duration.ofMillis(100));

            assertThat(result.answered()).isEqualTo(20);
            assertThat(result.failed()).isZero();
        }
        assertThat(requests).hasValue(20);
    }

    @Test
    void aConnectionForEachRequestIsOverWhenTheServerHasClosedIt() throws Exception {
        try (LoadGenerator load = generator(Workload.Way.CONNECTION_EACH, 4)) {
            Result result = load.atRate(new Schedule(200), Duration.ofMillis(100));

            assertThat(result.answered()).isEqualTo(20);
            assertThat(result.failed()).isZero();
        }
    }

    @Test
    void aServerThatStallsDelaysTheAnswersToAllThatIsDueMeanwhile() throws Exception {
        try (LoadGenerator load = generator(Workload.Way.KEPT_ALIVE, 1)) {
            stall = STALL;
            Result result = load.atRate(new Schedule(50), Duration.ofMillis(200));

            // A client that waits for one answer before it asks again would have seen one slow answer.
            assertThat(result.answered()).isEqualTo(10);
            assertThat(result.latencies().millis(0.5)).isGreaterThan(250);
        }
    }

    @Test
    void noMoreAreUnderWayThanThereAreClients() throws Exception {
        try (LoadGenerator load = generator(Workload.Way.KEPT_ALIVE, 3)) {
            stall = STALL;
            load.saturated(Duration.ofMillis(100));
        }
        assertThat(requests.get()).isBetween(1, 3);
    }

    @Test
    void aServerThatIsGoneIsAnErrorAndNotAResult() throws Exception {
        try (LoadGenerator load = generator(Workload.Way.CONNECTION_EACH, 2)) {
            server.stop(0);

            assertThatThrownBy(() -> load.saturated(Duration.ofMillis(100))).isInstanceOf(IOException.class);
        }
    }
}
