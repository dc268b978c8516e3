package dev.clowder.arquillian;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** A {@code CATALINA_BASE} for one deployment on an installed Tomcat. */
final class InstalledTomcat {
    // Of the workers, for an application of which the others could do without.
    private static final String FAILED = " did not start, its error is above";
    private static final String SERVER_XML = """
            <Server port="-1">
              <Service name="Catalina">
                <Connector port="0" address="127.0.0.1" protocol="HTTP/1.1"/>
                <Engine name="Catalina" defaultHost="localhost">
                  <Host name="localhost" appBase="webapps"/>
                </Engine>
              </Service>
            </Server>
            """;

    /** All on the console: the files of a deployment are gone before anybody could read in them why it failed. */
    private static final String LOGGING = """
            handlers = java.util.logging.ConsoleHandler
            .handlers = java.util.logging.ConsoleHandler
            java.util.logging.ConsoleHandler.formatter = org.apache.juli.OneLineFormatter
            """;

    private InstalledTomcat() {}

    /** Makes one: its configuration is a copy, but for {@code server.xml} and {@code logging.properties}. */
    static Path base(Path home, Path base) throws IOException {
        Path conf = Files.createDirectories(base.resolve("conf"));
        Files.createDirectories(base.resolve("webapps"));
        try (Stream<Path> files = Files.list(home.resolve("conf"))) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Files.copy(file, conf.resolve(file.getFileName()));
            }
        }
        Files.writeString(conf.resolve("server.xml"), SERVER_XML);
        Files.writeString(conf.resolve("logging.properties"), LOGGING);
        return base;
    }

    /**
     * Checks that the only application runs: an installed Tomcat serves without those that fail.
     *
     * @throws IOException with the output
     */
    static void requireStarted(ClowderProcess cluster) throws IOException {
        if (cluster.output().contains(FAILED)) {
            throw new IOException("the application did not start\n--- output of the launcher ---\n" + cluster.output()
                    + "--- end of output ---");
        }
    }
}
