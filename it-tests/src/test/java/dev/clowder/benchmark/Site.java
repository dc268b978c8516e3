package dev.clowder.benchmark;

import dev.clowder.arquillian.Launcher;
import dev.clowder.benchmark.app.BenchmarkServlet;
import dev.clowder.it.Tls;
import java.io.IOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jboss.shrinkwrap.api.ShrinkWrap;
import org.jboss.shrinkwrap.api.exporter.ZipExporter;
import org.jboss.shrinkwrap.api.spec.WebArchive;

/** What all systems serve and are made from: the application, a certificate, programs; and a directory for their files. */
final class Site implements AutoCloseable {
    private static final Duration SOON = Duration.ofSeconds(60);

    private final Path directory;
    private final Path war;
    private final Tls tls;
    private final List<String> clowderOptions;

    Site(List<String> clowderOptions) throws IOException, GeneralSecurityException, InterruptedException {
        this.clowderOptions = clowderOptions;
        directory = Files.createTempDirectory("benchmark");
        war = directory.resolve("benchmark.war");
        ShrinkWrap.create(WebArchive.class)
                .addPackage(BenchmarkServlet.class.getPackage())
                .as(ZipExporter.class)
                .exportTo(war.toFile());
        tls = new Tls(directory.resolve("tls"));
    }

    Path war() {
        return war;
    }

    Tls tls() {
        return tls;
    }

    /** The distribution, unpacked. */
    Path tomcat() {
        return Path.of(System.getProperty("tomcat.11"));
    }

    String tomcatVersion() {
        return tomcat().getFileName().toString().replace("apache-tomcat-", "Tomcat ");
    }

    Path valve() {
        return Path.of(System.getProperty("clowder.valve"));
    }

    Launcher launcher() {
        return Launcher.ofThisBuild();
    }

    String clowderVersion() throws IOException, InterruptedException {
        return launcher()
                .run(SOON, List.of("--version"))
                .output()
                .lines()
                .findFirst()
                .orElse("?");
    }

    List<String> clowderOptions() {
        return clowderOptions;
    }

    /** The script for Node. */
    Path script() throws IOException {
        try {
            URL script = Objects.requireNonNull(Site.class.getResource("/benchmarks/cluster.js"), "cluster.js");
            return Path.of(script.toURI());
        } catch (URISyntaxException e) {
            throw new IOException(e);
        }
    }

    /** A new directory. */
    Path directory(String name) throws IOException {
        return Files.createTempDirectory(directory, name);
    }

    /** Removes all files. */
    @Override
    public void close() throws IOException {
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        }
    }
}
