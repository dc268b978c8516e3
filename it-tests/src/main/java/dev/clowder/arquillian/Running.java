package dev.clowder.arquillian;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Tells processes that run from those that have ended. */
public final class Running {
    private Running() {}

    /** Of proc(5), counted from the state, which follows the name. */
    private static final int THREADS = 17;

    /**
     * Whether the process has not ended. For {@link ProcessHandle#isAlive} one that has still counts until its parent asks
     * how it ended. The parent of an orphan is the first process of the system, and some ask every few seconds only.
     * There is nothing more that this process could do, and nothing that it holds: no memory, no port, no file.
     */
    public static boolean is(ProcessHandle process) {
        return process.isAlive() && !hasEnded(process.pid());
    }

    private static boolean hasEnded(long pid) {
        try {
            // The pid, the name in parentheses (which may contain any), the state.
            String stat = Files.readString(Path.of("/proc", Long.toString(pid), "stat"));
            String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", THREADS + 2);
            // While the first thread has ended and others have not, sockets are open.
            return fields[0].equals("Z") && Integer.parseInt(fields[THREADS]) <= 1;
        } catch (IOException e) {
            // Gone by now, or a system without these files.
            return false;
        }
    }
}
