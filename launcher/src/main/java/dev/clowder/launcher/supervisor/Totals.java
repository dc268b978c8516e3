package dev.clowder.launcher.supervisor;

import java.util.Map;
import java.util.TreeMap;

/** Counts what happens in a cluster, and passes it on. Belongs to the supervisor's thread. */
final class Totals implements Observer {
    private final Observer next;
    private final Map<String, Long> exits = new TreeMap<>();
    private final Map<String, Long> operations = new TreeMap<>();
    private long started;
    private long hangs;
    private long drains;

    Totals(Observer next) {
        this.next = next;
    }

    /** As they are now. */
    Status.TotalStatus status() {
        return new Status.TotalStatus(started, Map.copyOf(exits), hangs, drains, Map.copyOf(operations));
    }

    @Override
    public void event(ClusterEvent event) {
        next.event(event);
        switch (event.event()) {
            case "forked" -> started++;
            case "exited" -> exits.merge(String.valueOf(event.cause()), 1L, Long::sum);
            case "hung" -> hangs++;
            case "draining" -> drains++;
            case "done", "refused" -> operations.merge(event.operation() + " " + event.event(), 1L, Long::sum);
            default -> {
                // Not counted.
            }
        }
    }

    @Override
    public void log(String line) {
        next.log(line);
    }

    @Override
    public void changed(WorkerEvent event) {
        next.changed(event);
    }

    @Override
    public void state(State state, int ready, int wanted) {
        next.state(state, ready, wanted);
    }

    @Override
    public long awake(long now) {
        return next.awake(now);
    }
}
