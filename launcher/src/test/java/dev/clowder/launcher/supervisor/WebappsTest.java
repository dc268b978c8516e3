package dev.clowder.launcher.supervisor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.clowder.launcher.config.ConfigException;
import dev.clowder.launcher.config.installed.ServerXml.WebappHost;
import dev.clowder.launcher.wire.Message;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WebappsTest {
    @TempDir
    private Path directory;

    private Path webapps;
    private List<WebappHost> hosts;

    @BeforeEach
    void webapps() throws IOException {
        webapps = Files.createDirectories(directory.resolve("webapps"));
        hosts = List.of(new WebappHost("Catalina", "localhost", webapps, directory.resolve("conf/Catalina/localhost")));
        war("shop##2.war");
        Files.createDirectories(webapps.resolve("plain/WEB-INF"));
    }

    private void war(String name) throws IOException {
        try (OutputStream file = Files.newOutputStream(webapps.resolve(name));
                ZipOutputStream zip = new ZipOutputStream(file)) {
            zip.putNextEntry(new ZipEntry("index.html"));
        }
    }

    @Test
    void archivesAreExpandedAndDirectoriesAreLinked() throws Exception {
        Files.createDirectories(webapps.resolve("shop##2"));
        Files.writeString(webapps.resolve("readme.txt"), "");
        List<Message.Site> sites = Webapps.copy(hosts, directory.resolve("generation"));
        Path site = directory.resolve("generation/host-1");
        assertThat(sites).containsExactly(new Message.Site("Catalina", "localhost", site.toString()));
        try (Stream<Path> entries = Files.list(site)) {
            assertThat(entries).containsExactlyInAnyOrder(site.resolve("shop##2"), site.resolve("plain"));
        }
        assertThat(site.resolve("shop##2/index.html")).isRegularFile();
        assertThat(site.resolve("plain")).isSymbolicLink();
    }

    @Test
    void aHostWithoutADirectoryHasNoApplications() throws Exception {
        WebappHost empty = new WebappHost("Catalina", "empty", directory.resolve("none"), directory.resolve("none"));
        List<Message.Site> sites = Webapps.copy(List.of(empty), directory.resolve("generation"));
        assertThat(Path.of(sites.get(0).directory())).isEmptyDirectory();
    }

    @Test
    void anArchiveThatCanNotBeReadIsNamed() throws Exception {
        Files.writeString(webapps.resolve("bad.war"), "no archive");
        assertThatThrownBy(() -> Webapps.copy(hosts, directory.resolve("generation")))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("bad.war: not a valid .war file");
    }

    @Test
    void everyKindOfChangeIsSeen() throws Exception {
        String before = Webapps.fingerprint(hosts);
        assertThat(Webapps.fingerprint(hosts)).isEqualTo(before);

        Files.setLastModifiedTime(webapps.resolve("shop##2.war"), FileTime.fromMillis(1));
        String replaced = Webapps.fingerprint(hosts);
        assertThat(replaced).isNotEqualTo(before);

        Files.writeString(webapps.resolve("plain/WEB-INF/web.xml"), "<web-app/>");
        String touched = Webapps.fingerprint(hosts);
        assertThat(touched).isNotEqualTo(replaced);

        Files.writeString(
                Files.createDirectories(directory.resolve("conf/Catalina/localhost"))
                        .resolve("a.xml"),
                "<Context/>");
        String described = Webapps.fingerprint(hosts);
        assertThat(described).isNotEqualTo(touched);

        Files.delete(webapps.resolve("shop##2.war"));
        assertThat(Webapps.fingerprint(hosts)).isNotEqualTo(described);
    }

    @Test
    void whatATomcatMadeOfAnArchiveIsNoChange() throws Exception {
        String before = Webapps.fingerprint(hosts);
        Files.createDirectories(webapps.resolve("shop##2/WEB-INF"));
        assertThat(Webapps.fingerprint(hosts)).isEqualTo(before);
    }
}
