package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.Launcher;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code --access-log} with an installed Tomcat, whose {@code server.xml} has one of its own. */
@Tag("slow")
class AccessLogBaseIT {
    private static final Duration SOON = Duration.ofMinutes(3);
    private static final String OF_CONTEXTS = "<Context><Valve className=\"org.apache.catalina.valves.AccessLogValve\""
            + " directory=\"logs\" prefix=\"of_context\"/></Context>";

    @TempDir
    private Path files;

    @ParameterizedTest
    @ValueSource(strings = {"tomcat.10", "tomcat.11"})
    @DisplayName("one file is in the place of those of server.xml and contexts; a reload under load and a stop lose"
            + " no line")
    void oneFileIsInThePlaceOfThoseOfTheFile(String line) throws Exception {
        Path base = base(Path.of(System.getProperty(line)));
        Path log = files.resolve("merged/access.log");
        try (ClowderProcess cluster = ClowderProcess.builder()
                .root(files)
                .catalinaBase(base)
                .arguments("--catalina-home", System.getProperty(line))
                .arguments("--access-log", log.toString(), "--access-log-pattern", NumberedRequests.PATTERN)
                .start()) {
            cluster.awaitReady(SOON);
            NumberedRequests requests = new NumberedRequests(cluster.port(), "/probe/worker", log.getParent());
            requests.start(4);
            requests.awaitMore(100);
            Launcher.Result reload = cluster.command(SOON, "reload");
            assertThat(reload.exitCode()).as(reload.errors()).isZero();
            requests.awaitMore(100);
            requests.stop();
            assertThat(requests.workers()).hasSize(4);
            requests.awaitLogged();
            cluster.terminate();
            assertThat(cluster.awaitExit(SOON)).isZero();
            requests.assertLogged();
            assertThat(cluster.output()).contains("access logs of server.xml are off: " + log);
        }
        try (Stream<Path> logs = Files.list(base.resolve("logs"))) {
            assertThat(logs.map(file -> file.getFileName().toString()))
                    .contains("slot-1.log")
                    .noneMatch(name -> name.contains("access_log") || name.contains("of_context"));
        }
    }

    private Path base(Path home) throws IOException {
        Path base = files.resolve("base");
        Path conf = Files.createDirectories(base.resolve("conf"));
        for (String file : List.of("web.xml", "catalina.properties", "logging.properties", "tomcat-users.xml")) {
            Files.copy(home.resolve("conf").resolve(file), conf.resolve(file));
        }
        String serverXml = Files.readString(home.resolve("conf/server.xml"));
        assertThat(serverXml).contains("AccessLogValve");
        Files.writeString(conf.resolve("server.xml"), serverXml.replace("port=\"8080\"", "port=\"0\""));
        Files.writeString(conf.resolve("context.xml"), OF_CONTEXTS);
        // Applications of an installed Tomcat see the valve's classes only if its jar is there.
        Path lib = Files.createDirectories(base.resolve("lib"));
        Files.copy(Path.of(System.getProperty("clowder.valve")), lib.resolve("clowder-valve.jar"));
        Apps.write(Apps.probe("probe.war"), Files.createDirectories(base.resolve("webapps")));
        return base;
    }
}
