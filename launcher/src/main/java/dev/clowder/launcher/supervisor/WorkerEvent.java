package dev.clowder.launcher.supervisor;

import org.jspecify.annotations.Nullable;

/**
 * A step in a worker's life, named as in Node's {@code cluster}. One life fires them in this order, each at most once.
 *
 * @param slot the stable place, from 1; 0 of a spare, until it is placed
 * @param id the incarnation, never reused
 * @param exit how it ended, only with {@link Kind#EXITED}
 */
public record WorkerEvent(
        Kind kind, int slot, int id, long pid, @Nullable Exit exit) {
    /** The steps. */
    public enum Kind {
        /** The process was started. */
        FORKED,
        /** It runs our code and is connected to the supervisor. */
        ONLINE,
        /** It answered a probe and takes clients. */
        LISTENING,
        /** Its connection to the supervisor is closed. */
        DISCONNECTED,
        /** The process is gone. */
        EXITED
    }
}
