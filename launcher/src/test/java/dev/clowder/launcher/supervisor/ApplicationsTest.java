package dev.clowder.launcher.supervisor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.clowder.launcher.config.App;
import dev.clowder.launcher.config.ConfigException;
import dev.clowder.launcher.wire.Message;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ApplicationsTest {
    @TempDir
    Path temporary;

    @Test
    void aWarIsExpandedOnceAndADirectoryIsUsedAsItIs() throws Exception {
        Path war = war("shop.war", "index.html", "WEB-INF/web.xml");
        Path exploded = Files.createDirectory(temporary.resolve("exploded"));
        Path into = Files.createDirectory(temporary.resolve("apps"));
        List<Message.Mount> mounts = Applications.expand(List.of(new App("/a/b", war), new App("", exploded)), into);
        assertThat(mounts)
                .containsExactly(
                        new Message.Mount("/a/b", into.resolve("a#b").toString()),
                        new Message.Mount("", exploded.toString()));
        assertThat(into.resolve("a#b/WEB-INF/web.xml")).hasContent("WEB-INF/web.xml");
    }

    @Test
    void anEntryThatLeadsOutOfTheApplicationIsRefused() throws Exception {
        Path war = war("evil.war", "../../evil.txt");
        Path into = Files.createDirectory(temporary.resolve("apps"));
        assertThatThrownBy(() -> Applications.expand(List.of(new App("", war)), into))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("evil.war")
                .hasMessageContaining("../../evil.txt");
        assertThat(temporary.resolve("evil.txt")).doesNotExist();
    }

    @Test
    void aWarThatIsGoneIsNamed() {
        Path gone = temporary.resolve("gone.war");
        assertThatThrownBy(() -> Applications.expand(List.of(new App("", gone)), temporary.resolve("apps")))
                .isInstanceOf(ConfigException.class)
                .hasMessage(gone + ": no such file; put it back or deploy another");
    }

    private Path war(String name, String... entries) throws Exception {
        Path war = temporary.resolve(name);
        try (OutputStream file = Files.newOutputStream(war);
                ZipOutputStream zip = new ZipOutputStream(file)) {
            for (String entry : entries) {
                zip.putNextEntry(new ZipEntry(entry));
                zip.write(entry.getBytes(java.nio.charset.StandardCharsets.UTF_8));
            }
        }
        return war;
    }
}
