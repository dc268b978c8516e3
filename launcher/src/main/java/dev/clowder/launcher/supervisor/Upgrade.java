package dev.clowder.launcher.supervisor;

import dev.clowder.launcher.config.AcceptMode;
import dev.clowder.launcher.config.LauncherConfig;
import dev.clowder.launcher.wire.Message;
import java.io.IOException;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Replaces the supervisor's JVM and jar under its own pid: what is on disk now is tried in a child, and then becomes this
 * process. To the workers that is the death of a supervisor and the arrival of the next: they serve on and are adopted.
 * So nothing has to be put in order before, and every refusal comes before anything has changed.
 */
final class Upgrade {
    static final String COMMAND = "upgrade";
    /** What the command asks the new supervisor: how the replacement of the old one's workers ended. */
    static final String OUTCOME = "upgraded";

    private static final int FAILED = 1;
    private static final int NOT_HERE = 2;
    private static final int REFUSED = 4;
    private static final int BUSY = 6;

    private final LauncherConfig config;
    private final AcceptMode mode;
    private final List<String> arguments;
    private final Consumer<Event> supervisor;
    private final Supplier<Instant> timeOfDay;
    private final Observer observer;
    /** Since when one is in progress; null while none is. */
    private final AtomicReference<@Nullable Instant> running = new AtomicReference<>();

    /**
     * Nothing happens yet.
     *
     * @param arguments those of this process; empty if it does other things too
     */
    Upgrade(
            LauncherConfig config,
            AcceptMode mode,
            List<String> arguments,
            Consumer<Event> supervisor,
            Supplier<Instant> timeOfDay,
            Observer observer) {
        this.config = config;
        this.mode = mode;
        this.arguments = List.copyOf(arguments);
        this.supervisor = supervisor;
        this.timeOfDay = timeOfDay;
        this.observer = observer;
    }

    /** Any thread; never blocks. The caller's connection ends without an answer when it has worked. */
    void begin(Event.Caller caller) {
        String obstacle = obstacle();
        if (obstacle != null) {
            caller.answer(new Message.Reply(NOT_HERE, "can't upgrade: " + obstacle));
            return;
        }
        Instant other = running.compareAndExchange(null, timeOfDay.get());
        if (other != null) {
            caller.answer(new Message.Reply(BUSY, "upgrade refused: upgrade is in progress since " + other));
        } else {
            try {
                DaemonThread.start("upgrade", () -> run(caller));
            } catch (IOException e) {
                running.set(null);
                caller.answer(new Message.Reply(FAILED, "can't upgrade: " + e.getMessage()));
            }
        }
    }

    /** Any thread; never blocks. The caller is answered when the outcome is known. */
    @SuppressWarnings("FutureReturnValueIgnored") // Answering can't fail.
    void tell(CompletableFuture<Message.Reply> outcome, Event.Caller caller) {
        outcome.thenAccept(caller::answer);
    }

    private @Nullable String obstacle() {
        if (mode != AcceptMode.SHARED) {
            return "with --accept " + mode
                    + " connections end with the supervisor; only shared workers serve without it";
        }
        if (config.timeouts().orphan().isZero()) {
            return "with --orphan-timeout 0s workers leave with their supervisor";
        }
        return arguments.isEmpty() ? "this supervisor is part of another program" : null;
    }

    private void run(Event.Caller caller) {
        try {
            caller.answer(replace(caller));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            running.set(null);
        }
    }

    /** Returns only what speaks against it. */
    private Message.Reply replace(Event.Caller caller) throws InterruptedException {
        UpgradeHost host;
        String version;
        try {
            host = new UpgradeHost(arguments);
            version = host.prove();
        } catch (IOException e) {
            observer.log("upgrade refused, nothing has changed: " + e.getMessage());
            return new Message.Reply(REFUSED, "the new one refuses: " + e.getMessage());
        }
        String busy = busy();
        if (busy != null) {
            return new Message.Reply(BUSY, "upgrade refused: " + busy);
        }
        String line = "upgrade from " + Version.text() + " to " + version;
        observer.log(line);
        caller.progress(line);
        try {
            host.exec();
            throw new IllegalStateException("exec returned");
        } catch (IOException | OutOfMemoryError e) {
            observer.log("upgrade failed, nothing has changed: " + e.getMessage());
            return new Message.Reply(FAILED, String.valueOf(e.getMessage()));
        }
    }

    /** What else is going on; null if nothing is. */
    private @Nullable String busy() {
        CompletableFuture<Message.Reply> answer = new CompletableFuture<>();
        supervisor.accept(new Event.Asked(new Message.Command("status", List.of()), new Answer(answer)));
        Message.Reply reply = answer.join();
        if (reply.exitCode() != Supervisor.OK) {
            return reply.text();
        }
        Status.SupervisorStatus status;
        try {
            status = Status.parse(reply.text()).supervisor();
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
        Status.OperationStatus operation = status.operation();
        if (operation != null) {
            return operation.name() + " is in progress since " + operation.since();
        }
        return status.state().equals("RUNNING") ? null : "the cluster is " + status.state();
    }
}
