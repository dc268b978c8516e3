package dev.clowder.launcher.supervisor;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The one way to the operator's terminal or log, for the supervisor and for the output of all workers. Bounded: when the
 * reader is slower than the writers, lines are dropped and counted; nobody who writes ever waits. Thread-safe.
 */
public final class Output implements AutoCloseable {
    static final int MAX_LINE = 8 * 1024;
    static final int MAX_WAITING = 4 * 1024 * 1024;

    private static final long PATIENCE_MILLIS = 1000;

    private final OutputStream out;
    private final Deque<byte[]> waiting = new ArrayDeque<>();
    private final Thread writer = new Thread(this::write, "output");
    private final Set<Thread> readers = ConcurrentHashMap.newKeySet();
    private int waitingBytes;
    private long dropped;
    private boolean closed;

    public Output(OutputStream out) {
        this.out = out;
        writer.setDaemon(true);
        writer.start();
    }

    /** Writes one line of the supervisor's own. */
    public void line(String line) {
        add((line + System.lineSeparator()).getBytes(UTF_8));
    }

    /** Copies a worker's output line by line until it ends; a thread of its own does that. */
    void follow(InputStream in, String prefix) {
        Thread reader = new Thread(() -> copyLines(in, prefix.getBytes(UTF_8)), "output of worker " + prefix.strip());
        reader.setDaemon(true);
        readers.add(reader);
        reader.start();
    }

    /** Waits until everything is written, but not for a reader that has stopped reading. */
    @Override
    public void close() {
        try {
            // What a worker wrote last may still be in its pipe.
            long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(PATIENCE_MILLIS);
            for (Thread reader : readers) {
                long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
                reader.join(Math.max(1, left));
            }
            synchronized (this) {
                closed = true;
                notifyAll();
            }
            writer.join(PATIENCE_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void copyLines(InputStream in, byte[] prefix) {
        try {
            copyAllLines(in, prefix);
        } finally {
            readers.remove(Thread.currentThread());
        }
    }

    private void copyAllLines(InputStream in, byte[] prefix) {
        byte[] chunk = new byte[MAX_LINE];
        byte[] line = new byte[prefix.length + MAX_LINE + 1];
        System.arraycopy(prefix, 0, line, 0, prefix.length);
        int length = prefix.length;
        try (in) {
            for (int read = in.read(chunk); read >= 0; read = in.read(chunk)) {
                for (int i = 0; i < read; i++) {
                    boolean end = chunk[i] == '\n';
                    // A line without end is cut, so that it needs no more memory than any other.
                    if (end || length == prefix.length + MAX_LINE) {
                        length = flush(line, length, prefix.length);
                    }
                    if (!end) {
                        line[length++] = chunk[i];
                    }
                }
            }
        } catch (IOException e) {
            // The worker is gone; what it wrote before has been read.
        }
        if (length > prefix.length) {
            flush(line, length, prefix.length);
        }
    }

    private int flush(byte[] line, int length, int prefixLength) {
        line[length] = '\n';
        add(Arrays.copyOf(line, length + 1));
        return prefixLength;
    }

    private synchronized void add(byte[] line) {
        if (waitingBytes + line.length > MAX_WAITING || closed) {
            dropped++;
            return;
        }
        waiting.add(line);
        waitingBytes += line.length;
        notifyAll();
    }

    private void write() {
        try {
            for (byte[] line = next(); line != null; line = next()) {
                out.write(line);
                if (idle()) {
                    out.flush();
                }
            }
        } catch (IOException e) {
            // Nobody reads any more (a closed pipe, a full disk): serving goes on, lines are dropped.
            synchronized (this) {
                waiting.clear();
                waitingBytes = MAX_WAITING;
            }
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
                return ("clowder: " + lines + " lines of output dropped, the reader is too slow"
                                + System.lineSeparator())
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
        byte[] line = waiting.remove();
        waitingBytes -= line.length;
        return line;
    }
}
