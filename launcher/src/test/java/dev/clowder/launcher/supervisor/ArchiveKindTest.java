package dev.clowder.launcher.supervisor;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What makes another archive necessary, and what none. */
class ArchiveKindTest {
    private static final Path JAVA = Path.of(System.getProperty("java.home"), "bin", "java");
    private static final List<String> FLAGS =
            List.of(JAVA.toString(), "-Xmx300m", "-XX:+UseSerialGC", "--add-opens=java.base/java.io=ALL-UNNAMED");

    @TempDir
    private Path temporary;

    private Path jar;

    @BeforeEach
    void aJar() throws IOException {
        jar = Files.writeString(temporary.resolve("clowder.jar"), "classes");
    }

    private String key(String... more) throws IOException {
        List<String> flags = new ArrayList<>(FLAGS);
        flags.addAll(List.of(more));
        return ArchiveKind.of(17, JAVA, jar.toString(), flags).key();
    }

    @Test
    void theSameJvmJarsAndFlagsHaveTheSameKeyWhateverTheHeapAndTheSlot() throws IOException {
        assertThat(key()).isEqualTo(key()).matches("[0-9a-f]{16}");
        assertThat(key("-Xmx900m", "-Dclowder.worker.slot=2", "-XX:TieredStopAtLevel=1"))
                .isEqualTo(key());
    }

    @Test
    void anotherCollectorHasAnotherKey() throws IOException {
        assertThat(key("-XX:+UseZGC")).isNotEqualTo(key());
    }

    @Test
    void aJarThatWasReplacedHasAnotherKey() throws IOException {
        String before = key();
        Files.setLastModifiedTime(jar, FileTime.fromMillis(1));
        String touched = key();
        Files.writeString(jar, "other classes");
        Files.setLastModifiedTime(jar, FileTime.fromMillis(1));
        assertThat(List.of(before, touched, key())).doesNotHaveDuplicates();
    }

    @Test
    void anotherJvmHasAnotherKey() throws IOException {
        Path other = temporary.resolve("jdk/bin/java");
        Files.createDirectories(other.getParent());
        Files.writeString(other, "");
        String before = ArchiveKind.of(17, other, jar.toString(), FLAGS).key();
        Files.writeString(temporary.resolve("jdk/release"), "IMPLEMENTOR=somebody");
        assertThat(ArchiveKind.of(17, other, jar.toString(), FLAGS).key()).isNotEqualTo(before);
        assertThat(before).isNotEqualTo(key());
    }

    @Test
    void whatTheOperatorDecidedIsLeftToHim() {
        ArchiveKind kind = ArchiveKind.of(17, JAVA, jar.toString(), FLAGS);
        assertThat(kind.obstacle(List.of("-Xmx1g"))).isNull();
        assertThat(kind.obstacle(List.of("-Xshare:off"))).isEqualTo("--worker-opts has -Xshare:off");
        assertThat(kind.obstacle(List.of("-XX:AOTCache=my.aot"))).contains("-XX:AOTCache=my.aot");
    }

    @Test
    void classesInADirectoryCanHaveNoArchive() {
        String classPath = jar + File.pathSeparator + temporary;
        assertThat(ArchiveKind.of(17, JAVA, classPath, FLAGS).obstacle(List.of()))
                .isEqualTo("the class path has " + temporary + ", which is no jar");
    }

    @Test
    void theJvmIsAskedInTheWordsOfItsVersion() {
        Path archive = Path.of("/cache/a.archive");
        assertThat(ArchiveKind.of(24, JAVA, jar.toString(), FLAGS).using(archive))
                .contains("-XX:SharedArchiveFile=/cache/a.archive", "-XX:ArchiveRelocationMode=0");
        assertThat(ArchiveKind.of(25, JAVA, jar.toString(), FLAGS).using(archive))
                .contains("-XX:AOTCache=/cache/a.archive", "-XX:ArchiveRelocationMode=0");
    }
}
