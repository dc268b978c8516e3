package dev.clowder.arquillian;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
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
    private @Nullable String trust;
    private @Nullable String sessions;
    private boolean spreadRequests = true;
    private boolean killBetweenRequests;
    private @Nullable String catalinaHome;
    private String arguments = "";
    private int startupTimeoutSeconds = 60;
    private int stopTimeoutSeconds = 45;
    private String runDirRoot = System.getProperty("java.io.tmpdir");

    /** Sets the Java installation of the launcher and its workers; default that of the tests. */
    public void setJavaHome(String directory) {
        javaHome = directory;
    }

    /**
     * Sets the launcher's jar; default the system property {@code clowder.jar}, else the one in this artifact
     * ({@link Launcher#ofThisBuild()}).
     */
    public void setClowderJar(String file) {
        clowderJar = file;
    }

    /** Sets the number of workers of each deployment; default 2. */
    public void setWorkers(int number) {
        workers = number;
    }

    /** Sets whose forwarding headers are believed, as {@code --trust} does; default {@code loopback}. */
    public void setTrust(String rules) {
        trust = rules;
    }

    /** Sets where sessions are, as {@code --sessions} does: {@code local}, {@code sticky}, ...; default {@code auto}. */
    public void setSessions(String kind) {
        sessions = kind;
    }

    /**
     * Sets whether the workers take the requests by turns, also those of one kept-alive connection. The injected URL is then
     * that of a relay in this JVM, and {@code --accept round-robin} is added where it can be (Linux), unless there is an
     * {@code --accept} in {@code arguments}. With {@code false} the URL is the cluster's own: HTTP/2 and the connection
     * behaviour of the server can be tested, and a connection stays with its worker. Default {@code true}.
     */
    public void setSpreadRequests(boolean wanted) {
        spreadRequests = wanted;
    }

    /**
     * Sets whether the worker that has answered is killed ({@code kill -9}) whenever no other request is in flight; the next
     * request waits for its successor. Needs {@code spreadRequests}. Tests inside the container are left alone. Default
     * {@code false}.
     */
    public void setKillBetweenRequests(boolean wanted) {
        killBetweenRequests = wanted;
    }

    /**
     * Sets an installed Tomcat, 10.1 or 11.0, which the workers run instead of the one inside the launcher: its version, its
     * {@code lib} and a copy of its {@code conf}, with a {@code server.xml} that has one connector and one host. Default none.
     */
    public void setCatalinaHome(String directory) {
        catalinaHome = directory;
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
        require(
                spreadRequests || !killBetweenRequests,
                "killBetweenRequests",
                killBetweenRequests,
                "spreadRequests=false leaves nobody in front who could do it");
        require(
                catalinaHome == null || Files.isRegularFile(Path.of(catalinaHome, "conf", "server.xml")),
                "catalinaHome",
                catalinaHome,
                "no conf/server.xml there");
        try {
            launcher();
        } catch (IllegalArgumentException e) {
            throw new ConfigurationException(
                    "javaHome=" + javaHome + ", clowderJar=" + clowderJar + ": " + e.getMessage(), e);
        }
    }

    private static void require(boolean met, String property, @Nullable Object value, String otherwise)
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
        ClowderProcess.Builder process = ClowderProcess.builder(launcher()).fromArchive();
        if (spreadRequests) {
            // Else a worker that is ready seconds after another gets one of ten requests for a while.
            process.jvmOptions("-Dclowder.equal-turns=true");
        }
        return process.workers(workers)
                .jvmOptions("-Dclowder.boot-together=true")
                .arguments(allArguments())
                .root(runDirRoot())
                .stopTimeout(Duration.ofSeconds(stopTimeoutSeconds));
    }

    private List<String> allArguments() {
        List<String> named = argumentList();
        List<String> all = new ArrayList<>(named);
        if (trust != null) {
            all.addAll(List.of("--trust", trust));
        }
        if (sessions != null) {
            all.addAll(List.of("--sessions", sessions));
        }
        if (named.stream().noneMatch(argument -> argument.startsWith("--orphan-timeout"))) {
            // Nobody starts a launcher again whose test has lost it.
            all.addAll(List.of("--orphan-timeout", "0s"));
        }
        boolean linux = System.getProperty("os.name").equals("Linux");
        if (spreadRequests && linux && named.stream().noneMatch(argument -> argument.startsWith("--accept"))) {
            all.addAll(List.of("--accept", "round-robin"));
        }
        return all;
    }

    boolean spreadsRequests() {
        return spreadRequests;
    }

    RequestRelay.Turns turns(ClusterControl cluster) {
        return killBetweenRequests ? new KillBetweenRequests(cluster, startupTimeout()) : RequestRelay.Turns.NONE;
    }

    @Nullable
    Path catalinaHome() {
        return catalinaHome == null ? null : Path.of(catalinaHome);
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
