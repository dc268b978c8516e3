package dev.clowder.launcher.cli;

import dev.clowder.launcher.supervisor.RunDirectory;
import dev.clowder.launcher.wire.Message;
import dev.clowder.launcher.wire.Wire;
import java.io.IOException;
import java.net.ConnectException;
import java.nio.channels.ClosedChannelException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** The options by which a command finds its cluster, and the way to ask it. */
final class ControlClient {
    @Option(names = "--port", paramLabel = "PORT", defaultValue = "8080", description = "port of the cluster")
    int port;

    @Option(names = "--run-dir", paramLabel = "DIR", description = "run directory of the cluster, if it was given one")
    @Nullable
    Path runDir;

    @Spec(Spec.Target.MIXEE)
    CommandSpec spec = CommandSpec.create();

    Path directory() {
        return runDir == null
                ? RunDirectory.defaultPath(port)
                : runDir.toAbsolutePath().normalize();
    }

    /**
     * Asks, prints the steps of a long command on standard error, and waits for its answer.
     *
     * @return null if the cluster left without an answer
     * @throws NoClusterException if nobody listens there
     * @throws IOException if somebody does and can't be asked
     */
    Message.@Nullable Reply ask(String command, List<String> arguments) throws NoClusterException, IOException {
        if (port < 0 || port > 65535) {
            throw new CommandLine.ParameterException(
                    spec.commandLine(), "--port " + port + ": not a port, use 0 to 65535");
        }
        Path directory = directory();
        Path socket = RunDirectory.controlSocket(directory);
        try (Wire wire = connect(directory, socket)) {
            wire.send(new Message.Command(command, arguments));
            Message said = wire.receive();
            if (said instanceof Message.Progress first) {
                said = showSteps(first, wire);
            }
            return said instanceof Message.Reply reply ? reply : null;
        } catch (ClosedChannelException e) {
            return null;
        }
    }

    /**
     * Asks for the state of everything, as JSON.
     *
     * @throws NoClusterException if nobody listens there, or the cluster is about to end
     * @throws IOException if somebody does and can't be asked
     */
    String status() throws NoClusterException, IOException {
        Message.Reply reply = ask("status", List.of());
        if (reply == null || reply.exitCode() != 0) {
            throw new NoClusterException("the cluster in " + directory() + " is leaving");
        }
        return reply.text();
    }

    /** What comes behind the last step. */
    private @Nullable Message showSteps(Message.Progress first, Wire wire) throws IOException {
        ProgressLine line = new ProgressLine(spec.commandLine().getErr(), Terminals.is(2, false));
        Message said = first;
        while (said instanceof Message.Progress step) {
            line.show(step);
            said = wire.receive();
        }
        line.end();
        return said;
    }

    /** Whether a supervisor listens there now. */
    boolean isAlive() {
        try {
            connect(directory(), RunDirectory.controlSocket(directory())).close();
            return true;
        } catch (NoClusterException e) {
            return false;
        } catch (IOException e) {
            // Somebody is there, but has no time for us.
            return true;
        }
    }

    private static Wire connect(Path directory, Path socket) throws NoClusterException, IOException {
        if (Files.notExists(socket)) {
            throw new NoClusterException("no cluster runs in " + directory);
        }
        try {
            return Wire.connect(socket);
        } catch (ConnectException e) {
            throw new NoClusterException("no cluster runs in " + directory);
        } catch (IOException e) {
            throw new IOException("can't reach the cluster in " + directory + ": " + e.getMessage(), e);
        }
    }

    /** Exit code 5. */
    static final class NoClusterException extends Exception {
        private static final long serialVersionUID = 1;

        NoClusterException(String message) {
            super(message);
        }
    }
}
