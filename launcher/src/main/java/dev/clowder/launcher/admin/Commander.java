package dev.clowder.launcher.admin;

import dev.clowder.launcher.supervisor.Status;
import dev.clowder.launcher.wire.Message;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** The cluster behind the page. */
public interface Commander {
    /** Goes the same way as a command from the control socket; the answer comes when it is done or refused. Never blocks. */
    CompletableFuture<Message.Reply> ask(String command, List<String> arguments);

    /** How all is; cancelled when the cluster has ended. Never blocks. */
    CompletableFuture<Status> look();
}
