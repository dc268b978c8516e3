package dev.clowder.launcher.supervisor;

/** Learns what happens in a cluster. Called by the supervisor's thread: must not block and not throw. */
public interface Observer {
    /** A line for the operator. */
    void log(String line);

    /** A worker took a step. */
    void changed(WorkerEvent event);
}
