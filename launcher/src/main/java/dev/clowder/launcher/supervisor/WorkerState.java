package dev.clowder.launcher.supervisor;

/**
 * Where a slot, or one worker process in it, stands. The table of states and events is total: an ignored event is written
 * out.
 */
enum WorkerState {
    /** No process; a new one is started when the slot's time has come. */
    BACKOFF,
    /** No process, after too many deaths in a short time; one is tried now and then. */
    QUARANTINED,
    /** The process runs and has not yet proven that it serves. */
    STARTING,
    /** It answered a probe and takes connections. */
    READY,
    /** It was ready and shows no sign of life now, or says that it is not well; nothing is sent to it. */
    SUSPECT,
    /** Told to stop; it finishes what is in flight. */
    DRAINING,
    /** Nothing is in flight any more; the process is on its way out. */
    STOPPING;

    /** What can happen. */
    enum Kind {
        /** A process was started. */
        SPAWNED,
        /** The worker proved that it serves. */
        READIED,
        /** A ready spare was given a slot. */
        PLACED,
        /** Beats or probes are missing. */
        DOUBTED,
        /** Beats and probes are answered again. */
        RECOVERED,
        /** The worker was told to stop. */
        STOP_ASKED,
        /** The worker finished what was in flight. */
        DRAINED,
        /** The time for the present state is over. */
        EXPIRED,
        /** The process is gone. */
        EXITED,
        /** Too many workers of the slot died young. */
        CRASH_LOOP
    }

    WorkerState next(Kind kind) {
        return switch (this) {
            case BACKOFF ->
                switch (kind) {
                    case SPAWNED -> STARTING;
                    case CRASH_LOOP -> QUARANTINED;
                    case READIED, PLACED, DOUBTED, RECOVERED, STOP_ASKED, DRAINED, EXPIRED, EXITED -> BACKOFF;
                };
            case QUARANTINED ->
                switch (kind) {
                    case SPAWNED -> STARTING;
                    case READIED, PLACED, DOUBTED, RECOVERED, STOP_ASKED, DRAINED, EXPIRED, EXITED, CRASH_LOOP ->
                        QUARANTINED;
                };
            case STARTING ->
                switch (kind) {
                    case READIED -> READY;
                    case STOP_ASKED, EXPIRED -> STOPPING;
                    case EXITED -> BACKOFF;
                    case SPAWNED, PLACED, DOUBTED, RECOVERED, DRAINED, CRASH_LOOP -> STARTING;
                };
            case READY ->
                switch (kind) {
                    case PLACED -> STARTING;
                    case DOUBTED -> SUSPECT;
                    case STOP_ASKED -> DRAINING;
                    // A worker that got a signal from outside drains by itself.
                    case DRAINED -> STOPPING;
                    // Killed: it takes no more clients.
                    case EXPIRED -> STOPPING;
                    case EXITED -> BACKOFF;
                    case SPAWNED, READIED, RECOVERED, CRASH_LOOP -> READY;
                };
            case SUSPECT ->
                switch (kind) {
                    case RECOVERED -> READY;
                    case STOP_ASKED -> DRAINING;
                    case DRAINED, EXPIRED -> STOPPING;
                    case EXITED -> BACKOFF;
                    case SPAWNED, READIED, PLACED, DOUBTED, CRASH_LOOP -> SUSPECT;
                };
            case DRAINING ->
                switch (kind) {
                    case DRAINED, EXPIRED -> STOPPING;
                    case EXITED -> BACKOFF;
                    case SPAWNED, READIED, PLACED, DOUBTED, RECOVERED, STOP_ASKED, CRASH_LOOP -> DRAINING;
                };
            case STOPPING ->
                switch (kind) {
                    case EXITED -> BACKOFF;
                    case SPAWNED, READIED, PLACED, DOUBTED, RECOVERED, STOP_ASKED, DRAINED, EXPIRED, CRASH_LOOP ->
                        STOPPING;
                };
        };
    }

    /** Whether it has proven that it serves and was not told to leave. */
    boolean serves() {
        return this == READY || this == SUSPECT;
    }
}
