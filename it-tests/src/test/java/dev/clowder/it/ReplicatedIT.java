package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.ClusterStatus;
import dev.clowder.arquillian.Launcher;
import dev.clowder.it.app.CounterServlet;
import java.io.EOFException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jboss.shrinkwrap.api.ShrinkWrap;
import org.jboss.shrinkwrap.api.asset.StringAsset;
import org.jboss.shrinkwrap.api.spec.WebArchive;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every worker knows every session, of an application that says it is distributable. */
@Tag("once")
class ReplicatedIT {
    private static final Duration SOON = Duration.ofSeconds(90);
    private static final Duration LONG = Duration.ofMinutes(4);
    private static final String COUNTER = "/shop/counter";

    @TempDir
    static Path directory;

    private static ClowderProcess cluster;

    @BeforeAll
    static void start() throws IOException {
        WebArchive shop = ShrinkWrap.create(WebArchive.class, "shop.war")
                .addClasses(CounterServlet.class)
                .addClass("dev.clowder.it.app.CounterServlet$Handle")
                .addClass("dev.clowder.it.app.CounterServlet$Holder")
                .setWebXML(new StringAsset("<web-app xmlns=\"https://jakarta.ee/xml/ns/jakartaee\" version=\"6.1\">"
                        + "<distributable/></web-app>"));
        cluster = ClowderProcess.builder()
                .application("/shop", Apps.write(shop, directory))
                .arguments("--oversubscribe")
                .start();
    }

    @AfterAll
    static void stop() {
        cluster.close();
    }

    @BeforeEach
    void whole() throws IOException, InterruptedException {
        cluster.awaitReady(SOON);
    }

    @Test
    @DisplayName(
            "requests of a session that reach any worker, two at a time, count exactly; kill -9 of a worker loses none")
    void killedWorkerLosesNoSession() throws Exception {
        try (CountingUsers load = CountingUsers.start(List.of(cluster.port()), COUNTER, 8, 10, 4, 1500)) {
            await("users count").atMost(SOON).until(() -> load.answers() > 300);
            kill(1);
            load.await();
            assertExact(load);
        }
    }

    @Tag("slow")
    @Test
    @DisplayName("an attribute that other workers can't have is refused with its name and its class")
    void unserialisableAttributeIsNamed() throws Exception {
        HttpConnection.Response refused = HttpConnection.fresh(cluster.port(), COUNTER + "?attribute=refused");
        assertThat(refused.status()).isEqualTo(500);
        assertThat(refused.body())
                .contains("session attribute basket: dev.clowder.it.app.CounterServlet$Handle is not Serializable");

        assertThat(HttpConnection.fresh(cluster.port(), COUNTER + "?attribute=hidden")
                        .status())
                .isEqualTo(500);
        await("the worker's log names what the session can't be written for")
                .atMost(SOON)
                .until(() -> cluster.output()
                        .contains("session attribute basket: dev.clowder.it.app.CounterServlet$Handle"
                                + " is not Serializable"));
    }

    @Test
    @DisplayName(
            "an answer that is on its way when its session can't be stored breaks off, over HTTP/2 its stream only")
    void anAnswerWithoutItsSessionBreaksOff() throws Exception {
        String spoiled = COUNTER + "?attribute=hidden&more=20000";
        assertThatThrownBy(() -> HttpConnection.fresh(cluster.port(), spoiled)).isInstanceOf(EOFException.class);
        try (Http2Connection connection = Http2Connection.open(cluster.port(), null)) {
            assertThatThrownBy(() -> connection.get(spoiled)).hasMessage("stream 1 was reset");
            assertThat(connection.get(COUNTER + "?add=3")).isEqualTo("3");
        }
    }

    @Test
    @DisplayName("a session that was ended is gone in every worker")
    void endedSessionIsGoneEverywhere() throws Exception {
        HttpConnection.Response begun = HttpConnection.fresh(cluster.port(), COUNTER + "?add=7");
        String cookie = "Cookie: " + String.valueOf(begun.header("Set-Cookie")).split(";", 2)[0];
        List<String> numbers = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            numbers.add(HttpConnection.fresh(cluster.port(), COUNTER + "?add=0", cookie)
                    .body());
        }
        assertThat(numbers).containsOnly("7");
        HttpConnection.fresh(cluster.port(), COUNTER + "?add=0&end=1", cookie);
        for (int i = 0; i < 8; i++) {
            assertThat(HttpConnection.fresh(cluster.port(), COUNTER + "?add=0", cookie)
                            .body())
                    .isEqualTo("0");
        }
    }

    @Test
    @Tag("slow")
    @DisplayName("50 users count to 20,000 through kill -9, reload and scale, and not one number is wrong")
    void twentyThousandIncrementsAreExact() throws Exception {
        try (CountingUsers load = CountingUsers.start(List.of(cluster.port()), COUNTER, 2026, 50, 4, 20_000)) {
            await("users count").atMost(SOON).until(() -> load.answers() > 1000);
            succeeds("scale", "3");
            kill(2);
            succeeds("reload");
            kill(1);
            succeeds("scale", "2");
            load.await();
            assertExact(load);
            assertThat(load.cut()).as("requests that were cut off").isLessThan(400);
        }
    }

    private static void assertExact(CountingUsers load) {
        assertThat(load.wrong()).isEmpty();
        assertThat(load.lost()).as("sessions that began again").isZero();
        assertThat(load.refused()).as("503").isZero();
    }

    private static void succeeds(String command, String... arguments) throws Exception {
        Launcher.Result result = cluster.command(LONG, command, arguments);
        assertThat(result.exitCode()).as(result.errors()).isZero();
    }

    /** And waits until its slot has another worker that is ready. */
    private static void kill(int slot) throws Exception {
        ClusterStatus.Worker victim = cluster.status().worker(slot);
        ProcessHandle.of(victim.pid()).orElseThrow().destroyForcibly();
        await("another worker in slot " + slot).atMost(SOON).until(() -> {
            ClusterStatus.Worker now = cluster.status().worker(slot);
            return now.id() != victim.id() && now.isReady();
        });
    }
}
