package dev.clowder.launcher.worker.sessions;

import org.jspecify.annotations.Nullable;

/**
 * A session can't be had at the moment. Unchecked, because it passes through the application that asks for its session;
 * {@link SessionRefusal} makes a 503 of it.
 */
public final class SessionsUnavailableException extends RuntimeException {
    private static final long serialVersionUID = 1;

    SessionsUnavailableException(String message) {
        super(message);
    }

    SessionsUnavailableException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
