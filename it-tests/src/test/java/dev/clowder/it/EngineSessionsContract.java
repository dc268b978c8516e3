package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.ClusterStatus;
import dev.clowder.arquillian.Launcher;
import dev.clowder.arquillian.RealProxy;
import dev.clowder.it.HttpConnection.Response;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/**
 * Two clusters as two machines behind HAProxy, which know the same sessions in an engine: one with the launcher's own
 * Tomcat, one on an installed Tomcat. Everything happens to the same two, one after the other.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
abstract class EngineSessionsContract {
    private static final Duration SOON = Duration.ofSeconds(90);
    private static final Duration LONG = Duration.ofMinutes(4);
    private static final String COUNTER = "/shop/counter";

    private Path application;
    private Path configuration;
    private SessionEngine engine;
    private ClowderProcess one;
    private ClowderProcess two;
    private RealProxy haproxy;

    /** Not started yet. */
    abstract SessionEngine engine(Path empty) throws IOException, InterruptedException;

    /** What the second machine runs. */
    abstract Path installed();

    @BeforeAll
    void start(@TempDir Path files) throws Exception {
        engine = engine(Files.createDirectory(files.resolve("engine")));
        engine.start();
        application = Apps.write(Apps.counter("shop.war"), files);
        // Not on a command line, which everybody on the machine can read.
        configuration = Files.writeString(files.resolve("clowder.properties"), "sessions = " + engine.url() + "\n");
        one = builder().application("/shop", application).start();
        two = onInstalledTomcat(files.resolve("base"));
        one.awaitReady(SOON);
        two.awaitReady(SOON);
        haproxy = RealProxy.start(
                RealProxy.Program.HAPROXY, "haproxy-sessions.cfg", Map.of("one", one.port(), "two", two.port()));
    }

    private ClowderProcess.Builder builder() {
        return ClowderProcess.builder().arguments("--config", configuration.toString(), "--oversubscribe");
    }

    private ClowderProcess onInstalledTomcat(Path base) throws IOException {
        Files.createDirectories(base.resolve("conf"));
        try (Stream<Path> files = Files.list(installed().resolve("conf"))) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Files.copy(file, base.resolve("conf").resolve(file.getFileName()));
            }
        }
        Path serverXml = base.resolve("conf/server.xml");
        Files.writeString(serverXml, Files.readString(serverXml).replace("port=\"8080\"", "port=\"${test.port:-0}\""));
        Files.copy(application, Files.createDirectory(base.resolve("webapps")).resolve("shop.war"));
        return builder()
                .catalinaBase(base)
                .arguments("--catalina-home", installed().toString())
                .start();
    }

    @AfterAll
    void stop() {
        for (AutoCloseable each : new AutoCloseable[] {haproxy, one, two, engine}) {
            try {
                if (each != null) {
                    each.close();
                }
            } catch (Exception e) {
                throw new AssertionError("can't be closed", e);
            }
        }
    }

    @Test
    @Order(1)
    @DisplayName("requests of a session that reach either machine, two at a time, count exactly")
    void bothMachinesCountTheSame() throws Exception {
        try (CountingUsers load = CountingUsers.start(List.of(port()), COUNTER, 8, 6, 4, 400)) {
            load.await();
            assertExact(load);
            assertThat(load.refused()).as("503").isZero();
            assertThat(load.cut()).as("requests that were cut off").isZero();
        }
    }

    @Test
    @Order(2)
    @DisplayName("a session that was ended is gone at both machines")
    void endedSessionIsGoneEverywhere() throws Exception {
        String cookie = begin("?add=7");
        assertThat(numbers(cookie)).containsOnly("7");
        HttpConnection.fresh(port(), COUNTER + "?add=0&end=1", cookie);
        for (int i = 0; i < 4; i++) {
            // Each begins another one.
            assertThat(HttpConnection.fresh(port(), COUNTER + "?add=0", cookie).body())
                    .isEqualTo("0");
        }
    }

    @Test
    @Order(3)
    @DisplayName(
            "a worker that was held up while it ended a session, which others have had meanwhile, says that it did not")
    void aLogoutThatCameTooLateIsNotAnswered() throws Exception {
        String cookie = begin("?add=7");
        Path gate = application.resolveSibling("gate");
        CompletableFuture<Response> logout = CompletableFuture.supplyAsync(() -> {
            try {
                return HttpConnection.fresh(one.port(), COUNTER + "?add=0&end=1&gate=" + gate, cookie);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
        await("it has the session").atMost(SOON).until(() -> Files.exists(gate.resolveSibling("gate.in")));
        signal(one, "STOP");
        try {
            // Waits until the session is anybody's again.
            assertThat(HttpConnection.fresh(two.port(), COUNTER + "?add=1", cookie)
                            .body())
                    .isEqualTo("8");
            Files.createFile(gate);
        } finally {
            signal(one, "CONT");
        }
        assertThat(logout.get(SOON.toSeconds(), TimeUnit.SECONDS).status()).isEqualTo(503);
        assertThat(numbers(cookie)).containsOnly("8");
    }

    /** To all workers. */
    private static void signal(ClowderProcess cluster, String name) throws Exception {
        List<String> kill = new ArrayList<>(List.of("kill", "-" + name));
        cluster.status().workers().forEach(worker -> kill.add(String.valueOf(worker.pid())));
        assertThat(new ProcessBuilder(kill).inheritIO().start().waitFor()).isZero();
    }

    @Test
    @Order(3)
    @DisplayName("the password of the engine is on no command line of a worker, in no log, and in no status")
    void theSecretIsNotShown() throws Exception {
        for (ClowderProcess cluster : List.of(one, two)) {
            for (ClusterStatus.Worker worker : cluster.status().workers()) {
                assertHides(Files.readString(
                        Path.of("/proc", String.valueOf(worker.pid()), "cmdline"), StandardCharsets.ISO_8859_1));
                assertHides(Files.readString(
                        Path.of("/proc", String.valueOf(worker.pid()), "environ"), StandardCharsets.ISO_8859_1));
            }
            assertHides(cluster.statusJson());
            assertHides(cluster.output());
        }
    }

    private static void assertHides(String text) {
        assertThat(text).isNotEmpty().doesNotContain("s3cret");
    }

    @Test
    @Order(3)
    @DisplayName("an engine that refuses the password ends the start, with a line that does not say it")
    void aWrongPasswordEndsTheStart() throws Exception {
        Path wrong = Files.writeString(
                application.resolveSibling("wrong.properties"),
                "sessions = " + engine.url().replace("s3cret", "s3crets") + "\n");
        try (ClowderProcess cluster = ClowderProcess.builder()
                .application("/shop", application)
                .arguments("--config", wrong.toString(), "--oversubscribe")
                .start()) {
            assertThat(cluster.awaitExit(SOON)).isEqualTo(3);
            assertThat(cluster.output())
                    .contains("can't start: no worker became ready: --sessions ")
                    .doesNotContain("s3cret");
        }
    }

    @Test
    @Order(4)
    @DisplayName(
            "while the engine is away requests without a session are served, those with one get 503; then all goes on")
    void theEngineMayBeAway() throws Exception {
        String cookie = begin("?add=5");
        engine.stop();
        try {
            assertRefusedWhileAway(cookie);
            assertThat(HttpConnection.fresh(port(), COUNTER).status())
                    .as("a new session")
                    .isEqualTo(503);
        } finally {
            engine.start();
        }
        await("its count is there again")
                .atMost(SOON)
                .until(() -> numbers(cookie).stream().allMatch("5"::equals));
    }

    @Tag("slow")
    @Test
    @Order(5)
    @DisplayName("an engine that does not answer any more is as one that is away")
    void theEngineMayHang() throws Exception {
        String cookie = begin("?add=6");
        engine.signal("STOP");
        try {
            assertRefusedWhileAway(cookie);
        } finally {
            engine.signal("CONT");
        }
        await("its count is there again")
                .atMost(SOON)
                .until(() -> numbers(cookie).stream().allMatch("6"::equals));
    }

    private void assertRefusedWhileAway(String cookie) throws IOException {
        for (int i = 0; i < 6; i++) {
            Response refused = HttpConnection.fresh(port(), COUNTER + "?add=1", cookie);
            assertThat(refused.status()).isEqualTo(503);
            assertThat(refused.header("Retry-After")).isEqualTo("1");
            Response served = HttpConnection.fresh(port(), "/shop/worker");
            assertThat(served.status()).isEqualTo(200);
        }
    }

    @Test
    @Order(6)
    @Tag("slow")
    @DisplayName(
            "50 users count to 20,000 at both machines through kill -9, reload and scale, and not one number is wrong")
    void twentyThousandIncrementsAreExact() throws Exception {
        try (CountingUsers load = CountingUsers.start(List.of(port()), COUNTER, 2026, 50, 4, 20_000)) {
            await("users count").atMost(SOON).until(() -> load.answers() > 1000);
            succeeds(one, "scale", "3");
            ClusterStatus.Worker victim = one.status().worker(2);
            ProcessHandle.of(victim.pid()).orElseThrow().destroyForcibly();
            succeeds(two, "reload");
            await("another worker").atMost(SOON).until(() -> {
                ClusterStatus.Worker now = one.status().worker(2);
                return now.id() != victim.id() && now.isReady();
            });
            succeeds(one, "scale", "2");
            load.await();
            assertExact(load);
            assertThat(load.cut()).as("requests that were cut off").isLessThan(400);
        }
    }

    @Test
    @Order(7)
    @DisplayName("a machine is killed: the other one has all that was answered")
    void aKilledMachineLosesNoSession() throws Exception {
        try (CountingUsers load = CountingUsers.start(List.of(port()), COUNTER, 9, 6, 4, 600)) {
            await("users count").atMost(SOON).until(() -> load.answers() > 100);
            List<ProcessHandle> machine = new ArrayList<>(two.children());
            machine.add(two.handle());
            machine.forEach(ProcessHandle::destroyForcibly);
            load.await();
            assertExact(load);
        }
    }

    private int port() {
        return haproxy.port("machines");
    }

    /** The cookie line of a new session. */
    private String begin(String query) throws IOException {
        Response begun = HttpConnection.fresh(port(), COUNTER + query);
        assertThat(begun.status()).isEqualTo(200);
        return "Cookie: " + String.valueOf(begun.header("Set-Cookie")).split(";", 2)[0];
    }

    /** What some requests in a row, and so both machines, say. */
    private List<String> numbers(String cookie) throws IOException {
        List<String> numbers = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            numbers.add(HttpConnection.fresh(port(), COUNTER + "?add=0", cookie).body());
        }
        return numbers;
    }

    private static void assertExact(CountingUsers load) {
        assertThat(load.wrong()).isEmpty();
        assertThat(load.lost()).as("sessions that began again").isZero();
    }

    private static void succeeds(ClowderProcess cluster, String command, String... arguments) throws Exception {
        Launcher.Result result = cluster.command(LONG, command, arguments);
        assertThat(result.exitCode()).as(result.errors()).isZero();
    }
}
