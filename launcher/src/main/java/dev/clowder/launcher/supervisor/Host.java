package dev.clowder.launcher.supervisor;

import dev.clowder.launcher.config.App;
import dev.clowder.launcher.config.ConfigException;
import java.io.IOException;
import java.time.Instant;
import java.util.List;

/** The supervisor's only way to the operating system. Worker processes are named by their id. */
interface Host {
    /** Nanoseconds of a monotonic clock. */
    long now();

    /** The time of day, for people to read only. */
    Instant timeOfDay();

    /**
     * Starts a worker process; its end arrives as {@link Event.Exited}.
     *
     * @param workers among how many the machine, as it is now, is shared
     * @return its pid
     */
    long spawn(int slot, int id, int workers) throws IOException;

    /**
     * A worker has another slot from now on: its output belongs there.
     *
     * @return the file to which it is to write; empty if it can't
     */
    String move(int id, int slot);

    /** Asks the process to leave (SIGTERM). Without effect when it is gone. */
    void terminate(int id);

    /** Ends the process at once (SIGKILL). Without effect when it is gone. */
    void kill(int id);

    /** Makes the JVM write a thread dump to its output (SIGQUIT). Without effect when it is gone. */
    void dump(int id);

    /** Sends a request through the worker's own data plane; what came of it arrives as {@link Event.Probed}. */
    void probe(int id);

    /**
     * Finds and copies applications to where workers can run them, which takes its time; the result arrives as
     * {@link Event.Prepared}.
     */
    void prepare(int generation, Wanted wanted);

    /** Which applications; asking reads them. */
    interface Wanted {
        List<App> apps() throws ConfigException;
    }

    /** Removes the copies of a generation that nobody runs any more. */
    void discard(int generation);

    /** Whether workers start from an archive of their classes. */
    default Status.ClassArchiveStatus classArchive() {
        return Status.ClassArchiveStatus.NONE;
    }

    /** Nanoseconds of processor time that the process has used; 0 when nobody knows. */
    long processorTime(int id);
}
