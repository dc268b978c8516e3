package dev.clowder.launcher.supervisor;

import dev.clowder.launcher.wire.Message;
import dev.clowder.launcher.wire.Wire;
import java.util.concurrent.CompletableFuture;

/** A fact that travels up into the supervisor's one queue. */
sealed interface Event {
    /** A worker said something on its control connection. */
    record Said(int id, Message message, Wire from) implements Event {}

    /** A worker's control connection is closed. */
    record Disconnected(int id) implements Event {}

    /** A worker's process is gone. */
    record Exited(int id, int exitValue) implements Event {}

    /** An operator asks; every question gets an answer. */
    record Asked(Message.Command command, CompletableFuture<Message.Reply> answer) implements Event {}

    /** Stop the cluster: gracefully, or now. */
    record StopAsked(boolean now) implements Event {}
}
