package dev.clowder.launcher.supervisor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.clowder.launcher.config.ConfigReader;
import dev.clowder.launcher.config.LauncherConfig;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Whatever is wrong with the archive, the next worker starts without it. */
class ClassArchiveTest {
    /** Above what Linux gives to a process. */
    private static final long NOBODY = 1L << 40;

    @TempDir
    private Path temporary;

    private final LogLines log = new LogLines();
    private final ClassArchive archive = new ClassArchive(log);
    private Path jar;
    private LauncherConfig config;
    private Path file;

    @BeforeEach
    void anArchiveThatWasMadeBefore() throws Exception {
        jar = Files.writeString(temporary.resolve("clowder.jar"), "classes");
        config = ConfigReader.read(
                Files.createDirectory(temporary.resolve("app")).toString());
        ArchiveKind kind = kind();
        file = ArchiveDirectory.open(temporary.resolve("clowder"))
                .make(kind.key(), made -> Files.writeString(made, "archive"));
        archive.begin(config, kind, Map.of("XDG_CACHE_HOME", temporary.toString()), temporary.resolve("training"));
    }

    private ArchiveKind kind() {
        return ArchiveKind.of(17, config.java(), jar.toString(), List.of());
    }

    private void happens(WorkerEvent.Kind kind, int exit) {
        if (kind == WorkerEvent.Kind.FORKED) {
            archive.flags(17); // Its command line is made first.
        }
        Exit end = kind == WorkerEvent.Kind.EXITED ? Exit.of(exit, null, Instant.EPOCH) : null;
        archive.changed(new WorkerEvent(kind, 1, 1, NOBODY, end));
    }

    @Test
    void aWorkerGetsTheArchiveThatIsThere() {
        assertThat(archive.flags(17)).contains("-XX:SharedArchiveFile=" + file);
        assertThat(archive.status().state()).isEqualTo("ready");
    }

    @Test
    void whenTheJvmDoesNotStartWithItTheNextOneStartsWithout() {
        happens(WorkerEvent.Kind.FORKED, 0);
        happens(WorkerEvent.Kind.EXITED, 1);
        assertThat(archive.flags(17)).isEmpty();
        assertThat(archive.status().state()).isEqualTo("off");
        assertThat(log.lines).hasSize(1).first().asString().contains("a worker's JVM did not start with it");
    }

    @ParameterizedTest
    @CsvSource({"134", "135", "139"})
    void whenAWorkerCrashesBeforeItIsReadyTheNextOneStartsWithoutAndTheArchiveIsRemoved(int exit) {
        happens(WorkerEvent.Kind.FORKED, 0);
        happens(WorkerEvent.Kind.ONLINE, 0);
        happens(WorkerEvent.Kind.EXITED, exit);
        assertThat(archive.flags(17)).isEmpty();
        assertThat(archive.status().reason()).isEqualTo("a worker that started with it crashed");
        assertThat(file).doesNotExist();
    }

    @Test
    void whenTheJvmDoesNotMapItTheReasonIsTheLikelyOne() throws Exception {
        // A process that was told of it and has not mapped it, as a JVM whose collector is at odds with the archive.
        Process worker = new ProcessBuilder("sh", "-c", "read end", "worker", "-XX:SharedArchiveFile=" + file).start();
        try {
            archive.changed(new WorkerEvent(WorkerEvent.Kind.LISTENING, 1, 1, worker.pid(), null));
            await().until(() -> archive.status().state().equals("off"));
        } finally {
            worker.destroyForcibly().waitFor();
        }
        assertThat(archive.status().reason()).contains("JVM does not take it").contains("--worker-opts");
        assertThat(archive.flags(17)).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({"placed, start", "exited, signal"})
    void aSpareThatHasBootedIsNotBlamedOnTheArchive(String event, String cause) {
        happens(WorkerEvent.Kind.FORKED, 0);
        happens(WorkerEvent.Kind.ONLINE, 0);
        archive.event(new ClusterEvent(
                event, "", 0, 1, NOBODY, 1, null, "SIGSEGV", "killed", cause, null, null, null, Instant.EPOCH));
        happens(WorkerEvent.Kind.EXITED, 139);
        assertThat(archive.flags(17)).isNotEmpty();
        assertThat(file).exists();
    }

    @ParameterizedTest
    @CsvSource({"78", "137", "143"})
    void anApplicationThatDoesNotStartAndAWorkerThatIsKilledAreNotBlamedOnTheArchive(int exit) {
        happens(WorkerEvent.Kind.FORKED, 0);
        happens(WorkerEvent.Kind.ONLINE, 0);
        happens(WorkerEvent.Kind.EXITED, exit);
        assertThat(archive.flags(17)).isNotEmpty();
        assertThat(log.lines).isEmpty();
    }

    @Test
    void aWorkerThatGotNoArchiveIsNotBlamedOnIt() {
        assertThat(archive.flags(21)).as("of another Java").isEmpty();
        archive.changed(new WorkerEvent(WorkerEvent.Kind.FORKED, 1, 1, NOBODY, null));
        happens(WorkerEvent.Kind.EXITED, 139);
        assertThat(archive.flags(17)).isNotEmpty();
        assertThat(file).exists();
    }

    @Test
    void oneThatHasVanishedIsMadeAgain() throws Exception {
        Files.delete(file);
        assertThat(archive.flags(17)).isEmpty();
        assertThat(archive.status().state()).isEqualTo("making");
    }

    @Test
    void afterAReloadWithAnotherJarAnotherArchiveIsWantedAndWithTheSameTheSame() throws Exception {
        archive.renew(kind());
        assertThat(archive.flags(17)).contains("-XX:SharedArchiveFile=" + file);

        Files.writeString(jar, "more classes than before");
        archive.renew(kind());
        assertThat(archive.flags(17)).isEmpty();
        assertThat(archive.status().state()).isEqualTo("making");
    }

    @Test
    void aReloadEndsGivingUpOnlyIfSomethingIsAnother() throws Exception {
        happens(WorkerEvent.Kind.FORKED, 0);
        happens(WorkerEvent.Kind.EXITED, 1);
        archive.renew(kind());
        assertThat(archive.status().state()).isEqualTo("off");
        Files.writeString(jar, "more classes than before");
        archive.renew(kind());
        assertThat(archive.status().state()).isEqualTo("making");
    }
}
