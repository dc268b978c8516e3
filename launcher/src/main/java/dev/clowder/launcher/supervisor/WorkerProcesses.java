package dev.clowder.launcher.supervisor;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The processes of workers, by the ids of these. The end of each is reported once, also where the system has no thread
 * more: a thread waits for it that is there before the process is. Thread-safe.
 */
final class WorkerProcesses implements AutoCloseable {
    /** What {@link Process#exitValue} says of signal 9. */
    private static final int SIGKILLED = 128 + 9;

    private final Map<Integer, ProcessHandle> processes = new ConcurrentHashMap<>();
    /** Those that we have killed ourselves. */
    private final Set<Integer> killed = ConcurrentHashMap.newKeySet();

    private final OutOfMemoryKills outOfMemoryKills = new OutOfMemoryKills(Path.of("/"));
    private final Ends ends;

    WorkerProcesses(Ends ends) {
        this.ends = ends;
    }

    /** Is told of the end of a process, by a thread that is there for this one alone. */
    interface Ends {
        void ended(int id, int exitValue, boolean outOfMemory);
    }

    /**
     * Starts a process, with nothing to read.
     *
     * @return its pid
     * @throws IOException if the system does not start it, or has no thread for it
     */
    long start(int id, ProcessBuilder builder) throws IOException {
        CompletableFuture<Process> started = new CompletableFuture<>();
        watch(id, () -> started.join().waitFor());
        try {
            Process process = ChildProcess.start(builder);
            processes.put(id, process.toHandle());
            started.complete(process);
            process.getOutputStream().close();
            return process.pid();
        } finally {
            started.cancel(false);
        }
    }

    /**
     * Watches a process that another supervisor started.
     *
     * @param process null for one that has ended
     * @throws IOException if the system has no thread for it
     */
    void adopt(int id, @Nullable ProcessHandle process) throws IOException {
        if (process != null) {
            processes.put(id, process);
        }
        watch(id, () -> process == null ? Posix.UNKNOWN_EXIT : Posix.awaitExit(process));
    }

    private void watch(int id, Callable<Integer> end) throws IOException {
        DaemonThread.start("end of worker " + id, () -> await(id, end));
    }

    private void await(int id, Callable<Integer> end) {
        try {
            int exitValue = end.call();
            processes.remove(id);
            boolean byUs = killed.remove(id);
            ends.ended(id, exitValue, exitValue == SIGKILLED && !byUs && outOfMemoryKills.explainsOne());
        } catch (CancellationException e) {
            // It was not started.
        } catch (Exception e) {
            throw new IllegalStateException("nobody interrupts this thread", e);
        }
    }

    /** Null for one that has ended. */
    @Nullable
    ProcessHandle get(int id) {
        return processes.get(id);
    }

    /** Whether a thread of this class reaps the process. */
    boolean reaps(long pid) {
        return processes.values().stream().anyMatch(process -> process.pid() == pid);
    }

    /** Without effect on one that has ended; its end is not taken for the kernel's doing. */
    void kill(int id) {
        ProcessHandle process = processes.get(id);
        if (process != null) {
            killed.add(id);
            process.destroyForcibly();
        }
    }

    /** Nanoseconds of processor time; 0 if nobody knows. */
    long processorTime(int id) {
        ProcessHandle process = processes.get(id);
        return process == null
                ? 0
                : process.info().totalCpuDuration().map(Duration::toNanos).orElse(0L);
    }

    /** Forgets all without touching them. */
    void leave() {
        processes.clear();
    }

    /** Kills whoever is left. */
    @Override
    public void close() {
        processes.values().forEach(ProcessHandle::destroyForcibly);
    }
}
