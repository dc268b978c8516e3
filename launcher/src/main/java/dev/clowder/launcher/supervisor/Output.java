package dev.clowder.launcher.supervisor;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The one way to the operator's terminal, for the supervisor and for the output of all workers. Bounded: when the
 * reader is slower than the writers, lines are dropped and counted; nobody who writes ever waits. Thread-safe.
 */
public final class Output implements AutoCloseable {
    static final int MAX_WAITING = 4 * 1024 * 1024;
    /** The supervisor says what happens even while workers flood. */
    private static final int RESERVE = 64 * 1024;

    private static final long PATIENCE_MILLIS = 1000;
    private static final long MILLIS_BETWEEN_ATTEMPTS = 1000;

    private final OutputStream out;
    private final boolean json;
    private final Deque<byte[]> waiting = new ArrayDeque<>();
    private final Thread writer = new Thread(this::write, "output");
    private int waitingBytes;
    private long dropped;
    /** Of those, how many the line that is being written tells of. */
    private long told;

    private boolean closed;

    /** Writes lines as they are. */
    public Output(OutputStream out) {
        this(out, false);
    }

    /** @param json whether every line must be an object of JSON */
    public Output(OutputStream out, boolean json) {
        this.out = out;
        this.json = json;
        writer.setDaemon(true);
        writer.start();
    }

    /** Writes one line of the supervisor's own. */
    public void line(String line) {
        add((line + System.lineSeparator()).getBytes(UTF_8), MAX_WAITING + RESERVE);
    }

    /** Waits until everything is written, but not for a reader that has stopped reading. */
    @Override
    public void close() {
        try {
            synchronized (this) {
                closed = true;
                notifyAll();
            }
            writer.join(PATIENCE_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Writes one line of a worker, with its line feed. */
    void add(byte[] line) {
        add(line, MAX_WAITING);
    }

    /** Takes the lines of the workers of a slot, without their line feeds. */
    Lines of(int slot) {
        return json ? new Lines("", line -> add(asJson(slot, line))) : new Lines("[" + slot + "] ", this::add);
    }

    private static byte[] asJson(int slot, byte[] line) {
        String text = new String(line, 0, line.length - 1, UTF_8);
        return (ClusterEvent.output(slot, text).json() + "\n").getBytes(UTF_8);
    }

    private synchronized void add(byte[] line, int most) {
        if (waitingBytes + line.length > most || closed) {
            dropped++;
            return;
        }
        waiting.add(line);
        waitingBytes += line.length;
        notifyAll();
    }

    private void write() {
        for (byte[] line = next(); line != null; line = next()) {
            try {
                out.write(line);
                if (idle()) {
                    out.flush();
                }
            } catch (IOException e) {
                // A closed pipe, a full disk, which may have room again: serving goes on, lines are dropped and
                // counted.
                if (!awaitNextAttempt()) {
                    return;
                }
            }
        }
    }

    /** Not for long when nobody waits for the output any more. */
    private synchronized boolean awaitNextAttempt() {
        dropped += Math.max(1, told);
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(MILLIS_BETWEEN_ATTEMPTS);
        try {
            for (long left = end - System.nanoTime(); left > 0 && !closed; left = end - System.nanoTime()) {
                TimeUnit.NANOSECONDS.timedWait(this, left);
            }
            return !closed;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    private synchronized boolean idle() {
        return waiting.isEmpty();
    }

    private synchronized byte @Nullable [] next() {
        while (waiting.isEmpty()) {
            if (dropped > 0) {
                long lines = dropped;
                dropped = 0;
                told = lines;
                String text = lines + " lines of output dropped: the reader was too slow, or there was no room";
                return ((json ? ClusterEvent.log(text).json() : "clowder: " + text) + System.lineSeparator())
                        .getBytes(UTF_8);
            }
            if (closed) {
                return null;
            }
            try {
                wait();
            } catch (InterruptedException e) {
                return null;
            }
        }
        told = 0;
        byte[] line = waiting.remove();
        waitingBytes -= line.length;
        return line;
    }
}
