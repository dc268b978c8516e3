package dev.clowder.launcher.config.installed;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** As much of an installed Tomcat as the supervisor looks at. */
final class InstallationFiles {
    private InstallationFiles() {}

    /** Writes a catalina.jar that says this version. */
    static void installation(Path home, String version) throws IOException {
        Path jar = Files.createDirectories(home.resolve("lib")).resolve("catalina.jar");
        try (OutputStream file = Files.newOutputStream(jar);
                ZipOutputStream zip = new ZipOutputStream(file)) {
            zip.putNextEntry(new ZipEntry("org/apache/catalina/util/ServerInfo.properties"));
            zip.write(("server.number=" + version + "\n").getBytes(UTF_8));
        }
    }

    static void serverXml(Path base, String text) throws IOException {
        Files.writeString(Files.createDirectories(base.resolve("conf")).resolve("server.xml"), text);
    }

    /** A shell script in {@code bin}. */
    static void setenv(Path base, String text) throws IOException {
        Files.writeString(Files.createDirectories(base.resolve("bin")).resolve("setenv.sh"), text);
    }
}
