package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.ClusterStatus;
import dev.clowder.it.app.EchoServlet;
import dev.clowder.it.app.PauseServlet;
import dev.clowder.it.app.StuckServlet;
import dev.clowder.it.app.WorkerServlet;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jboss.shrinkwrap.api.ShrinkWrap;
import org.jboss.shrinkwrap.api.spec.WebArchive;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Requests that run where they are polled, in a worker. What makes that hard is in the launcher's own tests. */
class LoopIT {
    private static final Duration SOON = Duration.ofMinutes(2);
    private static final Duration SOAK = Duration.ofSeconds(Integer.getInteger("loop.soak", 60));
    private static final int STUCK = 5;
    private static final String ON_THE_LOOP = "-Loop-";
    private static final Pattern BUSY = Pattern.compile("\"busyThreads\"\\s*:\\s*(\\d+)");

    @TempDir
    private Path files;

    private ClowderProcess.Builder cluster() {
        return ClowderProcess.builder()
                .workers(1)
                .root(files)
                .arguments("--drain-timeout", "1s", "--stop-timeout", "1s");
    }

    private ClowderProcess.Builder application() {
        return cluster().application("/", Apps.write(Apps.probe("probe.war"), files));
    }

    @Test
    @DisplayName("requests that are stuck on the loop hold nobody up; threads and status show them")
    void stuckRequestsHoldNobodyUp() throws Exception {
        try (ClowderProcess cluster = application().start()) {
            cluster.awaitReady(SOON);
            assertStuckOnesAreOnTheLoop(cluster, "");
        }
    }

    @Test
    @Tag("slow")
    @DisplayName("probes are answered while requests are stuck on the loop: the worker is not replaced")
    void probesAreAnsweredWhileRequestsAreStuck() throws Exception {
        try (ClowderProcess cluster =
                application().arguments("--hang-timeout", "8s").start()) {
            ClusterStatus.Worker before = cluster.awaitReady(SOON).worker(1);
            assertStuckOnesAreOnTheLoop(cluster, "");
            // They come every 5 s; a worker that answers none for 8 s is replaced.
            long end = System.nanoTime() + Duration.ofSeconds(15).toNanos();
            await("the time of three probes")
                    .atMost(SOON)
                    .until(() -> HttpConnection.fresh(cluster.port(), "/worker").status() == 200
                            && System.nanoTime() - end > 0);
            assertThat(cluster.status().worker(1).id()).isEqualTo(before.id());
        }
    }

    @Tag("slow")
    @Test
    @DisplayName("--loop off: every request goes to a thread of the pool, and there is no loop")
    void withoutTheLoopThereIsNone() throws Exception {
        try (ClowderProcess cluster = application().arguments("--loop", "off").start();
                HttpConnection connection = open(cluster)) {
            connection.send(connection.head("GET", "/stuck"));
            await("the request").atMost(SOON).until(() -> threads(cluster).contains("GET /stuck"));
            assertThat(threads(cluster)).contains("-exec-").doesNotContain("-Loop");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"tomcat.10", "tomcat.11"})
    @Tag("slow")
    @DisplayName("an installed Tomcat of either line has the hooks of the loop")
    void anInstalledTomcatHasTheHooks(String property) throws Exception {
        Path home = Path.of(System.getProperty(property));
        Path base = files.resolve("base");
        try (Stream<Path> all = Files.list(home.resolve("conf"))) {
            Files.createDirectories(base.resolve("conf"));
            for (Path file : all.toList()) {
                Files.copy(file, base.resolve("conf").resolve(file.getFileName()));
            }
        }
        Path serverXml = base.resolve("conf/server.xml");
        Files.writeString(serverXml, Files.readString(serverXml).replace("port=\"8080\"", "port=\"0\""));
        // Without those classes that need our jar in its lib.
        Apps.write(
                ShrinkWrap.create(WebArchive.class, "probe.war").addClasses(StuckServlet.class, WorkerServlet.class),
                Files.createDirectories(base.resolve("webapps")));
        try (ClowderProcess cluster = cluster()
                .catalinaBase(base)
                .arguments("--catalina-home", home.toString())
                .start()) {
            cluster.awaitReady(SOON);
            assertStuckOnesAreOnTheLoop(cluster, "/probe");
        }
    }

