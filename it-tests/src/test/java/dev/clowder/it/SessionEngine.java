package dev.clowder.it;

import dev.clowder.arquillian.RealProxy;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;

/**
 * A real Redis or PostgreSQL on a free port, with its data in a directory of the test and a password. It can be stopped
 * and started again with what it had. If this JVM dies, even by SIGKILL, it dies too. For one thread.
 */
public abstract class SessionEngine implements AutoCloseable {
    /** Found nowhere that is meant for people. */
    static final String SECRET = "s3cret%7E%40";

    private static final String SECRET_TEXT = "s3cret~@";
    private static final Duration SOON = Duration.ofSeconds(60);

    final Path directory;
    final int port;
    private @Nullable Process process;

    private SessionEngine(Path directory) throws IOException {
        this.directory = directory;
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = socket.getLocalPort();
        }
    }

    /** What {@code --sessions} is told. */
    public abstract String url();

    abstract String program() throws IOException;

    abstract List<String> command() throws IOException;

    /** What it is asked to end with, without waiting for its clients. */
    abstract String signal();

    /** Starts it, and returns when it takes connections. */
    public void start() throws IOException {
        process = new ProcessBuilder(RealProxy.untilEndOfInput(command()))
                .directory(directory.toFile())
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(
                        directory.resolve("engine.log").toFile()))
                .start();
        Awaitility.await("engine on port " + port).atMost(SOON).until(this::listens);
    }

    private boolean listens() throws IOException {
        Process running = process;
        if (running == null || !running.isAlive()) {
            throw new AssertionError("the engine ended: " + Files.readString(directory.resolve("engine.log")));
        }
        try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 1_000);
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    /** Stops it in good order, and returns when it has ended. */
    void stop() throws IOException, InterruptedException {
        Process running = process;
        if (running == null || !running.isAlive()) {
            return;
        }
        // Otherwise they would send signals to a number that may be somebody else's by then.
        running.descendants().filter(SessionEngine::watches).forEach(ProcessHandle::destroyForcibly);
        signal(signal());
        if (!running.waitFor(SOON.toSeconds(), TimeUnit.SECONDS)) {
            throw new AssertionError("the engine does not stop");
        }
    }

    /** The shell and its cat that wait for the end of this JVM. */
    private static boolean watches(ProcessHandle handle) {
        return handle.info().command().orElse("").matches(".*/(sh|dash|bash|busybox|cat)");
    }

    /** Lets it neither answer nor end, or go on: STOP, CONT. */
    void signal(String name) throws IOException, InterruptedException {
        Process running = process;
        if (running == null) {
            return;
        }
        List<String> kill = new ArrayList<>(List.of("kill", "-" + name));
        for (ProcessHandle engine :
                running.toHandle().descendants().filter(this::isEngine).toList()) {
            kill.add(String.valueOf(engine.pid()));
            if (!name.equals(signal())) {
                // PostgreSQL has a process for each connection.
                engine.descendants().forEach(child -> kill.add(String.valueOf(child.pid())));
            }
        }
        new ProcessBuilder(kill).inheritIO().start().waitFor();
    }

    /** All its processes, of which PostgreSQL has one for each connection; none if it was not started. */
    public List<ProcessHandle> processes() {
        Process running = process;
        return running == null
                ? List.of()
                : running.descendants().filter(handle -> !watches(handle)).toList();
    }

    /** What its program says of its version. */
    public String version() throws IOException, InterruptedException {
        return RealProxy.version(program(), "--version");
    }

    private boolean isEngine(ProcessHandle handle) {
        String name = handle.info().command().orElse("");
        boolean first =
                handle.parent().map(parent -> parent.pid() == parentPid()).orElse(false);
        return first && (name.endsWith("postgres") || name.contains("redis"));
    }

    private long parentPid() {
        Process running = process;
        return running == null ? 0 : running.pid();
    }

    @Override
    public void close() {
        Process running = process;
        if (running == null) {
            return;
        }
        try {
            stop();
        } catch (IOException | AssertionError e) {
            System.getLogger(SessionEngine.class.getName()).log(System.Logger.Level.WARNING, "can't end it", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            running.descendants().forEach(ProcessHandle::destroyForcibly);
            running.destroyForcibly();
        }
    }

    /** Writes down every change. */
    private static final class Redis extends SessionEngine {
        private final String host;
        private final List<String> configuration;

        /** @param portName the directive that opens the port */
        Redis(Path directory, String host, String portName, String... configuration) throws IOException {
            super(directory);
            this.host = host;
            this.configuration = new ArrayList<>(List.of(
                    "bind 127.0.0.1", portName + " " + port, "save \"\"", "appendonly yes", "dir " + directory));
            this.configuration.addAll(List.of(configuration));
        }

        @Override
        public String url() {
            return host + ":" + port + "/3";
        }

        @Override
        String program() throws IOException {
            return RealProxy.find("redis-server");
        }

        @Override
        List<String> command() throws IOException {
            Path file = Files.write(directory.resolve("redis.conf"), configuration);
            return List.of(program(), file.toString());
        }

        @Override
        String signal() {
            return "TERM";
        }
    }

    /** Redis with a password. */
    public static SessionEngine redis(Path directory) throws IOException {
        return new Redis(directory, "redis://:" + SECRET + "@127.0.0.1", "port", "requirepass " + SECRET_TEXT);
    }

    /** Redis that speaks TLS only, with a user who may do what the manual lists and no more. */
    static SessionEngine redisOverTls(Path directory, Tls tls) throws IOException {
        return new Redis(
                directory,
                "rediss://shop:" + SECRET + "@localhost",
                "tls-port",
                "port 0",
                "tls-cert-file " + tls.chain(),
                "tls-key-file " + tls.key(),
                "tls-auth-clients no",
                "user default off",
                "user shop on >" + SECRET_TEXT + " ~clowder:* +eval +hmget +get +set +hset +del +exists +pexpire +pttl"
                        + " +persist +ping +select +client +hello");
    }

    /** PostgreSQL, run by another user if this one is root, with a new database directory. */
    public static SessionEngine postgres(Path directory) throws IOException, InterruptedException {
        Path data = directory.resolve("data");
        List<String> user = otherThanRoot();
        for (Path above = directory; above != null && !user.isEmpty(); above = above.getParent()) {
            if (above.startsWith(System.getProperty("java.io.tmpdir"))
                    && !above.equals(Path.of(System.getProperty("java.io.tmpdir")))) {
                Files.setPosixFilePermissions(above, PosixFilePermissions.fromString("rwxr-xr-x"));
            }
        }
        Files.createDirectory(data);
        Path password = Files.writeString(directory.resolve("password"), SECRET_TEXT);
        if (!user.isEmpty()) {
            Files.setOwner(
                    data, data.getFileSystem().getUserPrincipalLookupService().lookupPrincipalByName("postgres"));
        }
        List<String> make = new ArrayList<>(user);
        make.addAll(List.of(
                program("initdb"),
                "-D",
                data.toString(),
                "-U",
                "shop",
                "-A",
                "scram-sha-256",
                "--pwfile=" + password,
                "--no-sync",
                "--locale=C",
                "-E",
                "UTF8"));
        Path log = directory.resolve("initdb.log");
        int code = new ProcessBuilder(make)
                .directory(directory.toFile())
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start()
                .waitFor();
        if (code != 0) {
            throw new AssertionError("initdb: " + Files.readString(log));
        }
        return new SessionEngine(directory) {
            @Override
            public String url() {
                return "jdbc:postgresql://127.0.0.1:" + port + "/postgres?user=shop&password=" + SECRET;
            }

            @Override
            String program() throws IOException {
                return SessionEngine.program("postgres");
            }

            @Override
            List<String> command() throws IOException {
                List<String> command = new ArrayList<>(user);
                command.addAll(List.of(
                        program(),
                        "-D",
                        data.toString(),
                        "-p",
                        String.valueOf(port),
                        "-c",
                        "listen_addresses=127.0.0.1",
                        "-c",
                        "unix_socket_directories=",
                        "-c",
                        "fsync=off",
                        "-c",
                        "max_connections=50"));
                return command;
            }

            @Override
            String signal() {
                return "INT";
            }
        };
    }

    /** It refuses to be run by root. */
    private static List<String> otherThanRoot() {
        return System.getProperty("user.name").equals("root")
                ? List.of("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups")
                : List.of();
    }

    /** Debian keeps each version in a directory of its own. */
    private static String program(String name) throws IOException {
        Path versions = Path.of("/usr/lib/postgresql");
        if (Files.isDirectory(versions)) {
            try (DirectoryStream<Path> found = Files.newDirectoryStream(versions)) {
                for (Path version : found) {
                    Path program = version.resolve("bin").resolve(name);
                    if (Files.isExecutable(program)) {
                        return program.toString();
                    }
                }
            }
        }
        return RealProxy.find(name);
    }
}
