package dev.clowder.launcher.supervisor;

import java.util.Locale;

/** Learns what happens in a cluster. Called by the supervisor's thread: must not block and not throw. */
public interface Observer {
    /** What the cluster as a whole is doing. */
    enum State {
        /** No worker was ever ready. */
        STARTING,
        /** Clients are served. */
        RUNNING,
        /** As RUNNING, and workers are being replaced by those of a new generation. */
        RELOADING,
        /** The port is closed, requests in flight are finished. */
        STOPPING;

        String text() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** A line for the operator. */
    void log(String line);

    /** A worker took a step. */
    void changed(WorkerEvent event);

    /** Something happened: {@link #changed} and more, in the schema of docs/events.md. */
    default void event(ClusterEvent event) {}

    /** How far the cluster is; after each step of the supervisor, whether that is news or not. */
    default void state(State state, int ready, int wanted) {}

    /**
     * A sign that the supervisor's loop turns.
     *
     * @param now the supervisor's monotonic clock
     * @return when the next one is wanted, {@link Long#MAX_VALUE} for never
     */
    default long awake(long now) {
        return Long.MAX_VALUE;
    }
}
