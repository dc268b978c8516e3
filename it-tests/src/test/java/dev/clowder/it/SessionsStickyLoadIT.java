package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.Launcher;
import dev.clowder.it.app.CountServlet;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import javax.net.ssl.SSLSocketFactory;
import org.jboss.shrinkwrap.api.ShrinkWrap;
import org.jboss.shrinkwrap.api.spec.WebArchive;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Sticky sessions while the cluster changes under 50 users with 4 connections each. */
@Tag("slow")
class SessionsStickyLoadIT {
    private static final Duration LONG = Duration.ofMinutes(4);
    private static final int USERS = 50;
    private static final int INCREMENTS = 20_000;
    private static final long SEED = 8;

    @TempDir
    Path directory;

    @ParameterizedTest
    @CsvSource({"shared,false", "relay,false", "shared,true"})
    @DisplayName(
            "20,000 increments with a reload, a kill -9 and scaling in between: exact, and only the victim's sessions restart")
    void exactCounters(String accept, boolean secure) throws Exception {
        Tls tls = new Tls(directory.resolve("tls"));
        WebArchive app = ShrinkWrap.create(WebArchive.class, "app.war").addClass(CountServlet.class);
        try (ClowderProcess cluster = ClowderProcess.builder()
                        .application("/app", Apps.write(app, directory))
                        .arguments("--oversubscribe", "--boot-timeout", "240s", "--accept", accept)
                        .arguments(tls.options(0))
                        .start();
                SessionLoad load = begin(cluster, secure ? tls : null)) {
            awaitCount(load, INCREMENTS / 5);
            done(cluster, "reload");
            assertThat(load.wrong()).isEmpty();
            assertThat(load.restarts()).as("sessions lost by the reload").isEmpty();

            done(cluster, "scale", "3");
            done(cluster, "scale", "2");
            awaitCount(load, 2 * INCREMENTS / 5);
            assertThat(load.restarts()).as("sessions lost by scaling").isEmpty();

            ProcessHandle.of(cluster.status().worker(1).pid()).orElseThrow().destroyForcibly();
            cluster.awaitReady(LONG);
            awaitCount(load, INCREMENTS);
            done(cluster, "reload");
            load.stop();

            assertThat(load.wrong()).isEmpty();
            assertThat(load.counted()).isGreaterThanOrEqualTo(INCREMENTS);
            Set<Integer> victims = new HashSet<>(load.restarts());
            assertThat(victims).as("slots whose sessions began anew").isSubsetOf(1);
            System.out.println(
                    accept + (secure ? ", TLS: " : ": ") + load.counted() + " increments, kill -9 of slot 1 restarted "
                            + load.restarts().size() + " of " + USERS + " sessions");
            assertThat(load.restarts().size()).isBetween(1, USERS);
        }
    }

    private static SessionLoad begin(ClowderProcess cluster, @Nullable Tls tls) throws Exception {
        int port = cluster.awaitReady(LONG).listeners().get(tls == null ? 0 : 1).port();
        SSLSocketFactory factory = tls == null ? null : tls.client().getSocketFactory();
        return SessionLoad.start(
                () -> factory == null ? HttpConnection.open(port) : HttpConnection.tls(port, factory),
                factory != null,
                "/app/count",
                USERS,
                SEED);
    }

    private static void awaitCount(SessionLoad load, int wanted) {
        await("increments")
                .atMost(LONG)
                .until(() -> load.counted() >= wanted || !load.wrong().isEmpty());
    }

    private static void done(ClowderProcess cluster, String command, String... arguments) throws Exception {
        Launcher.Result result = cluster.command(LONG, command, arguments);
        assertThat(result.exitCode())
                .as(List.of(command, result.errors()).toString())
                .isZero();
    }
}
