package dev.clowder.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.it.HttpConnection.Worker;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** {@code openssl s_client} as a client of one host: it says whether its TLS session was resumed. For one thread. */
final class OpenSsl {
    private static final Pattern ANSWER = Pattern.compile("X-Clowder-Worker: (\\S+)");
    private static final int SECONDS = 90;

    private final String host;
    private final Path request;

    /** One connection with one request. */
    record Visit(boolean resumed, Worker worker) {}

    /** Its files are put into a directory. */
    OpenSsl(Path directory, String host) throws IOException {
        this.host = host;
        request = Files.writeString(
                Files.createTempFile(directory, "request", ".txt"),
                "GET / HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n");
    }

    /**
     * Visits 127.0.0.1.
     *
     * @param version such as {@code -tls1_3}
     * @param use what is done with the ticket: {@code -sess_out} writes it, {@code -sess_in} comes with it
     */
    Visit visit(int port, String version, String use, Path ticket) throws IOException, InterruptedException {
        String server = "127.0.0.1:" + port;
        Process openssl = new ProcessBuilder(List.of(
                        "openssl",
                        "s_client",
                        version,
                        "-ign_eof",
                        "-connect",
                        server,
                        "-servername",
                        host,
                        use,
                        ticket.toString()))
                .redirectErrorStream(true)
                .redirectInput(request.toFile())
                .start();
        String said = new String(openssl.getInputStream().readAllBytes(), UTF_8);
        assertThat(openssl.waitFor(SECONDS, TimeUnit.SECONDS)).isTrue();
        Matcher worker = ANSWER.matcher(said);
        assertThat(worker.find()).as(said).isTrue();
        boolean resumed = said.contains("Reused, TLSv1.");
        assertThat(resumed || said.contains("New, TLSv1.")).as(said).isTrue();
        return new Visit(resumed, Worker.of(worker.group(1)));
    }
}
