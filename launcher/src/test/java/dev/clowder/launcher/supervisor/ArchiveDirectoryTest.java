package dev.clowder.launcher.supervisor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Who may put an archive where workers take it from, and what becomes of one that is damaged. */
class ArchiveDirectoryTest {
    @TempDir
    private Path temporary;

    @Test
    void itIsMadeForItsOwnerAlone() throws IOException {
        Path root = temporary.resolve("a/clowder");
        ArchiveDirectory.open(root);
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(root)))
                .isEqualTo("rwx------");
    }

    @ParameterizedTest
    @ValueSource(strings = {"rwxrwx---", "rwx----w-"})
    void oneThatOthersMayWriteToIsRefused(String permissions) throws IOException {
        Files.setPosixFilePermissions(temporary, PosixFilePermissions.fromString(permissions));
        assertThatThrownBy(() -> ArchiveDirectory.open(temporary))
                .isInstanceOf(IOException.class)
                .hasMessage(temporary + " may be written by others than its owner");
    }

    @Test
    void oneOfSomebodyElseIsRefused() throws IOException {
        Path foreign = Path.of("/usr");
        if (Files.getAttribute(Path.of("/proc/self"), "unix:uid").equals(0)) {
            foreign = Files.createDirectory(temporary.resolve("foreign"));
            Files.setAttribute(foreign, "unix:uid", 1);
        }
        Path refused = foreign;
        assertThatThrownBy(() -> ArchiveDirectory.open(refused))
                .isInstanceOf(IOException.class)
                .hasMessageStartingWith(refused + " belongs to ");
    }

    @Test
    void aLinkIsRefused() throws IOException {
        Path link = Files.createSymbolicLink(
                temporary.resolve("link"), Files.createDirectory(temporary.resolve("elsewhere")));
        assertThatThrownBy(() -> ArchiveDirectory.open(link))
                .isInstanceOf(IOException.class)
                .hasMessage(link + " is no directory");
    }

    @Test
    void anArchiveIsFoundByItsKeyOnly() throws Exception {
        ArchiveDirectory directory = ArchiveDirectory.open(temporary);
        Path made = directory.make("key", file -> Files.writeString(file, "classes"));
        assertThat(directory.find("key")).isEqualTo(made).hasContent("classes");
        assertThat(directory.find("other")).isNull();
    }

    @Test
    void aDamagedArchiveIsRemovedAndNotUsed() throws Exception {
        ArchiveDirectory directory = ArchiveDirectory.open(temporary);
        Path made = directory.make("key", file -> Files.writeString(file, "classes"));
        Files.writeString(made, "clasSes");
        assertThat(directory.find("key")).isNull();
        assertThat(made).doesNotExist();
    }

    @Test
    void anArchiveThatOthersMayWriteToIsNotUsed() throws Exception {
        ArchiveDirectory directory = ArchiveDirectory.open(temporary);
        Path made = directory.make("key", file -> Files.writeString(file, "classes"));
        Files.setPosixFilePermissions(made, PosixFilePermissions.fromString("rw-rw----"));
        assertThat(directory.find("key")).isNull();
    }

    @Test
    void whatIsNotFinishedLeavesNothing() throws Exception {
        ArchiveDirectory directory = ArchiveDirectory.open(temporary);
        assertThatThrownBy(() -> directory.make("key", file -> {
                    Files.writeString(file, "half");
                    throw new IOException("no room");
                }))
                .hasMessage("no room");
        assertThat(directory.find("key")).isNull();
        assertThat(names()).containsExactly("lock");
    }

    @Test
    void twoThatWantTheSameMakeItOnce() throws Exception {
        AtomicInteger made = new AtomicInteger();
        CountDownLatch making = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        ArchiveDirectory.Making once = file -> {
            made.incrementAndGet();
            making.countDown();
            assertThat(goOn.await(60, TimeUnit.SECONDS)).isTrue();
            Files.writeString(file, "classes");
        };
        CompletableFuture<Path> first = make(once);
        assertThat(making.await(60, TimeUnit.SECONDS)).isTrue();
        CompletableFuture<Path> second = make(once);
        goOn.countDown();
        assertThat(second.get(60, TimeUnit.SECONDS)).isEqualTo(first.get(60, TimeUnit.SECONDS));
        assertThat(made).hasValue(1);
    }

    private CompletableFuture<Path> make(ArchiveDirectory.Making making) {
        return CompletableFuture.supplyAsync(() -> {
            try {
                return ArchiveDirectory.open(temporary).make("key", making);
            } catch (IOException | InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
    }

    @Test
    void thoseThatWereNotUsedForLongestAreRemoved() throws Exception {
        ArchiveDirectory directory = ArchiveDirectory.open(temporary);
        List<String> keys = new ArrayList<>();
        for (int i = 0; i < ArchiveDirectory.KEPT; i++) {
            keys.add("key" + i);
            Path made = directory.make("key" + i, file -> Files.writeString(file, "classes"));
            Files.setLastModifiedTime(made, FileTime.fromMillis(1000L * i));
        }
        // Used: now it is the youngest.
        directory.find("key0");
        directory.make("new", file -> Files.writeString(file, "classes"));
        assertThat(keys.stream().filter(this::isThere)).containsExactly("key0", "key2", "key3");
        assertThat(isThere("new")).isTrue();
    }

    private boolean isThere(String key) {
        try {
            return names().stream().anyMatch(name -> name.startsWith(key + "-"));
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void itIsInTheUsersCache() {
        assertThat(ArchiveDirectory.path(Map.of("XDG_CACHE_HOME", "/var/cache/web")))
                .isEqualTo(Path.of("/var/cache/web/clowder"));
        Path home = Path.of(System.getProperty("user.home"), ".cache", "clowder");
        assertThat(ArchiveDirectory.path(Map.of())).isEqualTo(home);
        assertThat(ArchiveDirectory.path(Map.of("XDG_CACHE_HOME", "relative"))).isEqualTo(home);
    }

    private List<String> names() throws IOException {
        try (Stream<Path> files = Files.list(temporary)) {
            return files.map(file -> file.getFileName().toString()).toList();
        }
    }
}
