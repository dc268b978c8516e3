package dev.clowder.launcher.cli;

import dev.clowder.launcher.config.ConfigException;
import dev.clowder.launcher.config.JavaCommand;
import dev.clowder.launcher.config.ListenAddress;
import dev.clowder.launcher.config.installed.CatalinaBase;
import dev.clowder.launcher.config.installed.ServerXml.SharedConnector;
import dev.clowder.launcher.supervisor.OwnJvm;
import dev.clowder.launcher.supervisor.RunDirectory;
import dev.clowder.launcher.supervisor.Status;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The cluster that a configuration is made for: one that runs, or one that the arguments of {@code run} describe.
 *
 * @param arguments of its {@code run}
 * @param command what comes before {@code run}: Java with its options, and the jar
 * @param listen where a proxy on the same machine finds it
 * @param source where all this is from, for people
 */
record DescribedCluster(RunArguments arguments, List<String> command, InetSocketAddress listen, String source) {
    private static final int DEFAULT_PORT = 8080;
    private static final Pattern HOST = Pattern.compile("[A-Za-z0-9_.-]+");

    /**
     * Looks for a running cluster where the arguments say, else believes the arguments. What is typed wins over what a
     * running cluster was started with.
     *
     * @throws ConfigException if {@code run} would not understand the arguments
     * @throws IOException if a cluster runs there and can't be asked
     */
    static DescribedCluster of(List<String> typed) throws ConfigException, IOException {
        RunArguments described = RunArguments.parse(typed, Path.of("").toAbsolutePath());
        CatalinaBase installed = described.installed();
        SharedConnector first =
                installed == null ? null : installed.serverXml().connectors().get(0);
        int port = port(described, first);
        String runDir = described.text("--run-dir");
        ControlClient control = new ControlClient();
        control.port = port;
        control.runDir = runDir == null ? null : Path.of(runDir);
        try {
            return running(Status.parse(control.status()), control.directory(), described);
        } catch (ControlClient.NoClusterException e) {
            // Then it is one that may run one day.
        }
        return new DescribedCluster(
                described,
                ownCommand(),
                reachable(first == null ? described.text("--address") : first.address(), port),
                "for a cluster that does not run now, from the options of `clowder config` and the defaults of `clowder run`");
    }

    private static int port(RunArguments described, @Nullable SharedConnector first) throws ConfigException {
        int otherwise = first == null ? DEFAULT_PORT : first.port();
        int port = Integer.parseInt(described.text("--port", String.valueOf(otherwise)));
        if (port < 1 || port > 65535) {
            String where =
                    first == null || port != otherwise ? "--port " : "server.xml line " + first.line() + ", port ";
            throw new ConfigException(where + port + ": not a port that a proxy can connect to, use 1 to 65535");
        }
        return port;
    }

    private static DescribedCluster running(Status status, Path runDir, RunArguments described) throws ConfigException {
        Status.ListenerStatus listener = status.listeners().get(0);
        InetSocketAddress listen = reachable(listener.address(), listener.port());
        String which = "for the cluster in " + runDir + ", which runs now, ";
        long pid = status.supervisor().pid();
        try {
            Path process = Path.of("/proc", String.valueOf(pid));
            Path directory = Files.readSymbolicLink(process.resolve("cwd"));
            List<String> words = words(process);
            int run = words.indexOf("run");
            if (run > 0) {
                RunArguments started = RunArguments.parse(words.subList(run + 1, words.size()), directory);
                List<String> command = new ArrayList<>(words.subList(0, run));
                command.set(0, Files.readSymbolicLink(process.resolve("exe")).toString());
                int jar = command.indexOf("-jar") + 1;
                if (jar > 0) {
                    command.set(jar, directory.resolve(command.get(jar)).toString());
                }
                return new DescribedCluster(
                        started.with(described), command, listen, which + "with the options it was started with");
            }
        } catch (IOException e) {
            // Another user's, or a platform without /proc.
        }
        return new DescribedCluster(
                described,
                ownCommand(),
                listen,
                which + "but does not say with which options: these are from `clowder config` and defaults");
    }

    private static List<String> words(Path process) throws IOException {
        String text = Files.readString(process.resolve("cmdline"), StandardCharsets.UTF_8);
        // Those that it chose itself it chooses again.
        return OwnJvm.withoutFlags(List.of(text.split("\0")), Function.identity());
    }

    private static InetSocketAddress reachable(@Nullable String address, int port) throws ConfigException {
        InetAddress literal = address == null ? null : ListenAddress.literal(address);
        if (literal == null && address != null) {
            if (!HOST.matcher(address).matches()) {
                throw new ConfigException("--address " + address + ": neither an address nor a name");
            }
            return InetSocketAddress.createUnresolved(address, port);
        }
        return new InetSocketAddress(
                literal == null || literal.isAnyLocalAddress() ? ListenAddress.literal("127.0.0.1") : literal, port);
    }

    /** This Java and this jar. */
    private static List<String> ownCommand() {
        try {
            Path jar = Path.of(RunDirectory.class
                    .getProtectionDomain()
                    .getCodeSource()
                    .getLocation()
                    .toURI());
            return List.of(JavaCommand.own().toString(), "-jar", jar.toString());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }
}
