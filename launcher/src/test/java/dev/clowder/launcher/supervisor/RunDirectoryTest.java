package dev.clowder.launcher.supervisor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.clowder.launcher.config.ConfigException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunDirectoryTest {
    @TempDir
    Path temporary;

    @Test
    void isPrivateAndLeavesNothingBehind() throws Exception {
        Path path = temporary.resolve("a/run");
        RunDirectory directory = RunDirectory.open(path);
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(path)))
                .isEqualTo("rwx------");
        Files.createDirectories(directory.worker(1).resolve("work"));
        Files.writeString(directory.apps().resolve("file"), "text");
        directory.close();
        assertThat(path).doesNotExist();
    }

    @Test
    void anOpenOneIsMadePrivate() throws Exception {
        Path path = Files.createDirectory(
                temporary.resolve("run"),
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwxr-xr-x")));
        try (RunDirectory directory = RunDirectory.open(path)) {
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(directory.root())))
                    .isEqualTo("rwx------");
        }
    }

    @Test
    void aSecondClusterIsRefusedAndHarmsNothing() throws Exception {
        Path path = temporary.resolve("run");
        try (RunDirectory first = RunDirectory.open(path)) {
            Files.createFile(first.control());
            assertThatThrownBy(() -> RunDirectory.open(path))
                    .isInstanceOf(RunDirectory.InUseException.class)
                    .hasMessageContaining(path.toString())
                    .hasMessageContaining(String.valueOf(ProcessHandle.current().pid()));
            assertThat(first.control()).exists();
        }
        RunDirectory.open(path).close();
    }

    @Test
    void whatADeadClusterLeftIsRemoved() throws Exception {
        Path path = Files.createDirectories(temporary.resolve("run"));
        Files.createFile(path.resolve("control.sock"));
        Files.writeString(path.resolve("lock"), "4711\n");
        Files.createDirectories(path.resolve("apps/ROOT/WEB-INF"));
        try (RunDirectory directory = RunDirectory.open(path)) {
            assertThat(directory.control()).doesNotExist();
            assertThat(directory.apps()).isEmptyDirectory();
        }
    }

    @Test
    void whatALivingWorkerOfAnOlderLauncherWritesIsKeptUntilItIsGone() throws Exception {
        Path path = temporary.resolve("run");
        Path older = path.resolve("slot-1/7");
        Process worker = new ProcessBuilder("sleep", "60").start();
        try (RunDirectory directory = RunDirectory.open(path)) {
            directory.register().reserve(7);
            directory.register().started(1, 7, worker.pid(), 1);
            Files.createDirectories(older);
            Files.createDirectories(path.resolve("slot-2/8"));
            Files.delete(path.resolve("workers"));
        }
        try (RunDirectory directory = RunDirectory.open(path)) {
            assertThat(older).exists();
            assertThat(path.resolve("slot-2")).doesNotExist();
            worker.destroyForcibly().waitFor();
            directory.register().ended(7);
        } finally {
            worker.destroyForcibly();
        }
        assertThat(path).doesNotExist();
    }

    @Test
    void aDirectoryThatHoldsSomethingElseIsRefusedAndLeftAsItIs() throws Exception {
        Path path = Files.createDirectory(
                temporary.resolve("home"),
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwxr-xr-x")));
        Files.createFile(path.resolve("precious"));
        Files.createDirectories(path.resolve("apps/precious"));
        assertThatThrownBy(() -> RunDirectory.open(path))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining(path.toString())
                .hasMessageContaining("precious");
        assertThat(path.resolve("precious")).exists();
        assertThat(path.resolve("apps/precious")).exists();
        assertThat(path.resolve("lock")).doesNotExist();
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(path)))
                .isEqualTo("rwxr-xr-x");
    }

    @Test
    void aPathThatIsTooLongForASocketIsNamed() {
        Path path = temporary.resolve("x".repeat(100));
        assertThatThrownBy(() -> RunDirectory.open(path))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("--run-dir " + path)
                .hasMessageContaining("too long");
    }

    @Test
    void aFileInItsPlaceIsNamed() throws Exception {
        Path path = Files.createFile(temporary.resolve("file"));
        assertThatThrownBy(() -> RunDirectory.open(path))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining(path.toString());
        assertThat(path).isRegularFile();
    }

    @Test
    void aLinkIsNotFollowed() throws Exception {
        Path target = Files.createDirectory(temporary.resolve("target"));
        Files.createFile(target.resolve("precious"));
        Path link = Files.createSymbolicLink(temporary.resolve("run"), target);
        assertThatThrownBy(() -> RunDirectory.open(link)).isInstanceOf(ConfigException.class);
        assertThat(target.resolve("precious")).exists();
    }
}
