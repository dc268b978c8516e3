package dev.clowder.arquillian;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jboss.shrinkwrap.api.ShrinkWrap;
import org.jboss.shrinkwrap.api.exporter.ZipExporter;
import org.jboss.shrinkwrap.api.spec.JavaArchive;

/**
 * A Tomcat as its makers distribute it, with our jar in {@code lib/} and a few more lines in {@code server.xml}, started
 * as its users start it: {@code catalina.sh run}.
 *
 * <p>Legal order: {@link #TomcatProcess}, {@link #start}, {@link #awaitStart}, anything, {@link #close}. If this JVM dies
 * without that, even by SIGKILL, Tomcat ends too ({@link EndOfInput}). Safe for use by several threads once it is
 * started.
 */
public final class TomcatProcess implements AutoCloseable {
    // Tomcat names a connector with port 0 by its place among them and by the port that it got.
    private static final Pattern LISTENING =
            Pattern.compile("Starting ProtocolHandler \\[\"[^\"]*-auto-(\\d+)-(\\d+)\"]");
    private static final Pattern LIFE = Pattern.compile(".*(Server startup in \\[|ProtocolHandler \\[).*");
    private static final Duration KILLED_WITHIN = Duration.ofSeconds(20);
    private static final int KEPT = 256 * 1024;

    private final OwnDirectory directory;
    // One of a test does not live long enough for the second compiler to pay.
    private String jvmOptions = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xmx256m -Duser.language=en";
    private Process process;
    private OutputTail output;

    /**
     * Copies the distribution, for this process alone, without its web applications, and drops our jar in.
     *
     * @param distribution the unpacked distribution
     * @param valve {@code clowder-valve-VERSION.jar}
     * @throws IOException if something is missing there, or there is no room for it
     */
    public TomcatProcess(Path distribution, Path valve) throws IOException {
        directory = OwnDirectory.in(Path.of(System.getProperty("java.io.tmpdir")));
        try {
            for (String part : new String[] {"bin", "conf", "lib"}) {
                copy(distribution.resolve(part), home().resolve(part));
            }
            for (String part : new String[] {"logs", "temp", "webapps", "work"}) {
                Files.createDirectory(home().resolve(part));
            }
            Files.copy(valve, home().resolve("lib").resolve(valve.getFileName()));
            ShrinkWrap.create(JavaArchive.class)
                    .addClass(EndOfInput.class)
                    .as(ZipExporter.class)
                    .exportTo(home().resolve("lib/end-of-input.jar").toFile());
            edit("<Server port=\"8005\" shutdown=\"SHUTDOWN\">", """
                    <Server port="-1" shutdown="SHUTDOWN">
                      <Listener className="%s" />""".formatted(EndOfInput.class.getName()));
            edit("<Connector port=\"8080\" protocol=\"HTTP/1.1\"", """
                    <Connector port="0" address="127.0.0.1" protocol="HTTP/1.1\"""");
        } catch (IOException | RuntimeException e) {
            directory.remove();
            throw e;
        }
    }

    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> files = Files.walk(from)) {
            for (Path file : (Iterable<Path>) files::iterator) {
                Files.copy(file, to.resolve(from.relativize(file)), StandardCopyOption.COPY_ATTRIBUTES);
            }
        }
    }

    /** The directory of this Tomcat, with {@code webapps} and {@code logs}; it is removed in the end. */
    public Path home() {
        return directory.path();
    }

    /**
     * Replaces a text of {@code conf/server.xml}.
     *
     * @throws IllegalArgumentException if it is not there exactly once outside of comments
     */
    public TomcatProcess edit(String text, String replacement) throws IOException {
        Path file = home().resolve("conf/server.xml");
        String commented = Files.readString(file);
        String xml =
                Pattern.compile("<!--.*?-->", Pattern.DOTALL).matcher(commented).replaceAll("");
        int at = xml.indexOf(text);
        if (at < 0 || xml.indexOf(text, at + 1) >= 0) {
            throw new IllegalArgumentException("not exactly once in server.xml: " + text);
        }
        Files.writeString(file, xml.replace(text, replacement));
        return this;
    }

    /** Sets the options of its JVM, separated by spaces, instead of those for a short life on a busy machine. */
    public TomcatProcess jvmOptions(String options) {
        jvmOptions = options;
        return this;
    }

    /** Starts it, on the Java of this process, and returns at once. */
    public TomcatProcess start() throws IOException {
        ProcessBuilder builder =
                new ProcessBuilder("sh", home().resolve("bin/catalina.sh").toString(), "run");
        Map<String, String> environment = builder.environment();
        environment.keySet().removeIf(name -> name.startsWith("CATALINA_") || name.endsWith("_OPTS"));
        environment.put("CATALINA_HOME", home().toString());
        environment.put("JAVA_HOME", System.getProperty("java.home"));
        environment.put("JRE_HOME", System.getProperty("java.home"));
        environment.put("CATALINA_OPTS", jvmOptions);
        process = builder.redirectErrorStream(true).start();
        output = new OutputTail("tomcat-output-" + process.pid(), process.getInputStream(), KEPT);
        return this;
    }

    /**
     * Waits until it says that it has started.
     *
     * @throws IOException if it ends before that, or the time is over; the message has its output
     */
    public void awaitStart(Duration atMost) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + atMost.toNanos();
        Optional<String> said = Optional.empty();
        for (long left = atMost.toNanos(); left > 0 && process.isAlive(); left = deadline - System.nanoTime()) {
            output.awaitChange(LIFE, said, Duration.ofNanos(left));
            said = output.lastLine(LIFE);
            if (said.filter(line -> line.contains("Server startup in [")).isPresent()) {
                return;
            }
        }
        throw new IOException("Tomcat " + (process.isAlive() ? "did not start in time" : "ended") + ":\n" + output());
    }

    /**
     * Returns the port of a connector.
     *
     * @param number 1 for the first connector in {@code server.xml} with port 0, and so on
     * @throws IllegalStateException if there is none
     */
    public int port(int number) {
        SortedMap<Integer, Integer> ports = new TreeMap<>();
        for (MatchResult found : LISTENING.matcher(output()).results().toList()) {
            ports.put(Integer.valueOf(found.group(1)), Integer.valueOf(found.group(2)));
        }
        Integer port = ports.get(number);
        if (port == null) {
            throw new IllegalStateException("no connector " + number + " among " + ports + " in:\n" + output());
        }
        return port;
    }

    /** Returns the last part of what it wrote to the console. */
    public String output() {
        return output.text();
    }

    /** Returns the lines of a file in {@code logs} up to the last line that is complete. */
    public String log(String name) {
        try {
            return Files.readString(home().resolve("logs").resolve(name), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Returns the process. */
    public ProcessHandle handle() {
        return process.toHandle();
    }

    /**
     * Waits for its end.
     *
     * @return its exit code
     * @throws IOException if it does not end in time
     */
    public int awaitExit(Duration atMost) throws IOException, InterruptedException {
        if (!process.waitFor(atMost.toMillis(), TimeUnit.MILLISECONDS)) {
            throw new IOException("Tomcat did not end:\n" + output());
        }
        output.awaitEnd(Duration.ofSeconds(5));
        return process.exitValue();
    }

    /** Kills it if it still lives, and removes its files. */
    @Override
    public void close() {
        try {
            if (process != null) {
                process.destroyForcibly().waitFor(KILLED_WITHIN.toMillis(), TimeUnit.MILLISECONDS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            directory.remove();
        }
    }
}
