package dev.clowder.launcher.supervisor;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyOrder;
import com.fasterxml.jackson.annotation.JsonUnwrapped;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import org.jspecify.annotations.Nullable;

/**
 * Something that happened, in the one schema of {@code --log-format json}, {@code --on-event} and the admin page; see
 * docs/events.md. What does not apply is null, and left out of the JSON. Immutable.
 *
 * @param event what it is: a name of docs/events.md
 * @param message for people, one line
 * @param slot the stable place of the worker, from 1; 0 of a spare
 * @param id the worker, never reused
 * @param pid of its process
 * @param generation of the applications that it runs
 * @param code its exit code
 * @param signal what ended it, such as {@code SIGKILL}
 * @param reason why it ended, as the supervisor sees it
 * @param cause the kind of end: a name of docs/events.md, of which there are few
 * @param operation the change of the cluster, such as {@code reload}
 * @param done how many of its steps are over
 * @param steps how many there are
 * @param at when it happened, in whole milliseconds: the same for all that are told
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record ClusterEvent(
        String event,
        String message,
        @Nullable Integer slot,
        @Nullable Integer id,
        @Nullable Long pid,
        @Nullable Integer generation,
        @Nullable Integer code,
        @Nullable String signal,
        @Nullable String reason,
        @Nullable String cause,
        @Nullable String operation,
        @Nullable Integer done,
        @Nullable Integer steps,
        @JsonIgnore Instant at) {
    private static final ObjectWriter JSON = new JsonMapper().writerFor(Dated.class);

    @JsonPropertyOrder("at")
    private record Dated(String at, @JsonUnwrapped ClusterEvent event) {}

    /** Now. */
    ClusterEvent(
            String event,
            String message,
            @Nullable Integer slot,
            @Nullable Integer id,
            @Nullable Long pid,
            @Nullable Integer generation,
            @Nullable Integer code,
            @Nullable String signal,
            @Nullable String reason,
            @Nullable String cause,
            @Nullable String operation,
            @Nullable Integer done,
            @Nullable Integer steps) {
        this(
                event,
                message,
                slot,
                id,
                pid,
                generation,
                code,
                signal,
                reason,
                cause,
                operation,
                done,
                steps,
                Instant.now().truncatedTo(ChronoUnit.MILLIS));
    }

    /** A line of the supervisor's log. */
    public static ClusterEvent log(String line) {
        return new ClusterEvent("log", line, null, null, null, null, null, null, null, null, null, null, null);
    }

    /** A line that a worker of the slot wrote. */
    static ClusterEvent output(int slot, String line) {
        return new ClusterEvent("output", line, slot, null, null, null, null, null, null, null, null, null, null);
    }

    /** Of a worker that lives. */
    static ClusterEvent of(String event, String message, Worker worker) {
        return of(event, message, worker, null, null);
    }

    /** Of a worker, at its end. */
    static ClusterEvent of(String event, String message, Worker worker, @Nullable Exit exit, @Nullable String cause) {
        return new ClusterEvent(
                event,
                message,
                worker.slot.number,
                worker.id,
                worker.pid,
                worker.generation.number(),
                exit == null ? null : exit.code(),
                exit == null ? null : exit.signal(),
                exit == null ? null : exit.reason(),
                cause,
                null,
                null,
                null);
    }

    /** A step of a change of the cluster. */
    static ClusterEvent of(String event, String operation, String message, int done, int steps) {
        boolean known = steps > 0;
        return new ClusterEvent(
                event,
                message,
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                operation,
                known ? done : null,
                known ? steps : null);
    }

    /** One line of JSON. */
    public String json() {
        try {
            return JSON.writeValueAsString(new Dated(at.toString(), this));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }
}
