package dev.clowder.launcher.supervisor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.clowder.launcher.config.AccessLog;
import dev.clowder.launcher.config.ConfigException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AccessLogRotationTest {
    @TempDir
    private Path temporary;

    private final List<String> told = new ArrayList<>();

    private AccessLog log(Path file, long limit) {
        return new AccessLog(file, "common", limit);
    }

    @Test
    void aFullFileIsRenamedAndNineAreKept() throws IOException {
        Path file = temporary.resolve("access.log");
        AccessLogRotation rotation = new AccessLogRotation(log(file, 3), told::add);
        for (int i = 1; i <= 12; i++) {
            Files.writeString(file, "full " + i);
            rotation.look();
            assertThat(file).doesNotExist();
        }
        for (int n = 1; n <= AccessLogRotation.KEPT; n++) {
            assertThat(SlotLog.generation(file, n)).hasContent("full " + (13 - n));
        }
        assertThat(temporary).isDirectoryNotContaining("glob:**.log.10");
        assertThat(told).isEmpty();
    }

    @Test
    void aFileThatIsNotFullOrHasNoLimitStaysAsItIs() throws IOException {
        Path file = temporary.resolve("access.log");
        Files.writeString(file, "abc");
        new AccessLogRotation(log(file, 3), told::add).look();
        new AccessLogRotation(log(file, 0), told::add).look();
        assertThat(file).hasContent("abc");
    }

    @Test
    void aFileThatSomebodyHasRenamedIsNoTrouble() {
        new AccessLogRotation(log(temporary.resolve("gone.log"), 3), told::add).look();
        assertThat(told).isEmpty();
    }

    @Test
    void whatCanNotBeRenamedIsSaidOnceAndAgainWhenItHadBeenWell() throws IOException {
        Path file = temporary.resolve("access.log");
        Path inTheWay = SlotLog.generation(file, AccessLogRotation.KEPT);
        AccessLogRotation rotation = new AccessLogRotation(log(file, 3), told::add);
        for (int i = 1; i <= 2; i++) {
            Files.createDirectories(inTheWay.resolve("not empty"));
            Files.writeString(SlotLog.generation(file, AccessLogRotation.KEPT - 1), "old");
            Files.writeString(file, "full");
            rotation.look();
            rotation.look();
            assertThat(told).hasSize(i).last().asString().startsWith("access log " + file + ": can't be renamed");
            assertThat(file).hasContent("full");
            Files.delete(inTheWay.resolve("not empty"));
            Files.delete(inTheWay);
            rotation.look();
            assertThat(file).doesNotExist();
            Files.delete(inTheWay);
        }
    }

    @Test
    void theFileAndItsDirectoriesAreThereFromTheStartAndAreLookedAt() throws Exception {
        Path file = temporary.resolve("var/log/access.log");
        try (AccessLogRotation running = AccessLogRotation.start(log(file, 3), told::add)) {
            assertThat(running).isNotNull();
            assertThat(file).isEmptyFile();
            Files.writeString(file, "full");
            Awaitility.await().atMost(Duration.ofSeconds(30)).until(() -> Files.exists(SlotLog.generation(file, 1)));
        }
    }

    @Test
    void whatIsThereAlreadyIsKept() throws Exception {
        Path file = Files.writeString(temporary.resolve("access.log"), "of yesterday\n");
        AccessLogRotation.check(log(file, 3));
        assertThat(file).hasContent("of yesterday\n");
    }

    @Test
    void aFileThatCanNotBeWrittenOrRenamedIsRefusedWithItsName() throws IOException {
        Path directory = Files.createDirectory(temporary.resolve("directory"));
        Path link = Files.createSymbolicLink(temporary.resolve("link"), temporary.resolve("elsewhere"));
        Path file = Files.createFile(temporary.resolve("file"));
        for (Path wrong : List.of(directory, link, file.resolve("access.log"), Path.of("/dev/full"))) {
            assertThatThrownBy(() -> AccessLogRotation.check(log(wrong, 3)))
                    .isInstanceOf(ConfigException.class)
                    .hasMessageStartingWith("--access-log " + wrong + ": can't be written (")
                    .hasMessageNotContaining("\n");
        }
        assertThatCode(() -> AccessLogRotation.check(log(file, 3))).doesNotThrowAnyException();
    }
}
