package dev.clowder.arquillian;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A proxy that others wrote, as a process of its own on free ports of 127.0.0.1, with a configuration that a test fills in:
 * {@code @listen:NAME@} becomes a free port, {@code @NAME@} a value of the test. If this JVM dies without {@link #close},
 * even by SIGKILL, the proxy dies too. Safe for use by several threads.
 */
public final class RealProxy implements AutoCloseable {
    /** What has to be installed on a Debian for all that the tests put in front of Clowder. */
    public static final String INSTALL =
            "apt-get install --no-install-recommends nginx libnginx-mod-stream haproxy nodejs npm curl"
                    + " redis-server postgresql";

    private static final Pattern PLACE = Pattern.compile("@(listen:)?([a-z0-9-]+)@");
    private static final Duration STARTED_WITHIN = Duration.ofSeconds(60);
    private static final Duration KILLED_WITHIN = Duration.ofSeconds(20);
    private static final int TRIES = 3;
    private static final int KEPT = 64 * 1024;

    // The shell gives jobs in the background an empty input, so that the one that watches needs the pipe by another
    // number. The program gets the signals that are sent to the shell.
    private static final String UNTIL_END_OF_INPUT = """
            exec 3<&0
            "$@" </dev/null 3<&- &
            program=$!
            trap 'kill -TERM $program' TERM
            # A killed master of nginx would leave its workers behind.
            (cat <&3 >/dev/null; kill -TERM $program; sleep 2; kill -KILL $program) >/dev/null 2>&1 &
            exec 3<&-
            wait $program
            code=$?
            # The signal ended the waiting, not yet the program.
            [ $code -ne 143 ] || { wait $program; code=$?; }
            exit $code
            """;

    /** Which program, and how it is told its configuration so that it stays one process in the foreground. */
    public enum Program {
        /** With the module for streams. */
        NGINX("nginx", "-e stderr -p . -c "),
        /** In debugging mode, which only means that it stays in the foreground. */
        HAPROXY("haproxy", "-db -f "),
        /** With the packages of {@link NodePackages}; the configuration is the program. */
        NODE("node", "");

        private final String file;
        private final String arguments;

        Program(String file, String arguments) {
            this.file = file;
            this.arguments = arguments;
        }

        private List<String> command(Path configuration) {
            List<String> command = new ArrayList<>(List.of(find(file)));
            command.addAll(List.of((arguments + configuration.getFileName()).split(" ", -1)));
            return command;
        }

        private Path root() throws IOException, InterruptedException {
            return this == NODE ? NodePackages.directory() : Path.of(System.getProperty("java.io.tmpdir"));
        }

        /** Returns what the program says of its version. */
        public String version() throws IOException, InterruptedException {
            return RealProxy.version(find(file), this == NODE ? "--version" : "-v");
        }
    }

    /** Returns the first line of what a program says when it is asked for its version. */
    public static String version(String program, String question) throws IOException, InterruptedException {
        Process process =
                new ProcessBuilder(program, question).redirectErrorStream(true).start();
        try (InputStream output = process.getInputStream()) {
            String said = new String(output.readAllBytes(), StandardCharsets.UTF_8);
            process.waitFor();
            return said.lines().findFirst().orElse("");
        }
    }

    private final OwnDirectory directory;
    private final Process process;
    private final OutputTail output;
    private final Map<String, Integer> ports;

    private RealProxy(OwnDirectory directory, Process process, Map<String, Integer> ports) {
        this.directory = directory;
        this.process = process;
        this.output = new OutputTail("proxy-output-" + process.pid(), process.getInputStream(), KEPT);
        this.ports = ports;
    }

    /**
     * Starts one and waits until it listens.
     *
     * @param resource the configuration, a file beside those of this class path under {@code proxies/}
     * @param values what the configuration has in places that are no ports to listen on
     * @throws AssertionError if the program is not installed; the message has the command that installs it
     * @throws IOException if it ends, or does not listen in time; the message has what it said
     */
    public static RealProxy start(Program program, String resource, Map<String, ?> values)
            throws IOException, InterruptedException {
        for (int again = TRIES - 1; ; again--) {
            RealProxy proxy = launch(program, resource, values);
            try {
                proxy.awaitListening();
                return proxy;
            } catch (IOException e) {
                proxy.close();
                // Somebody else may have taken a port after it was found free.
                if (again == 0 || !proxy.output().toLowerCase(Locale.ROOT).contains("address already in use")) {
                    throw e;
                }
            }
        }
    }

    private static RealProxy launch(Program program, String resource, Map<String, ?> values)
            throws IOException, InterruptedException {
        OwnDirectory own = OwnDirectory.in(program.root());
        try {
            String template = read("/proxies/" + resource);
            Map<String, Integer> ports = freePorts(template);
            Path configuration = Files.writeString(own.path().resolve(resource), fill(template, ports, values));
            Process process = new ProcessBuilder(untilEndOfInput(program.command(configuration)))
                    .directory(own.path().toFile())
                    .redirectErrorStream(true)
                    .start();
            return new RealProxy(own, process, ports);
        } catch (IOException | RuntimeException | Error e) {
            own.remove();
            throw e;
        }
    }

    /**
     * Returns a command that runs this one until its standard input ends: a pipe from this JVM, which the system closes
     * however this JVM dies. A SIGTERM reaches the program.
     */
    public static List<String> untilEndOfInput(List<String> command) {
        List<String> all = new ArrayList<>(List.of("sh", "-c", UNTIL_END_OF_INPUT, "until-end-of-input"));
        all.addAll(command);
        return all;
    }

    private static String read(String resource) throws IOException {
        try (InputStream in = RealProxy.class.getResourceAsStream(resource)) {
            if (in == null) {
                throw new IOException("no " + resource + " on the class path");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private static Map<String, Integer> freePorts(String template) throws IOException {
        Map<String, Integer> ports = new TreeMap<>();
        List<ServerSocket> taken = new ArrayList<>();
        try {
            Matcher place = PLACE.matcher(template);
            while (place.find()) {
                if (place.group(1) != null && !ports.containsKey(place.group(2))) {
                    // Kept until all are found, so that no two are the same.
                    ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                    taken.add(socket);
                    ports.put(place.group(2), socket.getLocalPort());
                }
            }
            return ports;
        } finally {
            for (ServerSocket socket : taken) {
                socket.close();
            }
        }
    }

    private static String fill(String template, Map<String, Integer> ports, Map<String, ?> values) {
        return PLACE.matcher(template).replaceAll(place -> {
            Object value = place.group(1) == null ? values.get(place.group(2)) : ports.get(place.group(2));
            if (value == null) {
                throw new IllegalArgumentException("no value for " + place.group());
            }
            return Matcher.quoteReplacement(value.toString());
        });
    }

    /**
     * Returns the path of a program of the system; those of administrators count too.
     *
     * @throws AssertionError if it is not installed; the message has the command that installs it
     */
    public static String find(String program) {
        String path = System.getenv("PATH") + File.pathSeparator + "/usr/sbin" + File.pathSeparator + "/usr/local/sbin";
        for (String directory : path.split(File.pathSeparator, -1)) {
            Path file = Path.of(directory, program);
            if (Files.isExecutable(file) && Files.isRegularFile(file)) {
                return file.toString();
            }
        }
        throw new AssertionError("this machine has no " + program + "; install it with: " + INSTALL);
    }

    /** Returns what the configuration of nginx begins with; Debian has streams in a file of their own. */
    public static String nginxStreams() {
        Path streams = Path.of("/usr/lib/nginx/modules/ngx_stream_module.so");
        return Files.exists(streams) ? "load_module " + streams + ";" : "";
    }

    private void awaitListening() throws IOException {
        long deadline = System.nanoTime() + STARTED_WITHIN.toNanos();
        for (int port : ports.values()) {
            while (!listens(port)) {
                if (!process.isAlive() || System.nanoTime() - deadline > 0) {
                    throw new IOException("the proxy " + (process.isAlive() ? "does not listen" : "ended") + " on port "
                            + port + ": " + said());
                }
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
            }
        }
        if (!process.isAlive()) {
            // Then somebody else listens there.
            throw new IOException("the proxy ended: " + said());
        }
    }

    /** Of one that has ended all of it: a process may be gone before its last line was read. */
    private String said() {
        if (!process.isAlive()) {
            try {
                output.awaitEnd(KILLED_WITHIN);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
        return output();
    }

    private static boolean listens(int port) {
        try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 5_000);
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    /** Returns the port that stands for {@code @listen:NAME@}. */
    public int port(String name) {
        Integer port = ports.get(name);
        if (port == null) {
            throw new IllegalArgumentException("no listener " + name + " among " + ports.keySet());
        }
        return port;
    }

    /** Returns the last part of what it said. */
    public String output() {
        return output.text();
    }

    /** Returns the proxy and what belongs to it. */
    public List<ProcessHandle> processes() {
        return Stream.concat(Stream.of(process.toHandle()), process.descendants())
                .toList();
    }

    /** Does what the system does when this JVM dies, and returns at once. */
    void endInput() throws IOException {
        process.getOutputStream().close();
    }

    /** Kills it and removes its files. */
    @Override
    public void close() {
        try {
            endInput();
            process.waitFor(KILLED_WITHIN.toMillis(), TimeUnit.MILLISECONDS);
            output.awaitEnd(KILLED_WITHIN);
        } catch (IOException e) {
            System.getLogger(RealProxy.class.getName())
                    .log(System.Logger.Level.WARNING, "can't end a proxy by the end of its input: " + e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
            directory.remove();
        }
    }
}
