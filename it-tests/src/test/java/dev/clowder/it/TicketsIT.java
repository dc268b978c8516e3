package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.Launcher;
import dev.clowder.it.HttpConnection.Worker;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** TLS session tickets are good at every worker. The client is {@code openssl}, which says whether it resumed. */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class TicketsIT {
    private static final Duration SOON = Duration.ofMinutes(3);
    private static final int RECONNECTS = 16;

    @TempDir
    static Path directory;

    private static Tls tls;
    private static ClowderProcess cluster;
    private static OpenSsl openssl;
    private static int port;

    @BeforeAll
    static void start() throws Exception {
        tls = new Tls(directory.resolve("tls"));
        openssl = new OpenSsl(directory, "localhost");
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
        assertThat(openssl.visit(port, version, "-sess_out", ticket).resumed()).isFalse();
        assertResumedByBoth(version, ticket);
    }

    @Tag("slow")
    @Test
    @Order(2)
    @DisplayName("behaviour 64: also after a reload, at workers that were not there when it began")
    void aClientResumesAfterAReload() throws Exception {
        Path ticket = directory.resolve("ticket-of-before");
        Worker old = openssl.visit(port, "-tls1_3", "-sess_out", ticket).worker();
        Launcher.Result reload = cluster.command(SOON, "reload");
        assertThat(reload.exitCode()).as(reload.errors()).isZero();
        assertThat(assertResumedByBoth("-tls1_3", ticket))
                .allMatch(worker -> worker.id() > old.id() && worker.id() > 2);
    }

    @Tag("slow")
    @Test
    @Order(3)
    @DisplayName("a ticket is good for the certificate with which it was issued only")
    void aTicketOfAnotherCertificateIsNotTaken() throws Exception {
        Path ticket = directory.resolve("ticket-of-the-old-certificate");
        openssl.visit(port, "-tls1_3", "-sess_out", ticket);
        tls.renew();
        await("both workers have taken the new certificate")
                .atMost(SOON)
                .until(() -> cluster.output().split("new certificate, valid until", -1).length == 3);
        assertThat(openssl.visit(port, "-tls1_3", "-sess_in", ticket).resumed()).isFalse();
    }

    private static Set<Worker> assertResumedByBoth(String version, Path ticket) throws Exception {
        Set<Worker> workers = new HashSet<>();
        for (int i = 0; i < RECONNECTS || (workers.size() < 2 && i < 10 * RECONNECTS); i++) {
            OpenSsl.Visit again = openssl.visit(port, version, "-sess_in", ticket);
            assertThat(again.resumed()).as(again.toString()).isTrue();
            workers.add(again.worker());
        }
        assertThat(workers).hasSize(2);
        return workers;
    }
}
