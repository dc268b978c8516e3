package dev.clowder.launcher.cli;

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
    public Integer call() throws ControlClient.NoClusterException {
        cluster.ask(now ? "stop-now" : "stop");
        return 0;
    }
}
