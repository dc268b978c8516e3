package dev.clowder.arquillian;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Tells processes that run from those that have ended. */
public final class Running {
    private Running() {}

    /**
     * Whether the process has not ended. For {@link ProcessHandle#isAlive} one that has still counts until its parent asks
     * how it ended. The parent of an orphan is the first process of the system, and some ask every few seconds only.
     * There is nothing more that this process could do, and nothing that it holds: no memory, no port, no file.
     */
    public static boolean is(ProcessHandle process) {
        return process.isAlive() && !isZombie(process.pid());
    }

    private static boolean isZombie(long pid) {
        try {
            // proc(5): the pid, the name in parentheses (which may contain any), the state.
            String stat = Files.readString(Path.of("/proc", Long.toString(pid), "stat"));
            return stat.startsWith("Z", stat.lastIndexOf(')') + 2);
        } catch (IOException e) {
            // Gone by now, or a system without these files.
            return false;
        }
    }
}
