package dev.clowder.launcher.supervisor;

import dev.clowder.launcher.wire.Message;
import java.util.concurrent.CompletableFuture;

/** A caller in this JVM that only wants the answer. */
record Answer(CompletableFuture<Message.Reply> future) implements Event.Caller {
    @Override
    public void progress(String line) {
        // Nobody reads along.
    }

    @Override
    public void answer(Message.Reply reply) {
        future.complete(reply);
    }
}
