package dev.clowder.launcher.cli;

import dev.clowder.launcher.supervisor.Status;
import java.io.IOException;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(name = "status", description = "Shows the workers of a running cluster.")
final class StatusCommand implements Callable<Integer> {
    private static final String ROW = "%-5s %-5s %-8s %-11s %-4s %10s %12s %10s %5s %8s %8s %9s  %s%n";

    @Mixin
    ControlClient cluster = new ControlClient();

    @Option(names = "--json", description = "for programs")
    boolean json;

    @Option(names = "--help", usageHelp = true, description = "show this")
    boolean help;

    @Spec
    CommandSpec spec = CommandSpec.create();

    @Override
    public Integer call() throws ControlClient.NoClusterException, IOException {
        String status = cluster.status();
        var out = spec.commandLine().getOut();
        if (json) {
            out.println(status);
        } else {
            out.print(table(Status.parse(status)));
        }
        out.flush();
        return 0;
    }

    private static String table(Status status) {
        StringBuilder text = new StringBuilder();
        Status.SupervisorStatus supervisor = status.supervisor();
        text.append(String.format(
                Locale.ROOT,
                "%s, pid %d, up %.0f s, version %s%n",
                supervisor.state(),
                supervisor.pid(),
                supervisor.uptimeSeconds(),
                supervisor.version()));
        Status.ClassArchiveStatus archive = supervisor.classArchive();
        text.append("class archive ").append(archive.state());
        text.append(archive.reason().isEmpty() ? "" : ": " + archive.reason()).append('\n');
        Status.OperationStatus operation = supervisor.operation();
        if (operation != null) {
            text.append(String.format(
                    "%s in progress since %s: %s%n", operation.name(), operation.since(), operation.progress()));
        }
        for (Status.ListenerStatus listener : status.listeners()) {
            text.append(String.format(
                    "%s on %s port %d, accept %s%n",
                    listener.protocol(), listener.address(), listener.port(), listener.accept()));
        }
        text.append(String.format(
                ROW,
                "SLOT",
                "ID",
                "PID",
                "STATE",
                "GEN",
                "UPTIME",
                "CONNECTIONS",
                "REQUESTS",
                "BUSY",
                "HEAP",
                "RSS",
                "RESTARTS",
                "LAST EXIT"));
        for (Status.WorkerStatus worker : status.workers()) {
            text.append(row(worker));
        }
        Status.WorkerStatus spare = status.spare();
        if (spare != null) {
            text.append(row(spare));
        }
        return text.toString();
    }

    private static String row(Status.WorkerStatus worker) {
        Status.ExitStatus exit = worker.lastExit();
        return String.format(
                Locale.ROOT,
                ROW,
                worker.slot() == 0 ? "spare" : worker.slot(),
                worker.id(),
                worker.pid() == 0 ? "-" : worker.pid(),
                worker.state(),
                worker.generation() == 0 ? "-" : worker.generation(),
                String.format(Locale.ROOT, "%.0f s", worker.uptimeSeconds()),
                worker.connections(),
                worker.requests(),
                worker.busyThreads(),
                mebibytes(worker.heapUsedBytes()),
                mebibytes(worker.rssBytes()),
                worker.restarts(),
                exit == null ? "-" : exit.text());
    }

    private static String mebibytes(long bytes) {
        return bytes / (1024 * 1024) + " MiB";
    }
}
