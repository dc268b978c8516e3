package dev.clowder.launcher.cli;

import dev.clowder.launcher.supervisor.Status;
import dev.clowder.launcher.wire.Message;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
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
                        + " and are replaced one by one if that is another version. Waits until all is done. If a new"
                        + " worker fails, the supervisor is the new one and the old workers stay (exit code 4).")
final class UpgradeCommand implements Callable<Integer> {
    private static final int COULD_NOT_START = 3;
    private static final int REFUSED = 4;
    private static final Set<String> LEAVING = Set.of("DRAINING", "STOPPING");
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
        Status before = Status.parse(cluster.status());
        Message.Reply refusal = cluster.ask("upgrade", List.of());
        if (refusal != null) {
            spec.commandLine().getErr().println("clowder: " + refusal.text());
            return refusal.exitCode();
        }
        // The old supervisor never closes the connection without an answer: from here on only a new one can answer.
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        long pid = before.supervisor().pid();
        Message.Reply outcome = null;
        while (System.nanoTime() - end < 0 && isAlive(pid)) {
            outcome = outcome == null ? outcomeIfAny() : outcome;
            Status now = outcome == null ? null : statusIfAny();
            if (outcome != null && now != null && (outcome.exitCode() != 0 || isWhole(now))) {
                return report(before.supervisor().version(), now.supervisor(), outcome);
            }
            TimeUnit.MILLISECONDS.sleep(ASK_AGAIN_MILLIS);
        }
        spec.commandLine().getErr().println("clowder: the new supervisor did not take over, its output says more");
        return COULD_NOT_START;
    }

    private int report(String before, Status.SupervisorStatus now, Message.Reply outcome) {
        String upgraded = "upgraded from " + before + " to " + now.version() + ", pid " + now.pid();
        if (outcome.exitCode() == 0) {
            spec.commandLine().getOut().println(upgraded);
            return 0;
        }
        spec.commandLine()
                .getErr()
                .println("clowder: " + upgraded + ", but not the workers: "
                        + outcome.text().replaceAll("\\R", "; "));
        return REFUSED;
    }

    private static boolean isAlive(long pid) {
        return ProcessHandle.of(pid).map(ProcessHandle::isAlive).orElse(false);
    }

    /** Whether each slot has somebody who serves, but those on their way out of the cluster. */
    private static boolean isWhole(Status status) {
        Map<Integer, List<String>> slots = status.workers().stream()
                .collect(Collectors.groupingBy(
                        Status.WorkerStatus::slot,
                        Collectors.mapping(Status.WorkerStatus::state, Collectors.toList())));
        return status.supervisor().state().equals("RUNNING")
                && slots.values().stream().allMatch(states -> states.contains("READY") || LEAVING.containsAll(states));
    }

    private Message.@Nullable Reply outcomeIfAny() {
        try {
            return cluster.ask("upgraded", List.of());
        } catch (ControlClient.NoClusterException | IOException e) {
            // Between the two there is nobody.
            return null;
        }
    }

    private @Nullable Status statusIfAny() {
        try {
            return Status.parse(cluster.status());
        } catch (ControlClient.NoClusterException | IOException e) {
            // Between the two there is nobody.
            return null;
        }
    }
}
