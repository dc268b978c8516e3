package dev.clowder.launcher.worker;

/** This worker can't serve, and another one would fail in the same way. */
final class StartFailedException extends Exception {
    private static final long serialVersionUID = 1;

    StartFailedException(String message) {
        super(message);
    }

    StartFailedException(String message, Throwable cause) {
        super(message, cause);
    }
}
