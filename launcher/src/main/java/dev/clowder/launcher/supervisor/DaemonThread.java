package dev.clowder.launcher.supervisor;

import java.io.IOException;

/** Threads that do not keep the JVM. */
final class DaemonThread {
    private DaemonThread() {}

    /**
     * Starts one.
     *
     * @throws IOException if the system has none more (a limit of processes, of a container's tasks, of memory), which is no
     *     reason to end: who asks can say so, or try again
     */
    static Thread start(String name, Runnable task) throws IOException {
        Thread thread = of(name, task);
        try {
            thread.start();
        } catch (OutOfMemoryError e) {
            throw noMore(e);
        }
        return thread;
    }

    /** Not started yet. */
    static Thread of(String name, Runnable task) {
        Thread thread = new Thread(task, name);
        thread.setDaemon(true);
        return thread;
    }

    /** What an error says that Java has also for a system that has no thread more. */
    static IOException noMore(OutOfMemoryError e) {
        String message = String.valueOf(e.getMessage());
        String what = message.contains("native thread") ? "the system has no thread more for it" : "no memory for it";
        return new IOException(what + ": " + message, e);
    }
}
