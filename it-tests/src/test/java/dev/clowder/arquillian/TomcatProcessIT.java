package dev.clowder.arquillian;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.BufferedReader;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** How a Tomcat distribution with our jar starts, does not start, and ends. */
@Tag("once")
class TomcatProcessIT {
    private static final Duration SOON = Duration.ofMinutes(2);
    private static final String ENGINE = "<Engine name=\"Catalina\" defaultHost=\"localhost\">";

    private static TomcatProcess tomcat(String line) throws IOException {
        return new TomcatProcess(
                Path.of(System.getProperty("tomcat." + line)), Path.of(System.getProperty("clowder.valve")));
    }

    @ParameterizedTest(name = "Tomcat {0}")
    @ValueSource(strings = {"10", "11"})
    @DisplayName("a rule that cannot be right: nobody is served, and the log names attribute and text")
    void aRuleThatCannotBeRightStopsTheStart(String line) throws Exception {
        String valve = "<Valve className=\"dev.clowder.valve.ForwardedValve\" trust=\"127.0.0.1, 10.0.0.0/33\" />";
        try (TomcatProcess tomcat = tomcat(line)) {
            tomcat.edit(ENGINE, ENGINE + valve).start();
            tomcat.awaitExit(SOON);
            assertThat(tomcat.output())
                    .contains("ForwardedValve can't start: trust=\"127.0.0.1, 10.0.0.0/33\": ")
                    .doesNotContain("Starting ProtocolHandler");
        }
    }

    @Test
    @DisplayName("a Tomcat that does not start in time is shown with its output")
    void aTomcatThatDoesNotStartIsShown() throws Exception {
        try (TomcatProcess tomcat = tomcat("11")) {
            Files.writeString(tomcat.home().resolve("conf/server.xml"), "<Server");
            tomcat.start();
            assertThatThrownBy(() -> tomcat.awaitStart(SOON))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("Tomcat ended")
                    .hasMessageContaining("server.xml");
        }
    }

    @Test
    @DisplayName("kill -9 of the test JVM leaves no Tomcat behind")
    void aKilledTestJvmLeavesNoTomcatBehind(@TempDir Path temporary) throws Exception {
        Process jvm = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        "-Dtomcat.11=" + System.getProperty("tomcat.11"),
                        "-Dclowder.valve=" + System.getProperty("clowder.valve"),
                        "-Djava.io.tmpdir=" + temporary,
                        TomcatProcessIT.class.getName())
                .redirectErrorStream(true)
                .start();
        try (BufferedReader out = jvm.inputReader(StandardCharsets.UTF_8)) {
            String[] pidAndPort = out.readLine().split(" ", 2);
            ProcessHandle tomcat =
                    ProcessHandle.of(Long.parseLong(pidAndPort[0])).orElseThrow();
            HttpRequest request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + pidAndPort[1] + "/"))
                    .build();
            assertThat(HttpClient.newHttpClient()
                            .send(request, HttpResponse.BodyHandlers.discarding())
                            .statusCode())
                    .isEqualTo(404);
            jvm.destroyForcibly();
            await().atMost(SOON).until(() -> !Running.is(tomcat));
        } finally {
            jvm.destroyForcibly();
        }
    }

    /** The test JVM that is killed. */
    public static void main(String[] none) throws Exception {
        TomcatProcess tomcat = tomcat("11").start();
        tomcat.awaitStart(SOON);
        System.out.println(tomcat.handle().pid() + " " + tomcat.port(1));
        Thread.currentThread().join();
    }
}
