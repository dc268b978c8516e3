package dev.clowder.launcher.supervisor;

/** What the supervisor knows of one slot. The table of states and events is total: an ignored event is written out. */
enum WorkerState {
    /** No process; a new one is started when the slot's time has come. */
    BACKOFF,
    /** The process runs and has not yet proven that it serves. */
    STARTING,
    /** It answered a probe and takes connections. */
    READY,
    /** Told to stop; it finishes what is in flight. */
    DRAINING,
    /** Nothing is in flight any more; the process is on its way out. */
    STOPPING;

    /** What can happen to a slot. */
    enum Kind {
        /** A process was started for it. */
        SPAWNED,
        /** The worker proved that it serves. */
        READIED,
        /** The worker was told to stop. */
        STOP_ASKED,
        /** The worker finished what was in flight. */
        DRAINED,
        /** The time for the present state is over. */
        EXPIRED,
        /** The process is gone. */
        EXITED
    }

    WorkerState next(Kind kind) {
        return switch (this) {
            case BACKOFF ->
                switch (kind) {
                    case SPAWNED -> STARTING;
                    case READIED, STOP_ASKED, DRAINED, EXPIRED, EXITED -> BACKOFF;
                };
            case STARTING ->
                switch (kind) {
                    case READIED -> READY;
                    case STOP_ASKED, EXPIRED -> STOPPING;
                    case EXITED -> BACKOFF;
                    case SPAWNED, DRAINED -> STARTING;
                };
            case READY ->
                switch (kind) {
                    case STOP_ASKED -> DRAINING;
                    // A worker that got a signal from outside drains by itself.
                    case DRAINED -> STOPPING;
                    case EXITED -> BACKOFF;
                    case SPAWNED, READIED, EXPIRED -> READY;
                };
            case DRAINING ->
                switch (kind) {
                    case DRAINED, EXPIRED -> STOPPING;
                    case EXITED -> BACKOFF;
                    case SPAWNED, READIED, STOP_ASKED -> DRAINING;
                };
            case STOPPING ->
                switch (kind) {
                    case EXITED -> BACKOFF;
                    case SPAWNED, READIED, STOP_ASKED, DRAINED, EXPIRED -> STOPPING;
                };
        };
    }

    /** Whether a process belongs to the slot. */
    boolean hasProcess() {
        return this != BACKOFF;
    }
}
