package dev.clowder.launcher.cli;

import dev.clowder.launcher.supervisor.Status;
import dev.clowder.launcher.wire.Message;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
        name = "upgrade",
        description =
                "Replaces the supervisor's JVM and jar by those on disk now, under the same pid; workers serve on,"
                        + " and are replaced one by one if that is another version. Waits until all is done.")
final class UpgradeCommand implements Callable<Integer> {
    private static final int COULD_NOT_START = 3;
    private static final long ASK_AGAIN_MILLIS = 200;
    private static final long PATIENCE_SECONDS = 900;

    @Mixin
    ControlClient cluster = new ControlClient();

    @Option(names = "--help", usageHelp = true, description = "show this")
    boolean help;

    @Spec
    CommandSpec spec = CommandSpec.create();

    @Override
    public Integer call() throws ControlClient.NoClusterException, IOException, InterruptedException {
        Status before = status();
        if (before == null) {
            throw new ControlClient.NoClusterException("the cluster in " + cluster.directory() + " is leaving");
        }
        Message.Reply refusal = cluster.ask("upgrade", List.of());
        if (refusal != null) {
            spec.commandLine().getErr().println("clowder: " + refusal.text());
            return refusal.exitCode();
        }
        // The old supervisor never closes the connection without an answer: from here on only a new one can answer.
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        long pid = before.supervisor().pid();
        while (System.nanoTime() - end < 0 && isAlive(pid)) {
            Status now = statusIfAny();
            if (now != null && isComplete(now)) {
                spec.commandLine()
                        .getOut()
                        .println("upgraded from " + before.supervisor().version() + " to "
                                + now.supervisor().version() + ", pid " + pid);
                return 0;
            }
            TimeUnit.MILLISECONDS.sleep(ASK_AGAIN_MILLIS);
        }
        spec.commandLine().getErr().println("clowder: the new supervisor did not take over, its output says more");
        return COULD_NOT_START;
    }

    private static boolean isAlive(long pid) {
        return ProcessHandle.of(pid).map(ProcessHandle::isAlive).orElse(false);
    }

    private static boolean isComplete(Status status) {
        return status.supervisor().state().equals("RUNNING")
                && status.supervisor().operation() == null
                && status.workers().stream().allMatch(worker -> worker.state().equals("READY"));
    }

    private @Nullable Status statusIfAny() {
        try {
            return status();
        } catch (ControlClient.NoClusterException | IOException e) {
            // Between the two there is nobody.
            return null;
        }
    }

    private @Nullable Status status() throws ControlClient.NoClusterException, IOException {
        Message.Reply reply = cluster.ask("status", List.of());
        return reply == null ? null : Status.parse(reply.text());
    }
}
