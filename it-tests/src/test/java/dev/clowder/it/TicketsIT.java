package dev.clowder.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.Launcher;
import dev.clowder.it.HttpConnection.Worker;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** TLS session tickets are good at every worker. The client is {@code openssl}, which says whether it resumed. */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class TicketsIT {
    private static final Duration SOON = Duration.ofMinutes(3);
    private static final Pattern ANSWER = Pattern.compile("X-Clowder-Worker: (\\S+)");
    private static final int RECONNECTS = 16;

    @TempDir
    static Path directory;

    private static Tls tls;
    private static ClowderProcess cluster;
    private static int port;

    /** One connection with one request. */
    private record Visit(boolean resumed, Worker worker) {}

    @BeforeAll
    static void start() throws Exception {
        tls = new Tls(directory.resolve("tls"));
        cluster = ClowderProcess.builder()
                .application("/", Apps.write(Apps.probe("probe.war"), directory))
                .root(directory)
                .arguments(tls.options(0))
                .start();
        port = cluster.awaitReady(SOON).listeners().get(1).port();
    }

    @AfterAll
    static void stop() {
        cluster.close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"-tls1_2", "-tls1_3"})
    @Order(1)
    @DisplayName("behaviour 47: a client resumes its TLS session at every worker, each time it comes back")
    void aClientResumesAtEveryWorker(String version) throws Exception {
        Path ticket = directory.resolve("ticket" + version);
        assertThat(first(version, ticket).resumed()).isFalse();
        assertResumedByBoth(version, ticket);
    }

    @Test
    @Order(2)
    @DisplayName("behaviour 64: also after a reload, at workers that were not there when it began")
    void aClientResumesAfterAReload() throws Exception {
        Path ticket = directory.resolve("ticket-of-before");
        Worker old = first("-tls1_3", ticket).worker();
        Launcher.Result reload = cluster.command(SOON, "reload");
        assertThat(reload.exitCode()).as(reload.errors()).isZero();
        assertThat(assertResumedByBoth("-tls1_3", ticket)).allMatch(worker -> worker.id() > old.id() && worker.id() > 2);
    }

    @Test
    @Order(3)
    @DisplayName("a ticket is good for the certificate with which it was issued only")
    void aTicketOfAnotherCertificateIsNotTaken() throws Exception {
        Path ticket = directory.resolve("ticket-of-the-old-certificate");
        first("-tls1_3", ticket);
        tls.renew();
        await("both workers have taken the new certificate")
                .atMost(SOON)
                .until(() -> cluster.output().split("new certificate, valid until", -1).length == 3);
        assertThat(visit("-tls1_3", "-sess_in", ticket).resumed()).isFalse();
    }

    private static Set<Worker> assertResumedByBoth(String version, Path ticket) throws Exception {
        Set<Worker> workers = new HashSet<>();
        for (int i = 0; i < RECONNECTS || (workers.size() < 2 && i < 10 * RECONNECTS); i++) {
            Visit again = visit(version, "-sess_in", ticket);
            assertThat(again.resumed()).as(again.toString()).isTrue();
            workers.add(again.worker());
        }
        assertThat(workers).hasSize(2);
        return workers;
    }

    private static Visit first(String version, Path ticket) throws Exception {
        return visit(version, "-sess_out", ticket);
    }

    private static Visit visit(String version, String use, Path ticket) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of("openssl", "s_client", version, "-ign_eof"));
        command.addAll(List.of("-connect", "127.0.0.1:" + port, "-servername", "localhost"));
        command.addAll(List.of(use, ticket.toString()));
        Path request = Files.writeString(
                directory.resolve("request.txt"), "GET /worker HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        Process openssl = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectInput(request.toFile())
                .start();
        String said = new String(openssl.getInputStream().readAllBytes(), UTF_8);
        assertThat(openssl.waitFor(SOON.toSeconds(), TimeUnit.SECONDS)).isTrue();
        Matcher worker = ANSWER.matcher(said);
        assertThat(worker.find()).as(said).isTrue();
        boolean resumed = said.contains("Reused, TLSv1.");
        assertThat(resumed || said.contains("New, TLSv1.")).as(said).isTrue();
        return new Visit(resumed, Worker.of(worker.group(1)));
    }
}
