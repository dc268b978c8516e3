package dev.clowder.launcher.supervisor;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.clowder.launcher.wire.Counts;
import dev.clowder.launcher.wire.Insides;
import dev.clowder.launcher.wire.Message;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What {@code status --json} prints: the components are its names, in its order. Immutable.
 *
 * @param spare the worker that waits for a slot, in slot 0; null, and left out, without {@code --spare 1}
 */
public record Status(
        SupervisorStatus supervisor,
        List<ListenerStatus> listeners,
        List<WorkerStatus> workers,
        List<SlotStatus> slots,
        TotalStatus totals,

        @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable WorkerStatus spare) {
    private static final ObjectWriter PAGE = JsonMapper.builder()
            .addMixIn(WorkerStatus.class, WithoutInsides.class)
            .build()
            .writer();
    private static final ObjectWriter JSON = new JsonMapper().writerWithDefaultPrettyPrinter();
    private static final ObjectReader READER = new JsonMapper().readerFor(Status.class);
    private static final double NANOS = 1e9;

    @JsonIgnoreProperties("insides")
    private interface WithoutInsides {}

    /** The supervisor process; state is STARTING, RUNNING or STOPPING. */
    public record SupervisorStatus(
            long pid,
            String version,
            double uptimeSeconds,
            String state,
            int generation,
            ClassArchiveStatus classArchive,

            @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable
            OperationStatus operation) {}

    /**
     * Whether workers start from an archive of their classes: making, ready, used or off, and why not.
     *
     * @param options with which another JVM of the same kind, without flags that decide otherwise, uses it
     */
    public record ClassArchiveStatus(String state, String reason, List<String> options) {
        static final ClassArchiveStatus NONE = off("this host has none");

        public ClassArchiveStatus {
            options = options == null ? List.of() : List.copyOf(options);
        }

        static ClassArchiveStatus off(String reason) {
            return new ClassArchiveStatus("off", reason, List.of());
        }
    }

    /** A change that is under way, such as a reload. */
    public record OperationStatus(String name, String since, String progress, int done, int steps) {}

    /**
     * What a slot has seen of all its workers.
     *
     * @param counts of those that live, as of their last beats, and of those before them
     * @param deaths the last ends that nobody had asked for, newest first
     */
    public record SlotStatus(int slot, Counts counts, List<ExitStatus> deaths) {
        public SlotStatus {
            deaths = List.copyOf(deaths);
        }
    }

    /**
     * What this supervisor has seen since its start.
     *
     * @param started worker processes
     * @param exits of them, by cause
     * @param hangs workers ended because they hung
     * @param drains workers told to finish what they have
     * @param operations changes by name and outcome, such as {@code reload done}
     */
    public record TotalStatus(
            long started, Map<String, Long> exits, long hangs, long drains, Map<String, Long> operations) {
        public TotalStatus {
            exits = Map.copyOf(exits);
            operations = Map.copyOf(operations);
        }
    }

    /** One port. */
    public record ListenerStatus(String address, int port, String protocol, String accept) {}

    /** One slot and the worker in it. */
    public record WorkerStatus(
            int slot,
            int id,
            long pid,
            String state,
            int generation,
            double uptimeSeconds,
            int connections,
            long requests,
            int busyThreads,
            long heapUsedBytes,
            long rssBytes,
            int restarts,
            @Nullable ExitStatus lastExit,

            @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable
            Insides insides) {}

    /** How the slot's last worker ended; neither code nor signal is known of one that was adopted. */
    public record ExitStatus(
            @Nullable Integer code, @Nullable String signal, String reason, String at) {
        /** In a few words, for a table. */
        public String text() {
            if (signal != null) {
                return signal + ", " + reason;
            }
            return code == null ? reason : "code " + code + ", " + reason;
        }
    }

    static Status of(
            String state,
            long uptime,
            Listeners listeners,
            Workers all,
            ClassArchiveStatus classArchive,
            @Nullable Operation operation,
            TotalStatus totals,
            long now) {
        SupervisorStatus supervisor = new SupervisorStatus(
                ProcessHandle.current().pid(),
                Version.text(),
                uptime / NANOS,
                state,
                all.generation().number(),
                classArchive,
                operation == null
                        ? null
                        : new OperationStatus(
                                operation.name,
                                operation.since.toString(),
                                operation.progress(),
                                operation.done(),
                                operation.steps()));
        List<WorkerStatus> workers = new ArrayList<>();
        for (WorkerSlot slot : all.slots()) {
            slot.workers().forEach(worker -> workers.add(worker(slot, worker, now)));
            if (slot.workers().isEmpty()) {
                workers.add(worker(slot, null, now));
            }
        }
        List<SlotStatus> slots = all.slots().stream()
                .map(slot -> new SlotStatus(
                        slot.number,
                        slot.counts(),
                        slot.deaths.stream().map(Status::exit).toList()))
                .toList();
        return new Status(supervisor, listeners.status(), List.copyOf(workers), slots, totals, spare(all.spare(), now));
    }

    private static @Nullable WorkerStatus spare(Spare spare, long now) {
        return spare.isWanted() ? worker(spare.place, spare.place.current, now) : null;
    }

    private static WorkerStatus worker(WorkerSlot slot, @Nullable Worker worker, long now) {
        Message.Load load = worker == null ? Worker.NO_LOAD : worker.load;
        Exit exit = slot.lastExit;
        return new WorkerStatus(
                slot.number,
                worker == null ? slot.lastId : worker.id,
                worker == null ? 0 : worker.pid,
                (worker == null ? slot.vacancy : worker.state).name(),
                worker == null ? 0 : worker.generation.number(),
                worker == null ? 0 : (now - worker.spawnedAt) / NANOS,
                load.connections(),
                load.requests(),
                load.busyThreads(),
                load.heapUsedBytes(),
                load.rssBytes(),
                Math.max(0, slot.lives - 1),
                exit == null ? null : exit(exit),
                load.insides());
    }

    private static ExitStatus exit(Exit exit) {
        return new ExitStatus(
                exit.code(), exit.signal(), exit.reason(), exit.at().toString());
    }

    /** The text of {@code status --json}. */
    public String json() {
        try {
            return JSON.writeValueAsString(this);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    /** In one line, as UTF-8, without the insides of workers: a page shows what their slots have counted. */
    public byte[] pageJson() {
        try {
            return PAGE.writeValueAsBytes(this);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Reads {@link #json()} back. */
    public static Status parse(String json) throws IOException {
        return READER.readValue(json);
    }
}
