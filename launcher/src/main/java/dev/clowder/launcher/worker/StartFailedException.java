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

    /** What was wrong in the first place, in one line. */
    static String root(Throwable e) {
        Throwable root = e;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        String message = root.getMessage() == null
                ? ""
                : root.getMessage().lines().findFirst().orElse("");
        return root instanceof ClassNotFoundException || message.isEmpty()
                ? root.getClass().getSimpleName() + " " + message
                : message;
    }
}
