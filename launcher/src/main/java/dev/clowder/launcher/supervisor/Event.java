package dev.clowder.launcher.supervisor;

import dev.clowder.launcher.wire.Message;
import dev.clowder.launcher.wire.Wire;
import org.jspecify.annotations.Nullable;

/** A fact that travels up into the supervisor's one queue. */
sealed interface Event {
    /** A worker said something on its control connection. */
    record Said(int id, Message message, Wire from) implements Event {}

    /** A worker's control connection is closed. */
    record Disconnected(int id) implements Event {}

    /** A worker's process is gone. */
    record Exited(int id, int exitValue) implements Event {}

    /**
     * The next applications are copied and ready to run, or can't be.
     *
     * @param problem says why not, when there is no generation
     */
    record Prepared(@Nullable Generation generation, String problem) implements Event {}

    /** What a probe of a worker's data plane found; null when it was answered well. */
    record Probed(int id, @Nullable String problem) implements Event {}

    /** An operator asks; every question gets an answer. */
    record Asked(Message.Command command, Caller caller) implements Event {}

    /** Who asked. Both methods may be called by any thread and never block. */
    interface Caller {
        /** A line for people, before the answer. */
        void progress(String line);

        void answer(Message.Reply reply);
    }

    /** Stop the cluster: gracefully, or now. */
    record StopAsked(boolean now) implements Event {}
}