    @Test
    @Tag("slow")
    @DisplayName(
            "a soak: short and slow requests, bodies, files, TLS, HTTP/2 and clients that leave; no answer is wrong,"
                    + " nothing is left, and the loop still turns")
    void aSoakLeavesNothingBehind() throws Exception {
        Tls tls = new Tls(files.resolve("tls"));
        WebArchive war = LoopSoak.addFile(Apps.probe("probe.war").addClasses(EchoServlet.class, PauseServlet.class));
        try (ClowderProcess cluster = cluster()
                .arguments(tls.options(0))
                .application("/", Apps.write(war, files))
                .start()) {
            ClusterStatus before = cluster.awaitReady(SOON);
            long worker = before.worker(1).pid();
            LoopSoak soak =
                    new LoopSoak(cluster.port(), before.listeners().get(1).port(), tls.client());
            // What each kind of request opens once.
            soak.run(Duration.ofSeconds(5));
            int descriptors = Succession.settledDescriptors(worker).size();
            int answers = soak.run(SOAK);
            System.out.println("soak of " + SOAK.toSeconds() + " s: " + answers + " answers");
            await("no more descriptors than before")
                    .atMost(SOON)
                    .until(() -> Succession.descriptors(worker).size() <= descriptors);
            await("nothing runs").atMost(SOON).until(() -> busyThreads(cluster) == 0);
            assertThat(cluster.status().worker(1).pid()).isEqualTo(worker);
            assertThat(cluster.output()).doesNotContain("SEVERE", "OutOfMemoryError");
            // On the loop or, on a busy machine, where most requests were slow, in the pool.
            assertStuckOnesHoldNobodyUp(cluster, "");
        }
    }

    private static void assertStuckOnesAreOnTheLoop(ClowderProcess cluster, String context) throws Exception {
        assertThat(assertStuckOnesHoldNobodyUp(cluster, context)).anyMatch(line -> line.contains(ON_THE_LOOP));
    }

    /** Returns what {@code threads} shows of them. */
    private static List<String> assertStuckOnesHoldNobodyUp(ClowderProcess cluster, String context) throws Exception {
        List<HttpConnection> stuck = new ArrayList<>();
        try (HttpConnection other = HttpConnection.open(cluster.port())) {
            for (int i = 0; i < STUCK; i++) {
                HttpConnection connection = HttpConnection.open(cluster.port());
                stuck.add(connection);
                connection.send(connection.head("GET", context + "/stuck"));
                assertThat(other.get(context + "/worker").status()).isEqualTo(200);
            }
            await("all of them").atMost(SOON).until(() -> requests(cluster).count() == STUCK);
            await("the beat").atMost(SOON).until(() -> busyThreads(cluster) >= STUCK);
            assertThat(other.get(context + "/worker").status()).isEqualTo(200);
            return requests(cluster).toList();
        } finally {
            for (HttpConnection connection : stuck) {
                connection.close();
            }
        }
    }

    private static Stream<String> requests(ClowderProcess cluster) throws Exception {
        return threads(cluster).lines().filter(line -> line.contains("/stuck  from"));
    }

    private static String threads(ClowderProcess cluster) throws Exception {
        return cluster.command("threads", "1").output();
    }

    private static int busyThreads(ClowderProcess cluster) throws Exception {
        Matcher busy = BUSY.matcher(cluster.statusJson());
        return busy.find() ? Integer.parseInt(busy.group(1)) : 0;
    }

    private static HttpConnection open(ClowderProcess cluster) throws Exception {
        cluster.awaitReady(SOON);
        return HttpConnection.open(cluster.port());
    }
}
