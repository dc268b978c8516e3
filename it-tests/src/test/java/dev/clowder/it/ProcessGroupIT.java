package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.Running;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Signals that a terminal sends to a process group: to the supervisor and all of its workers at the same time. */
@Tag("once")
class ProcessGroupIT {
    private static final Duration SOON = Duration.ofSeconds(90);
    /** In a group of its own, so that this test is not in it; who started us may have ignored these signals. */
    private static final String[] OWN_GROUP = {"setsid", "env", "--default-signal=INT,HUP"};

    @TempDir
    private Path files;

    @Test
    @DisplayName("failure 39: HUP and then Ctrl-C reach the whole group: the workers ignore both, the supervisor leads;"
            + " a request in flight is answered, exit code 0")
    void workersLeaveSignalsOfTheGroupToTheSupervisor() throws Exception {
        assumeTrue(allowed(), "no setsid, or an env without --default-signal");
        try (ClowderProcess cluster = ClowderProcess.builder()
                .through(OWN_GROUP)
                .root(files)
                .application("/", Apps.write(Apps.probe("probe.war"), files))
                .start()) {
            cluster.awaitReady(SOON);
            List<ProcessHandle> workers = cluster.children();
            assertThat(workers).hasSizeGreaterThanOrEqualTo(2);
            try (InFlight request = InFlight.start(cluster.port(), "/upload")) {
                signalGroup("HUP", cluster);
                await("the supervisor reloads")
                        .atMost(SOON)
                        .until(() -> cluster.output().contains("reload: slot 1: worker 3 starts"));
                signalGroup("INT", cluster);
                await("the supervisor stops")
                        .atMost(SOON)
                        .until(() -> cluster.output().contains("stopping: no new connections"));
                request.assertFinishes();
            }
            assertThat(cluster.awaitExit(SOON)).isZero();
            assertThat(cluster.output())
                    .doesNotContain(" died after ")
                    .doesNotContain("told to leave by somebody else");
            assertThat(workers).noneMatch(Running::is);
        }
    }

    private static void signalGroup(String name, ClowderProcess cluster) throws IOException, InterruptedException {
        String command = "kill -" + name + " -" + cluster.handle().pid();
        assertThat(new ProcessBuilder("sh", "-c", command).start().waitFor()).isZero();
    }

    private static boolean allowed() throws InterruptedException {
        try {
            return new ProcessBuilder(Stream.concat(Stream.of(OWN_GROUP), Stream.of("true"))
                                    .toList())
                            .start()
                            .waitFor()
                    == 0;
        } catch (IOException e) {
            return false;
        }
    }
}
