package dev.clowder.arquillian;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;

/**
 * {@code docs/examples/counter}, built by a Maven of its own outside of this build, with the artifact as it is published: the
 * launcher comes out of its jar, and JUnit is 5.
 */
@Tag("once")
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class ExampleProjectIT {
    private static OwnDirectory directory;
    private static Path project;
    private static Path repository;

    private record Build(int exitCode, String output) {}

    @BeforeAll
    static void copy() throws IOException {
        directory = OwnDirectory.in(Path.of(System.getProperty("java.io.tmpdir")));
        project = directory.path().resolve("counter");
        repository = directory.path().resolve("repository");
        Path example = Path.of("../docs/examples/counter");
        try (Stream<Path> files = Files.walk(example)) {
            for (Path file : files.filter(file -> !file.startsWith(example.resolve("target")))
                    .toList()) {
                Files.copy(file, project.resolve(example.relativize(file).toString()));
            }
        }
        makeRepository();
    }

    @AfterAll
    static void remove() {
        directory.remove();
    }

    // This build's artifacts beside everything that was fetched already, and what has to be fetched goes there too.
    private static void makeRepository() throws IOException {
        Path fetched = Path.of(System.getProperty("maven.repository"));
        linkAll(fetched, repository, "dev");
        linkAll(fetched.resolve("dev"), repository.resolve("dev"), "clowder");
        Path jar = Path.of(System.getProperty("clowder.arquillian"));
        String version = jar.getFileName()
                .toString()
                .replaceFirst("^clowder-arquillian-", "")
                .replaceFirst("\\.jar$", "");
        install("clowder", version, Path.of("../pom.xml"), ".pom");
        install("clowder-arquillian", version, Path.of("pom.xml"), ".pom");
        install("clowder-arquillian", version, jar, ".jar");
    }

    private static void linkAll(Path from, Path to, String except) throws IOException {
        Files.createDirectories(to);
        if (Files.isDirectory(from)) {
            try (Stream<Path> entries = Files.list(from)) {
                for (Path entry :
                        entries.filter(entry -> !entry.endsWith(except)).toList()) {
                    Files.createSymbolicLink(to.resolve(entry.getFileName()), entry.toRealPath());
                }
            }
        }
    }

    private static void install(String artifact, String version, Path file, String suffix) throws IOException {
        Path place = Files.createDirectories(
                repository.resolve("dev/clowder").resolve(artifact).resolve(version));
        Files.copy(file, place.resolve(artifact + "-" + version + suffix));
    }

    private static Build maven(String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("maven.home"), "bin", "mvn").toString(),
                "-B",
                "-ntp",
                "-Dmaven.repo.local=" + repository,
                "-Dstyle.color=never"));
        if (System.getProperty("maven.offline").equals("is true")) {
            command.add("-o");
        }
        command.addAll(List.of(arguments));
        Process maven = new ProcessBuilder(command)
                .directory(project.toFile())
                .redirectErrorStream(true)
                .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
                .start();
        try (var out = maven.inputReader(StandardCharsets.UTF_8)) {
            String output = String.join("\n", out.lines().toList());
            return new Build(maven.waitFor(), output);
        } finally {
            maven.descendants().forEach(ProcessHandle::destroyForcibly);
            maven.destroyForcibly();
        }
    }

    @Test
    @Order(1)
    @DisplayName("the example's tests pass with one worker")
    void passesWithOneWorker() throws Exception {
        Build build = maven("test");
        assertThat(build.output()).contains("Tests run: 3, Failures: 0, Errors: 0, Skipped: 0");
        assertThat(build.exitCode()).isZero();
    }

    @Test
    @Order(2)
    @DisplayName("with two workers they find its fault, and nothing else")
    void findsTheFaultWithTwo() throws Exception {
        Build build = maven("-Dworkers=2", "surefire:test");
        assertThat(build.output())
                .contains("Tests run: 3, Failures: 1, Errors: 0, Skipped: 0")
                .containsPattern("VisitsTest.everyVisitIsCounted:\\d+ expected: <\\d+> but was: <\\d+>");
        assertThat(build.exitCode()).isEqualTo(1);
    }
}
