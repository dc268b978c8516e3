package dev.clowder.launcher.supervisor;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.OutputStream;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * Runs the command of {@code --on-event} for each event, one after the other in their order, by a thread of its own: with
 * the event as JSON on standard input and its parts as {@code CLOWDER_...} in the environment. A command that does not end
 * in time is killed. When the commands are slower than the events, events are left out and the log says so; nobody else
 * ever waits.
 *
 * <p>Stands in front of another observer.
 */
final class EventHost implements Observer, AutoCloseable {
    static final int MAX_WAITING = 256;
    static final long PATIENCE_MILLIS = 10_000;
    /** For the last events, when the cluster ends. */
    private static final long LAST_MILLIS = 2_000;

    private final Observer next;
    private final @Nullable String command;
    private final BlockingQueue<Waiting> waiting = new LinkedBlockingQueue<>(MAX_WAITING);
    private final AtomicBoolean full = new AtomicBoolean();
    private final Map<Long, Process> running = new ConcurrentHashMap<>();
    private final Thread runner = new Thread(this::run, "events");

    /** @param event null when nothing follows */
    private record Waiting(@Nullable ClusterEvent event) {}

    /** @param command for the shell; null if there is none */
    EventHost(@Nullable String command, Observer next) {
        this.command = command;
        this.next = next;
        if (command != null) {
            runner.setDaemon(true);
            runner.start();
        }
    }

    /** Whether the process is one of ours, whose end this class asks for. */
    boolean reaps(long pid) {
        return running.containsKey(pid);
    }

    @Override
    public void event(ClusterEvent event) {
        next.event(event);
        if (command == null) {
            return;
        }
        if (!waiting.offer(new Waiting(event)) && !full.getAndSet(true)) {
            next.log("--on-event: " + MAX_WAITING + " events wait for the command, more are left out");
        }
    }

    private void run() {
        try {
            for (Waiting one = waiting.take(); one.event() != null; one = waiting.take()) {
                if (waiting.isEmpty()) {
                    // Only then is it news if it is full again.
                    full.set(false);
                }
                tell(one.event());
            }
        } catch (InterruptedException e) {
            // The cluster has ended.
        }
    }

    private void tell(ClusterEvent event) throws InterruptedException {
        try {
            ProcessBuilder shell = new ProcessBuilder("/bin/sh", "-c", String.valueOf(command))
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .redirectError(ProcessBuilder.Redirect.DISCARD);
            Systemd.hide(shell.environment());
            put(shell.environment(), "EVENT", event.event());
            put(shell.environment(), "MESSAGE", event.message());
            put(shell.environment(), "SLOT", event.slot());
            put(shell.environment(), "ID", event.id());
            put(shell.environment(), "PID", event.pid());
            put(shell.environment(), "CAUSE", event.cause());
            put(shell.environment(), "OPERATION", event.operation());
            Process process = ChildProcess.start(shell);
            running.put(process.pid(), process);
            try {
                write(process, event.json());
                if (!process.waitFor(PATIENCE_MILLIS, TimeUnit.MILLISECONDS)) {
                    kill(process);
                    next.log("--on-event: the command did not end within " + PATIENCE_MILLIS / 1000 + " s for "
                            + event.event() + " and was killed");
                } else if (process.exitValue() != 0) {
                    next.log("--on-event: the command failed for " + event.event() + ", exit code "
                            + process.exitValue());
                }
            } catch (InterruptedException e) {
                kill(process);
                throw e;
            } finally {
                running.remove(process.pid());
            }
        } catch (IOException e) {
            next.log("--on-event: can't run the command: " + e.getMessage());
        }
    }

    private static void put(Map<String, String> environment, String name, @Nullable Object value) {
        if (value != null) {
            environment.put("CLOWDER_" + name, value.toString().replace('\0', ' '));
        }
    }

    /** A command need not read; an event is smaller than any pipe. */
    private static void write(Process process, String json) {
        try (OutputStream input = process.getOutputStream()) {
            input.write((json + "\n").getBytes(UTF_8));
        } catch (IOException e) {
            // It has ended already.
        }
    }

    private static void kill(Process process) {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
    }

    /** Runs what is left, for a moment. */
    @Override
    public void close() {
        if (command == null) {
            return;
        }
        try {
            if (waiting.offer(new Waiting(null))) {
                runner.join(LAST_MILLIS);
            }
            runner.interrupt();
            runner.join(LAST_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void log(String line) {
        next.log(line);
    }

    @Override
    public void changed(WorkerEvent event) {
        next.changed(event);
    }

    @Override
    public void state(State state, int ready, int wanted) {
        next.state(state, ready, wanted);
    }

    @Override
    public long awake(long now) {
        return next.awake(now);
    }
}
