package dev.clowder.launcher.supervisor;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.launcher.supervisor.Event.Probed.Finding;
import dev.clowder.valve.ProxyHeaderWriter;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(60)
class ProberTest {
    @TempDir
    Path directory;

    private final BlockingQueue<Event> events = new LinkedBlockingQueue<>();
    private Path intake;
    private ServerSocketChannel worker;

    @BeforeEach
    void open() throws IOException {
        intake = directory.resolve("worker-7.sock");
        worker = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        worker.bind(UnixDomainSocketAddress.of(intake));
    }

    @AfterEach
    void close() throws IOException {
        worker.close();
    }

    @ParameterizedTest
    @CsvSource(
            value = {
                "'', HTTP/1.1 200, WELL, ''",
                "'', HTTP/1.1 503, WELL, ''",
                "'', HTTP/1.1 404, WELL, ''",
                "'', SSH-2.0-OpenSSH_9, ILL, answered with something else than HTTP",
                "/health, HTTP/1.1 204, WELL, ''",
                "/health, HTTP/1.1 404, WELL, ''",
                "/health, HTTP/1.1 500, ILL, /health answered with status 500",
                "/health, HTTP/1.1 503, ILL, /health answered with status 503"
            })
    void anAnswerIsJudgedByItsStatusIfThereIsAHealthPath(
            String healthPath, String answer, Finding finding, String problem) throws Exception {
        try (Prober prober = new Prober(healthPath, events::add)) {
            prober.probe(7, intake);
            try (SocketChannel connection = worker.accept()) {
                String asked = request(connection);
                assertThat(asked).startsWith(healthPath.isEmpty() ? "OPTIONS * HTTP/1.1" : "GET /health HTTP/1.1");
                assertThat(asked).contains("\r\nConnection: close\r\n");
                connection.write(ByteBuffer.wrap((answer + " \r\nContent-Length: 0\r\n\r\n").getBytes(ISO_8859_1)));
                assertThat(events.take()).isEqualTo(new Event.Probed(7, finding, problem));
            }
        }
    }

    @Test
    void aWorkerThatNeverAnswersIsReportedOnceAndAskedBySeveralProbesOnlyOnce() throws Exception {
        try (Prober prober = new Prober("", events::add)) {
            prober.probe(7, intake);
            prober.probe(7, intake);
            try (SocketChannel connection = worker.accept()) {
                assertThat(events.take()).isEqualTo(new Event.Probed(7, Finding.SILENT, "gave no answer within 2 s"));
                // It closes: what follows the request is the end.
                request(connection);
                assertThat(connection.read(ByteBuffer.allocate(1))).isNegative();
            }
            worker.configureBlocking(false);
            assertThat(worker.accept()).isNull();
            assertThat(events).isEmpty();
        }
    }

    @Test
    void aWorkerThatIsGoneIsReportedAndCanBeAskedAgain() throws Exception {
        worker.close();
        try (Prober prober = new Prober("", events::add)) {
            for (int i = 0; i < 2; i++) {
                Event event = null;
                while (event == null) {
                    // Reported a moment before the next one may begin.
                    prober.probe(7, intake);
                    event = events.poll(1, TimeUnit.MILLISECONDS);
                }
                assertThat(event)
                        .isInstanceOfSatisfying(
                                Event.Probed.class,
                                probed -> assertThat(probed.problem()).startsWith("can't connect to its intake"));
                events.clear();
            }
        }
    }

    @Test
    void aConnectionThatIsClosedWithoutAnAnswerIsAProblem() throws Exception {
        try (Prober prober = new Prober("", events::add)) {
            prober.probe(7, intake);
            SocketChannel connection = worker.accept();
            request(connection);
            connection.close();
            assertThat(events.take())
                    .isEqualTo(new Event.Probed(7, Finding.SILENT, "closed the connection without an answer"));
        }
    }

    /** Reads one request and returns it without the PROXY header, which must be there. */
    private static String request(SocketChannel connection) throws IOException {
        byte[] local = ProxyHeaderWriter.local();
        ByteBuffer read = ByteBuffer.allocate(1024);
        String text = "";
        while (!text.endsWith("\r\n\r\n")) {
            assertThat(connection.read(read)).as("after: " + text).isPositive();
            text = new String(read.array(), 0, read.position(), ISO_8859_1);
        }
        assertThat(Arrays.copyOf(read.array(), local.length)).isEqualTo(local);
        return text.substring(local.length);
    }
}
