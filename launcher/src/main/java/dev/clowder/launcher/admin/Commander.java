package dev.clowder.launcher.admin;

import dev.clowder.launcher.wire.Message;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** Where commands go: the same way as those from the control socket. */
public interface Commander {
    /** Asks; the answer comes when it is done or refused. Any thread; never blocks. */
    CompletableFuture<Message.Reply> ask(String command, List<String> arguments);
}
