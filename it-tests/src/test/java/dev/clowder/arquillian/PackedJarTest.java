package dev.clowder.arquillian;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PackedJarTest {
    @TempDir
    private Path root;

    private Path cache;
    private PackedJar jar;

    @BeforeEach
    void pack() throws IOException {
        cache = root.resolve("cache/clowder");
        jar = packed("the launcher");
    }

    private PackedJar packed(String content) throws IOException {
        Path outer = root.resolve("outer.jar");
        try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(outer))) {
            out.putNextEntry(new JarEntry("META-INF/clowder/clowder.jar"));
            out.write(content.getBytes(StandardCharsets.UTF_8));
        }
        return new PackedJar(URI.create("jar:" + outer.toUri() + "!/META-INF/clowder/clowder.jar")
                .toURL());
    }

    private List<Path> files() throws IOException {
        try (Stream<Path> files = Files.list(cache)) {
            return files.toList();
        }
    }

    @Test
    @DisplayName("it is put there once, for its owner only")
    void isPutThereOnce() throws IOException {
        Path file = jar.file(cache);
        assertThat(file).hasContent("the launcher");
        assertThat(Files.getPosixFilePermissions(cache)).isEqualTo(PosixFilePermissions.fromString("rwx------"));
        assertThat(Files.getPosixFilePermissions(file)).isEqualTo(PosixFilePermissions.fromString("rw-------"));
        FileTime written = FileTime.fromMillis(1_000_000);
        Files.setLastModifiedTime(file, written);
        assertThat(jar.file(cache)).isEqualTo(file);
        assertThat(Files.getLastModifiedTime(file)).isEqualTo(written);
        assertThat(files()).containsExactly(file);
    }

    @Test
    @DisplayName("another content is another file, a damaged one is replaced")
    void isWhatWasPacked() throws IOException {
        Path file = jar.file(cache);
        Files.writeString(file, "the launchxr");
        assertThat(jar.file(cache)).isEqualTo(file).hasContent("the launcher");
        assertThat(packed("the next launcher").file(cache)).isNotEqualTo(file).hasContent("the next launcher");
        assertThat(file).hasContent("the launcher");
    }

    @Test
    @DisplayName("a directory or file that others may write to is refused by name")
    void whatOthersMayWriteIsRefused() throws IOException {
        Path file = jar.file(cache);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-rw----"));
        assertRefused("can't unpack clowder.jar into " + cache + ": " + file + " may be written by others");
        Files.delete(file);
        Files.setPosixFilePermissions(cache, PosixFilePermissions.fromString("rwxrwxrwx"));
        assertRefused(
                cache + " may be written by others than its owner; name another one with the property clowderJar");
    }

    @Test
    @DisplayName("what somebody else may have put in the place of the directory is refused")
    void anotherPlaceIsRefused() throws IOException {
        Files.createDirectories(cache.getParent());
        Files.createSymbolicLink(cache, Files.createDirectory(root.resolve("elsewhere")));
        assertRefused(cache + " is a symbolic link");
    }

    private void assertRefused(String said) {
        assertThatThrownBy(() -> jar.file(cache))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(said)
                .hasMessageNotContaining("\n");
    }
}
