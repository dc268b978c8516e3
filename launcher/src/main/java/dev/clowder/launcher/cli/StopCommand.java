package dev.clowder.launcher.cli;

import dev.clowder.launcher.supervisor.RunDirectory;
import dev.clowder.launcher.wire.Message;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(name = "stop", description = "Stops a running cluster and waits until it is gone.")
final class StopCommand implements Callable<Integer> {
    @Mixin
    ControlClient cluster = new ControlClient();

    @Option(names = "--now", description = "do not wait for requests in flight")
    boolean now;

    @Option(names = "--help", usageHelp = true, description = "show this")
    boolean help;

    @Override
    public Integer call() throws ControlClient.NoClusterException, IOException {
        Message.Reply reply = cluster.ask(now ? "stop-now" : "stop", List.of());
        if (reply != null) {
            return reply.exitCode();
        }
        // A supervisor that leaves in good order may be faster than its last word, and takes its files with it.
        Path socket = RunDirectory.controlSocket(cluster.directory());
        if (Files.exists(socket)) {
            throw new IOException("the cluster in " + cluster.directory() + " ended without an answer");
        }
        return 0;
    }
}
