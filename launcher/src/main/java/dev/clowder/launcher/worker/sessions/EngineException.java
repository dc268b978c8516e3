package dev.clowder.launcher.worker.sessions;

import org.jspecify.annotations.Nullable;

/** An engine did not do what it was asked for. The message has nothing that is secret. */
final class EngineException extends Exception {
    private static final long serialVersionUID = 1;

    /** What that says about the next call. */
    enum Kind {
        /** It is not there, or does not answer. */
        UNREACHABLE,
        /** It does not let us in, and won't without another configuration. */
        REFUSED,
        /** Nothing: this call failed. */
        FAILED
    }

    private final Kind kind;

    EngineException(Kind kind, String message, @Nullable Throwable cause) {
        super(message, cause);
        this.kind = kind;
    }

    Kind kind() {
        return kind;
    }
}
