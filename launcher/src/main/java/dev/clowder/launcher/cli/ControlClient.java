package dev.clowder.launcher.cli;

import dev.clowder.launcher.supervisor.RunDirectory;
import dev.clowder.launcher.wire.Message;
import dev.clowder.launcher.wire.Wire;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options by which a command finds its cluster, and the way to ask it. */
final class ControlClient {
    @Option(names = "--port", paramLabel = "PORT", defaultValue = "8080", description = "port of the cluster")
    int port;

    @Option(names = "--run-dir", paramLabel = "DIR", description = "run directory of the cluster, if it was given one")
    @Nullable
    Path runDir;

    Path directory() {
        return runDir == null
                ? RunDirectory.defaultPath(port)
                : runDir.toAbsolutePath().normalize();
    }

    /**
     * Asks and waits.
     *
     * @return null if the cluster left without an answer
     * @throws NoClusterException if nobody listens there
     */
    Message.@Nullable Reply ask(String command) throws NoClusterException {
        Path directory = directory();
        try (Wire wire = Wire.connect(RunDirectory.controlSocket(directory))) {
            wire.send(new Message.Command(command));
            return wire.receive() instanceof Message.Reply reply ? reply : null;
        } catch (IOException e) {
            throw new NoClusterException("no cluster runs in " + directory);
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
