package dev.clowder.launcher.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Whether somebody sits in front. */
public final class Terminals {
    private Terminals() {}

    /**
     * Whether standard input, output or error is a terminal. {@code System.console()} tells nothing since Java 22: it is
     * there without one too.
     *
     * @param descriptor 0, 1 or 2
     * @param otherwise the answer where the platform does not tell
     */
    public static boolean is(int descriptor, boolean otherwise) {
        try {
            String file = Files.readSymbolicLink(Path.of("/proc/self/fd/" + descriptor))
                    .toString();
            return file.startsWith("/dev/pts/") || file.startsWith("/dev/tty");
        } catch (IOException | UnsupportedOperationException e) {
            return otherwise;
        }
    }
}
