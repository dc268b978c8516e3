package dev.clowder.arquillian;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.jboss.shrinkwrap.api.ShrinkWrap;
import org.jboss.shrinkwrap.api.asset.StringAsset;
import org.jboss.shrinkwrap.api.exporter.ZipExporter;
import org.jboss.shrinkwrap.api.spec.WebArchive;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FromArchiveIT {
    private static final Duration SOON = Duration.ofMinutes(5);

    @TempDir
    private Path files;

    @Test
    @Tag("slow")
    @DisplayName(
            "once a launcher has told of its class archive, the next one of this JVM is mapped from it too, up to Java 23")
    void theNextLauncherUsesTheArchiveToo() throws Exception {
        ShrinkWrap.create(WebArchive.class, "hello.war")
                .addAsWebResource(new StringAsset("hello"), "index.html")
                .as(ZipExporter.class)
                .exportTo(files.resolve("hello.war").toFile());
        try (ClowderProcess first = start()) {
            first.awaitReady(SOON);
            assertThat(maps(first)).doesNotContain(".archive");
            first.awaitArchive(SOON);
        }
        try (ClowderProcess second = start()) {
            second.awaitReady(SOON);
            assertThat(maps(second).contains(".archive"))
                    .isEqualTo(Runtime.version().feature() < 24);
        }
    }

    private ClowderProcess start() throws Exception {
        return ClowderProcess.builder()
                .fromArchive()
                .application("/", files.resolve("hello.war"))
                .root(files)
                .workers(1)
                .environment("XDG_CACHE_HOME", files.resolve("cache").toString())
                .start();
    }

    private static String maps(ClowderProcess cluster) throws Exception {
        return Files.readString(Path.of("/proc", String.valueOf(cluster.handle().pid()), "maps"));
    }
}
