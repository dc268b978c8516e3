package dev.clowder.launcher.cli;

import dev.clowder.launcher.supervisor.Status;
import dev.clowder.launcher.wire.Counts;
import dev.clowder.launcher.wire.Insides;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** Two looks at a cluster as lines for people: what there is, and how fast it goes. */
final class TopView {
    private static final String ROW = "%4s %5s %8s %-11s %8s %9s %7s %9s %6s %9s %6s %10s %9s %8s %8s  %s";
    private static final double NANOS = 1e9;

    private TopView() {}

    /** Rates are those of the time between both. */
    static List<String> lines(Status before, Status now) {
        List<String> lines = new ArrayList<>();
        Status.SupervisorStatus supervisor = now.supervisor();
        lines.add(String.format(
                Locale.ROOT,
                "clowder %s  %s  pid %d  generation %d  up %.0f s",
                supervisor.version(),
                supervisor.state(),
                supervisor.pid(),
                supervisor.generation(),
                supervisor.uptimeSeconds()));
        for (Status.ListenerStatus listener : now.listeners()) {
            lines.add(listener.protocol() + " on " + listener.address() + " port " + listener.port() + ", accept "
                    + listener.accept());
        }
        Status.OperationStatus operation = supervisor.operation();
        if (operation != null) {
            lines.add(operation.name() + " in progress"
                    + (operation.steps() > 0 ? " (" + operation.done() + "/" + operation.steps() + ")" : "") + ": "
                    + operation.progress());
        }
        lines.add("");
        lines.add(String.format(
                ROW,
                "SLOT",
                "ID",
                "PID",
                "STATE",
                "UPTIME",
                "REQ/S",
                "5XX/S",
                "MEAN",
                "CONN",
                "BUSY",
                "CPU",
                "HEAP",
                "RSS",
                "GC/S",
                "RESTARTS",
                "LAST EXIT"));
        double seconds = supervisor.uptimeSeconds() - before.supervisor().uptimeSeconds();
        Map<Integer, Counts> earlier =
                before.slots().stream().collect(Collectors.toMap(Status.SlotStatus::slot, Status.SlotStatus::counts));
        Map<Integer, Counts> counts =
                now.slots().stream().collect(Collectors.toMap(Status.SlotStatus::slot, Status.SlotStatus::counts));
        for (Status.WorkerStatus worker : now.workers()) {
            Counts all = counts.getOrDefault(worker.slot(), Counts.NONE);
            lines.add(row(worker, earlier.getOrDefault(worker.slot(), all), all, seconds));
        }
        Status.WorkerStatus spare = now.spare();
        if (spare != null) {
            lines.add("");
            lines.add("spare: "
                    + (spare.pid() == 0 ? "" : "worker " + spare.id() + ", pid " + spare.pid() + ", ")
                    + spare.state() + ", RSS " + mebibytes(spare.rssBytes()));
        }
        return lines;
    }

    private static String row(Status.WorkerStatus worker, Counts before, Counts now, double seconds) {
        long requests = Math.max(0, sum(now.responses()) - sum(before.responses()));
        double mean = requests == 0 ? 0 : (now.latencyNanos() - before.latencyNanos()) / NANOS / requests;
        Insides insides = worker.insides();
        Status.ExitStatus exit = worker.lastExit();
        return String.format(
                Locale.ROOT,
                ROW,
                worker.slot(),
                worker.id(),
                worker.pid() == 0 ? "-" : worker.pid(),
                worker.state(),
                String.format(Locale.ROOT, "%.0f s", worker.uptimeSeconds()),
                rate(requests, seconds),
                rate(at(now.responses(), 4) - at(before.responses(), 4), seconds),
                requests == 0 ? "-" : String.format(Locale.ROOT, "%.1f ms", mean * 1000),
                worker.connections(),
                worker.busyThreads() + (insides == null ? "" : "/" + insides.maxThreads()),
                seconds <= 0
                        ? "-"
                        : String.format(
                                Locale.ROOT,
                                "%.0f %%",
                                Math.max(0, now.cpuNanos() - before.cpuNanos()) / NANOS / seconds * 100),
                mebibytes(worker.heapUsedBytes()),
                mebibytes(worker.rssBytes()),
                seconds <= 0 ? "-" : String.format(Locale.ROOT, "%.0f ms", collected(before, now) / seconds),
                worker.restarts(),
                exit == null ? "-" : exit.text());
    }

    private static double collected(Counts before, Counts now) {
        return Math.max(
                0,
                sum(now.collectionMillis().values())
                        - sum(before.collectionMillis().values()));
    }

    private static long sum(Iterable<Long> counts) {
        long sum = 0;
        for (long count : counts) {
            sum += count;
        }
        return sum;
    }

    private static long at(List<Long> counts, int index) {
        return index < counts.size() ? counts.get(index) : 0;
    }

    private static String rate(long count, double seconds) {
        return seconds <= 0 ? "-" : String.format(Locale.ROOT, "%.1f", Math.max(0, count) / seconds);
    }

    private static String mebibytes(long bytes) {
        return bytes / (1024 * 1024) + " MiB";
    }
}
