package dev.clowder.launcher.supervisor;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;

/** Processes of which none is forgotten. */
final class ChildProcess {
    /** For one that was killed to be gone. */
    private static final long DYING = TimeUnit.SECONDS.toNanos(2);

    private static final long LOOK = TimeUnit.MILLISECONDS.toNanos(5);

    private ChildProcess() {}

    /**
     * Starts one, one at a time.
     *
     * @throws IOException if the system does not start it, or has no thread more for it; then there is no process
     */
    static synchronized Process start(ProcessBuilder builder) throws IOException {
        // Java begins a process, then asks for the thread that waits for it, and without one knows nothing of it.
        joined(DaemonThread.start("room for a process", () -> {}));
        Set<ProcessHandle> before = children();
        try {
            return builder.start();
        } catch (OutOfMemoryError e) {
            // The room went to somebody else meanwhile.
            Set<ProcessHandle> forgotten = children();
            forgotten.removeAll(before);
            forgotten.forEach(child -> end(child, builder));
            throw DaemonThread.noMore(e);
        }
    }

    private static void joined(Thread thread) throws IOException {
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    private static Set<ProcessHandle> children() {
        return ProcessHandle.current().children().collect(Collectors.toSet());
    }

    /** Not one that has lost its parent meanwhile: those become children of the first process of a container. */
    private static void end(ProcessHandle child, ProcessBuilder builder) {
        String runs = commandLine(child.pid());
        // Only the end of the command after nice(1), and nothing when it is dead.
        boolean isIt = ProcessHandle.current().pid() != 1
                || runs.contains("jspawnhelper")
                || bytes(String.join("\0", builder.command()) + "\0").endsWith(runs);
        if (isIt) {
            child.destroyForcibly();
            long end = System.nanoTime() + DYING;
            while (!Posix.reap(child.pid()) && System.nanoTime() - end < 0) {
                LockSupport.parkNanos(LOOK);
            }
        }
    }

    private static String commandLine(long pid) {
        try {
            return Files.readString(Path.of("/proc", String.valueOf(pid), "cmdline"), ISO_8859_1);
        } catch (IOException e) {
            return "";
        }
    }

    private static String bytes(String text) {
        return new String(text.getBytes(UTF_8), ISO_8859_1);
    }
}
