package dev.clowder.launcher.supervisor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.launcher.config.ConfigReader;
import dev.clowder.launcher.config.LauncherConfig;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** With how many workers a new supervisor goes on. */
class AdoptionTest {
    private static final int PROCESSORS = Runtime.getRuntime().availableProcessors();

    @TempDir
    Path temporary;

    @Test
    void whatScaleHasLeftIsKept() throws Exception {
        assertThat(Adoption.count(plan(1, PROCESSORS + 3), config("--oversubscribe")))
                .isEqualTo(PROCESSORS + 3);
        assertThat(Adoption.count(plan(1, 1), config())).isEqualTo(1);
    }

    @Test
    void whoAsksForAnotherNumberGetsIt() throws Exception {
        assertThat(Adoption.count(plan(3, 2), config())).isEqualTo(1);
        // As a launcher wrote that knew of no scale to be kept.
        assertThat(Adoption.count(plan(0, 0), config())).isEqualTo(1);
    }

    @Test
    void noMoreThanScaleWouldAllowNow() throws Exception {
        assertThat(Adoption.count(plan(1, PROCESSORS + 3), config())).isEqualTo(PROCESSORS);
    }

    /** Asks for one worker. */
    private LauncherConfig config(String... more) throws Exception {
        Path application =
                Files.createDirectories(temporary.resolve("app/WEB-INF")).getParent();
        List<String> arguments = new ArrayList<>(List.of("--workers", "1"));
        arguments.addAll(List.of(more));
        arguments.add(application.toString());
        return ConfigReader.read(arguments.toArray(String[]::new));
    }

    private static Register.Plan plan(int asked, int workers) {
        return new Register.Plan(List.of(), "", "", asked, workers, "1.0", new Generation(1, List.of(), List.of()));
    }
}
