package dev.clowder.launcher.supervisor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributeView;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RecentAccessTest {
    private static final FileTime OLD = FileTime.from(Instant.parse("2020-01-01T00:00:00Z"));
    private static final Instant NOW = Instant.now().truncatedTo(ChronoUnit.SECONDS);

    @TempDir
    Path temporary;

    @Test
    void allFilesAndDirectoriesAreAccessedAndNothingElseChanges() throws Exception {
        RunDirectory run = RunDirectory.open(temporary.resolve("run"));
        Path directory = Files.createDirectories(run.generation(1).resolve("WEB-INF"));
        Path page = Files.writeString(directory.resolve("page.jsp"), "page");
        Path outside = Files.writeString(temporary.resolve("outside"), "of another");
        Path link = Files.createSymbolicLink(directory.resolve("link"), outside);
        Process pipe = new ProcessBuilder("mkfifo", directory.resolve("a pipe").toString()).start();
        assertThat(pipe.waitFor()).isZero();
        Path lock = run.root().resolve(DirectoryLock.NAME);
        // By another process: this one would lose the lock.
        Process old = new ProcessBuilder("touch", "-d", "2020-01-01", lock.toString()).start();
        assertThat(old.waitFor()).isZero();
        for (Path path : new Path[] {page, directory, outside}) {
            Files.getFileAttributeView(path, BasicFileAttributeView.class).setTimes(OLD, OLD, null);
        }
        RecentAccess access = RecentAccess.start(run, Duration.ofMillis(10), () -> NOW, line -> {});
        try {
            await().atMost(1, TimeUnit.MINUTES).untilAsserted(() -> {
                assertThat(accessed(page)).isEqualTo(NOW);
                assertThat(accessed(directory)).isAfterOrEqualTo(NOW);
            });
        } finally {
            access.close();
        }
        assertThat(Files.getLastModifiedTime(lock)).isGreaterThan(OLD);
        assertThat(isLocked(lock)).as("still locked").isTrue();
        assertThat(accessed(outside)).isEqualTo(OLD.toInstant());
        assertThat(Files.isSymbolicLink(link)).isTrue();
        assertThat(Files.getLastModifiedTime(page)).isEqualTo(OLD);
        assertThat(Files.getLastModifiedTime(directory)).isEqualTo(OLD);
        run.close();
    }

    /** As the kernel has it, for others than this process too. */
    private static boolean isLocked(Path file) throws IOException {
        Object inode = Files.getAttribute(file, "unix:ino");
        return Files.readAllLines(Path.of("/proc/locks")).stream()
                .anyMatch(line ->
                        line.contains(" " + ProcessHandle.current().pid() + " ") && line.contains(":" + inode + " "));
    }

    private static Instant accessed(Path path) throws IOException {
        return Files.readAttributes(path, BasicFileAttributes.class)
                .lastAccessTime()
                .toInstant();
    }
}
