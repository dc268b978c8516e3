package dev.clowder.arquillian;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What {@code status --json} says of a cluster, as far as a test needs it. A snapshot: every part of it may have changed
 * when it is read.
 *
 * @param supervisor the launcher process
 * @param listeners the sockets that clients connect to
 * @param workers by ascending slot
 * @param spare the one that waits for a slot; null without {@code --spare 1}
 */
public record ClusterStatus(
        Supervisor supervisor,
        List<Listener> listeners,
        List<Worker> workers,
        @Nullable Worker spare) {
    // A newer launcher may say more than this adapter knows.
    private static final ObjectMapper JSON =
            new ObjectMapper().disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES);

    /**
     * The launcher process.
     *
     * @param pid of the launcher
     * @param state {@code RUNNING} while it serves
     * @param generation grows with each reload
     * @param classArchive null with a launcher that says nothing of it
     */
    public record Supervisor(
            long pid,
            String state,
            int generation,
            @Nullable ClassArchive classArchive) {
        boolean makesArchive() {
            return classArchive != null && "making".equals(classArchive.state());
        }

        List<String> archiveOptions() {
            return classArchive == null || classArchive.options() == null ? List.of() : classArchive.options();
        }
    }

    /**
     * The archive from which workers start faster.
     *
     * @param state {@code making}, {@code ready}, {@code used} or {@code off}
     * @param reason why not
     * @param options with which another JVM of the same kind uses it; null with a launcher that does not tell
     */
    public record ClassArchive(
            String state, @Nullable String reason, @Nullable List<String> options) {}

    /**
     * One listening socket.
     *
     * @param address as it was bound
     * @param port the real one, also when port 0 was asked for
     * @param protocol for example {@code http}
     * @param accept how connections reach the workers
     */
    public record Listener(String address, int port, String protocol, String accept) {}

    /**
     * One worker process.
     *
     * @param slot 1 to the number of workers; stays when the process is replaced
     * @param id never used twice in one cluster
     * @param pid 0 if the slot has no process at the moment
     * @param state {@code READY} when it takes requests
     * @param generation of the applications that it runs
     * @param restarts how often this slot was filled again
     * @param lastExit the death of the process before this one
     */
    public record Worker(
            int slot,
            int id,
            long pid,
            String state,
            int generation,
            int restarts,
            @Nullable LastExit lastExit) {
        /** Returns whether the worker takes requests. */
        public boolean isReady() {
            return "READY".equals(state);
        }
    }

    /**
     * How a process ended; exactly one of code and signal is there.
     *
     * @param code of the exit
     * @param signal with its prefix, for example {@code SIGKILL}
     * @param reason in words
     */
    public record LastExit(
            @Nullable Integer code,
            @Nullable String signal,
            @Nullable String reason) {}

    /** A missing list is an empty one. */
    public ClusterStatus {
        listeners = listeners == null ? List.of() : List.copyOf(listeners);
        workers = workers == null ? List.of() : List.copyOf(workers);
    }

    /**
     * Reads the answer of {@code status --json}.
     *
     * @throws IllegalArgumentException if it is not such an answer; the message has the text
     */
    static ClusterStatus parse(String json) {
        try {
            return JSON.readValue(json, ClusterStatus.class);
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("not the answer of status --json: " + json, e);
        }
    }

    /** Returns whether there are this many workers and all of them take requests. */
    public boolean isReady(int wanted) {
        return !listeners.isEmpty()
                && workers.size() >= wanted
                && workers.stream().allMatch(Worker::isReady);
    }

    /**
     * Returns the worker in a slot.
     *
     * @throws IllegalArgumentException if there is no such slot
     */
    public Worker worker(int slot) {
        return workers.stream()
                .filter(worker -> worker.slot() == slot)
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("no slot " + slot + " in " + this));
    }
}
