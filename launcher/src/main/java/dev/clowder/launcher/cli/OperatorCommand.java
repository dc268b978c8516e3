package dev.clowder.launcher.cli;

import dev.clowder.launcher.wire.Message;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** A command that asks a running cluster for something, prints its steps as they happen and ends with its answer. */
abstract class OperatorCommand implements Callable<Integer> {
    @Mixin
    ControlClient cluster = new ControlClient();

    @Option(names = "--help", usageHelp = true, description = "show this")
    boolean help;

    @Spec
    CommandSpec spec = CommandSpec.create();

    /** What the supervisor gets to read behind the name. */
    abstract List<String> arguments();

    @Override
    public Integer call() throws ControlClient.NoClusterException, IOException {
        Message.Reply reply = cluster.ask(spec.name(), arguments());
        if (reply == null) {
            throw new IOException("the cluster in " + cluster.directory() + " ended without an answer");
        }
        if (reply.exitCode() == 0) {
            spec.commandLine().getOut().println(reply.text());
        } else {
            reply.text().lines().forEach(line -> spec.commandLine().getErr().println("clowder: " + line));
        }
        return reply.exitCode();
    }

    @Command(
            name = "reload",
            description =
                    "Replaces the workers one by one, with the applications as they are on disk now; no request is"
                            + " lost. If a new worker fails the old ones stay (exit code 4).")
    static final class Reload extends OperatorCommand {
        @Override
        List<String> arguments() {
            return List.of();
        }
    }

    @Command(name = "deploy", description = "As reload, with other applications: all of them are named, as for run.")
    static final class Deploy extends OperatorCommand {
        @Parameters(paramLabel = "APP", arity = "1..*", description = "as for run")
        List<String> apps = new ArrayList<>();

        /** The supervisor may have another working directory. */
        @Override
        List<String> arguments() {
            Path here = Path.of("").toAbsolutePath();
            return apps.stream().map(app -> RunArguments.absolute(app, here)).toList();
        }
    }

    @Command(name = "scale", description = "Starts or stops workers until there are N, and waits until they are ready.")
    static final class Scale extends OperatorCommand {
        @Parameters(paramLabel = "N", description = "how many workers are wanted")
        String count = "";

        @Override
        List<String> arguments() {
            return List.of(count);
        }
    }

    /** A command that is about one slot. */
    abstract static class OfSlot extends OperatorCommand {
        @Parameters(paramLabel = "SLOT", description = "its number, see status")
        String slot = "";

        @Override
        List<String> arguments() {
            return List.of(slot);
        }
    }

    @Command(name = "restart", description = "Replaces the worker of one slot; no request is lost.")
    static final class Restart extends OfSlot {}

    @Command(name = "threads", description = "Shows what the threads and requests of one worker are doing.")
    static final class Threads extends OfSlot {}
}
