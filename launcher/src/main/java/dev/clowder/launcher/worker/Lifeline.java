package dev.clowder.launcher.worker;

import dev.clowder.launcher.wire.Message;
import dev.clowder.launcher.wire.Wire;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A worker's line to its supervisor, and to the next one when that was killed. Legal order: {@link #begin}, then
 * {@link #listen} until it returns, then {@link #restore} and {@link #listen} again, and at last {@link #leave}. Only
 * {@link #send} and {@code leave} may be called by any thread.
 */
final class Lifeline {
    private static final long RETRY_MILLIS = 100;

    private final Path control;
    private final Place place;
    private int generation;
    private volatile @Nullable Wire wire;
    private volatile boolean left;

    Lifeline(Path control, Place place) {
        this.control = control;
        this.place = place;
    }

    /** Connects and says hello; null if the supervisor has nothing to start. */
    Message.@Nullable Start begin() throws IOException {
        Wire first = Wire.connect(control);
        wire = first;
        first.send(hello(false));
        if (first.receive() instanceof Message.Start start) {
            generation = start.generation();
            return start;
        }
        return null;
    }

    /** Tells the supervisor; while there is none, nobody. */
    void send(Message message) {
        Wire connection = wire;
        if (connection == null) {
            return;
        }
        // Java closes a connection to which an interrupted thread writes, such as that of a request.
        boolean interrupted = Thread.interrupted();
        try {
            connection.send(message);
        } catch (IOException e) {
            // It is gone: the thread that listens to it acts on that.
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** Passes on every order; returns when the supervisor is gone. */
    void listen(Consumer<Message> orders) {
        Wire connection = wire;
        if (connection == null) {
            return;
        }
        try (connection) {
            for (Message order = connection.receive(); order != null; order = connection.receive()) {
                orders.accept(order);
            }
        } catch (IOException e) {
            // As good as its end.
        }
        wire = null;
    }

    /** Whoever listens, listens no more. A JVM that ends waits 0.3 s for threads that are in a system call. */
    void leave() {
        left = true;
        close(wire);
    }

    boolean isLeft() {
        return left;
    }

    /**
     * Looks for a new supervisor at the old place.
     *
     * @param millis for how long
     * @param serving whether this worker takes clients at the moment
     * @param eachTry done before each try
     * @return what the new one said; null if none came
     */
    @Nullable
    Message restore(long millis, BooleanSupplier serving, Runnable eachTry) throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
        do {
            eachTry.run();
            Message answer = knock(serving.getAsBoolean());
            if (answer != null) {
                return answer;
            }
            TimeUnit.MILLISECONDS.sleep(RETRY_MILLIS);
        } while (System.nanoTime() - end < 0);
        return null;
    }

    private @Nullable Message knock(boolean serving) {
        if (Files.notExists(control)) {
            return null;
        }
        Wire next = null;
        Message answer = null;
        try {
            next = Wire.connect(control);
            next.send(hello(serving));
            answer = next.receive();
            return answer;
        } catch (IOException e) {
            // The dead one's socket, or one that is dying too.
            return null;
        } finally {
            if (answer == null) {
                close(next);
            } else {
                wire = next;
            }
        }
    }

    private Message.Hello hello(boolean serving) {
        return new Message.Hello(
                place.slot(), place.id(), ProcessHandle.current().pid(), generation, serving);
    }

    private static void close(@Nullable Wire wire) {
        if (wire != null) {
            try {
                wire.close();
            } catch (IOException e) {
                // It was of no use.
            }
        }
    }
}
