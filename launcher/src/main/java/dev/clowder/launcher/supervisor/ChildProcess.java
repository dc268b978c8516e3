package dev.clowder.launcher.supervisor;

import java.io.IOException;
import java.util.Set;
import java.util.stream.Collectors;

/** Processes of which none is forgotten. */
final class ChildProcess {
    private ChildProcess() {}

    /**
     * Starts one, one at a time.
     *
     * @throws IOException if the system does not start it, or has no thread more for it; then there is no process
     */
    static synchronized Process start(ProcessBuilder builder) throws IOException {
        Set<ProcessHandle> before = children();
        try {
            return builder.start();
        } catch (OutOfMemoryError e) {
            // Java begins a process, then asks for the thread that waits for it, and without one knows nothing of it.
            Set<ProcessHandle> forgotten = children();
            forgotten.removeAll(before);
            for (ProcessHandle child : forgotten) {
                child.destroyForcibly();
                Posix.awaitExit(child);
            }
            throw DaemonThread.noMore(e);
        }
    }

    private static Set<ProcessHandle> children() {
        return ProcessHandle.current().children().collect(Collectors.toSet());
    }
}
