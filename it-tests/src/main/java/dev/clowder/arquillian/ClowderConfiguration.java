package dev.clowder.arquillian;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.regex.Pattern;
import org.jboss.arquillian.container.spi.ConfigurationException;
import org.jboss.arquillian.container.spi.client.container.ContainerConfiguration;
import org.jspecify.annotations.Nullable;

/**
 * The properties of a {@code <container>} in {@code arquillian.xml}. Filled by Arquillian through the setters, checked
 * by {@link #validate()}, then only read.
 */
public class ClowderConfiguration implements ContainerConfiguration {
    // One argument: a part in double quotes, which may hold blanks, or anything without blanks.
    private static final Pattern ARGUMENT = Pattern.compile("\"([^\"]*)\"|(\\S+)");

    private String javaHome = System.getProperty("java.home");
    private @Nullable String clowderJar;
    private int workers = 2;
    private String arguments = "";
    private int startupTimeoutSeconds = 60;
    private int stopTimeoutSeconds = 45;
    private String runDirRoot = System.getProperty("java.io.tmpdir");

    /** Sets the Java installation of the launcher and its workers; default that of the tests. */
    public void setJavaHome(String directory) {
        javaHome = directory;
    }

    /**
     * Sets the launcher's jar; default the system property {@code clowder.jar}, else the nearest
     * {@code launcher/target/clowder.jar} in the working directory or above it.
     */
    public void setClowderJar(String file) {
        clowderJar = file;
    }

    /** Sets the number of workers of each deployment; default 2. */
    public void setWorkers(int number) {
        workers = number;
    }

    /** Sets further options of {@code run}, separated by blanks; double quotes keep blanks together. Default none. */
    public void setArguments(String options) {
        arguments = options;
    }

    /** Sets how many seconds a deployment may take until all workers are READY; default 60. */
    public void setStartupTimeoutSeconds(int seconds) {
        startupTimeoutSeconds = seconds;
    }

    /** Sets how many seconds an undeployment waits for a graceful stop before it kills; default 45. */
    public void setStopTimeoutSeconds(int seconds) {
        stopTimeoutSeconds = seconds;
    }

    /**
     * Sets the directory below which each deployment gets its run directory; default that of {@code java.io.tmpdir}.
     * Keep it short: the path of a Unix socket has at most 107 bytes.
     */
    public void setRunDirRoot(String directory) {
        runDirRoot = directory;
    }

    /**
     * Checks every property.
     *
     * @throws ConfigurationException naming the property and its value
     */
    @Override
    public void validate() throws ConfigurationException {
        require(workers > 0, "workers", workers, "at least 1 is needed");
        require(startupTimeoutSeconds > 0, "startupTimeoutSeconds", startupTimeoutSeconds, "at least 1 is needed");
        require(stopTimeoutSeconds > 0, "stopTimeoutSeconds", stopTimeoutSeconds, "at least 1 is needed");
        require(Files.isDirectory(Path.of(runDirRoot)), "runDirRoot", runDirRoot, "no such directory");
        long quotes = arguments.chars().filter(c -> c == '"').count();
        require(quotes % 2 == 0, "arguments", arguments, "a quote is not closed");
        try {
            launcher();
        } catch (IllegalArgumentException e) {
            throw new ConfigurationException(
                    "javaHome=" + javaHome + ", clowderJar=" + clowderJar + ": " + e.getMessage(), e);
        }
    }

    private static void require(boolean met, String property, Object value, String otherwise)
            throws ConfigurationException {
        if (!met) {
            throw new ConfigurationException(property + "=" + value + ": " + otherwise);
        }
    }

    Launcher launcher() {
        return new Launcher(Path.of(javaHome), clowderJar == null ? Launcher.findJar() : Path.of(clowderJar));
    }

    /** Returns everything but the application. */
    ClowderProcess.Builder process() {
        return ClowderProcess.builder(launcher())
                .workers(workers)
                .arguments(argumentList())
                .root(runDirRoot())
                .stopTimeout(Duration.ofSeconds(stopTimeoutSeconds));
    }

    Path runDirRoot() {
        return Path.of(runDirRoot);
    }

    Duration startupTimeout() {
        return Duration.ofSeconds(startupTimeoutSeconds);
    }

    List<String> argumentList() {
        return ARGUMENT.matcher(arguments)
                .results()
                .map(found -> found.group(1) == null ? found.group(2) : found.group(1))
                .toList();
    }
}
