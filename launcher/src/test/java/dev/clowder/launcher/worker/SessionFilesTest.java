package dev.clowder.launcher.worker;

import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.launcher.wire.Message;
import dev.clowder.launcher.worker.sessions.Replicas;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.apache.catalina.Context;
import org.apache.catalina.startup.Tomcat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A real Tomcat that is stopped while its application has a session. */
class SessionFilesTest {
    @TempDir
    private Path directory;

    private void runAndStop(String manager) throws Exception {
        Path application = directory.resolve("shop");
        Files.createDirectories(application.resolve("META-INF"));
        Files.writeString(application.resolve("META-INF/context.xml"), "<Context>" + manager + "</Context>");
        Replicas none = new Replicas(1, said -> {}, directory, "locks");
        Tomcat tomcat = new Tomcat();
        tomcat.setBaseDir(directory.resolve("base").toString());
        Context context = tomcat.addWebapp("/shop", application.toString());
        context.addLifecycleListener(new SessionHome(new Message.Sessions("local", ""), null, none, null));
        tomcat.start();
        context.getManager().createSession(null);
        tomcat.stop();
        tomcat.destroy();
    }

    private List<String> sessionFiles() throws IOException {
        try (Stream<Path> files = Files.walk(directory)) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> name.endsWith(".ser"))
                    .toList();
        }
    }

    @Test
    void nobodyAskedForAFile() throws Exception {
        runAndStop("");
        assertThat(sessionFiles()).isEmpty();
        runAndStop("<Manager maxActiveSessions='100'/>");
        assertThat(sessionFiles()).isEmpty();
    }

    @Test
    void anApplicationsOwnManagerKeepsTheFileThatItNames() throws Exception {
        Path file = directory.resolve("kept.ser");
        runAndStop("<Manager pathname='" + file + "'/>");
        assertThat(sessionFiles()).containsExactly("kept.ser");
    }
}
