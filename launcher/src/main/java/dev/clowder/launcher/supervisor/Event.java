package dev.clowder.launcher.supervisor;

import dev.clowder.launcher.wire.Message;
import dev.clowder.launcher.wire.Wire;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** A fact that travels up into the supervisor's one queue. */
sealed interface Event {
    /** Called once by whoever takes the event off the queue, before it acts on it. */
    default void taken() {
        // Most senders do not wait for that.
    }

    /**
     * A worker said something on its control connection.
     *
     * @param room lets the next message of this connection in
     */
    record Said(int id, Message message, Wire from, Runnable room) implements Event {
        Said(int id, Message message, Wire from) {
            this(id, message, from, () -> {});
        }

        @Override
        public void taken() {
            room.run();
        }
    }

    /**
     * A worker's control connection is closed.
     *
     * @param from the connection; a worker may have another by now. Null: whichever it has
     */
    record Disconnected(int id, @Nullable Wire from) implements Event {
        Disconnected(int id) {
            this(id, null);
        }
    }

    /**
     * A worker's process is gone.
     *
     * @param outOfMemory whether it was killed, not by us, while the kernel killed for want of memory
     */
    record Exited(int id, int exitValue, boolean outOfMemory) implements Event {
        Exited(int id, int exitValue) {
            this(id, exitValue, false);
        }
    }

    /**
     * The next applications are copied and ready to run, or can't be.
     *
     * @param problem says why not, when there is no generation
     */
    record Prepared(@Nullable Generation generation, String problem) implements Event {}

    /**
     * What a probe of a worker's data plane found.
     *
     * @param problem for people; empty when it was answered well
     */
    record Probed(int id, Finding finding, String problem) implements Event {
        /** What became of the probe. */
        enum Finding {
            /** A good answer. */
            WELL,
            /** An answer, and a bad one: whatever else the worker answers, it says itself that it is not well. */
            ILL,
            /** No answer, or none in time: perhaps it is only busy. */
            SILENT
        }
    }

    /** An operator asks; every question gets an answer. */
    record Asked(Message.Command command, Caller caller) implements Event {}

    /**
     * Somebody looks.
     *
     * @param sight completed with what there is to see, or cancelled when the cluster has ended
     */
    record Looked(CompletableFuture<Status> sight) implements Event {}

    /** Who asked. The methods may be called by any thread and never block. */
    interface Caller {
        /** A line for people, before the answer. */
        void progress(String line);

        /**
         * As {@link #progress(String)}.
         *
         * @param done how many steps are over
         * @param steps how many there are, 0 if that is not known
         */
        default void progress(String line, int done, int steps) {
            progress(line);
        }

        void answer(Message.Reply reply);
    }

    /** Stop the cluster: gracefully, or now. */
    record StopAsked(boolean now) implements Event {}
}
