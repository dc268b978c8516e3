package dev.clowder.arquillian;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;

/**
 * Reads the output of a child process to its end, on a thread of its own, and keeps the last part of it.
 *
 * <p>Unless it is told to pause, it never stops reading, so that the child cannot block on a full pipe; and it never
 * keeps more than its limit, however long the lines are. Safe for use by several threads.
 */
final class OutputTail {
    private final InputStream source;
    private final int limit;
    private final Thread reader;

    // Guarded by this, as is everything below.
    private final StringBuilder kept = new StringBuilder();
    private long dropped;
    private boolean ended;
    private boolean paused;

    /**
     * Starts to read.
     *
     * @param name of the reading thread
     * @param limit how many characters of the output are kept
     */
    OutputTail(String name, InputStream source, int limit) {
        this.source = source;
        this.limit = limit;
        this.reader = new Thread(this::readAll, name);
        // A test JVM may end while a child that ignores everything still runs.
        reader.setDaemon(true);
        reader.start();
    }

    private void readAll() {
        byte[] buffer = new byte[8192];
        try {
            for (int n = source.read(buffer); n >= 0; n = source.read(buffer)) {
                awaitResumed();
                // A character cut in two by the buffer is shown as two question marks; output is for people.
                keep(new String(buffer, 0, n, StandardCharsets.UTF_8));
            }
        } catch (IOException e) {
            keep("(output ends: " + e.getMessage() + ")\n");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            end();
        }
    }

    private synchronized void awaitResumed() throws InterruptedException {
        while (paused) {
            wait();
        }
    }

    /** Stops reading after at most one more buffer, or goes on. */
    synchronized void pause(boolean wanted) {
        paused = wanted;
        notifyAll();
    }

    private synchronized void keep(String text) {
        kept.append(text);
        // Cut rarely, so that a flood costs one copy for each limit, not one for each read.
        if (kept.length() > 2 * limit) {
            cut();
        }
        notifyAll();
    }

    private void cut() {
        int surplus = kept.length() - limit;
        kept.delete(0, surplus);
        dropped += surplus;
    }

    private synchronized void end() {
        ended = true;
        notifyAll();
    }

    /** Returns what is kept; a first line says how much is missing before it, if anything is. */
    synchronized String text() {
        if (kept.length() > limit) {
            cut();
        }
        return dropped == 0 ? kept.toString() : "(" + dropped + " characters before this were dropped)\n" + kept;
    }

    /** Returns the last line that is kept and matches as a whole. */
    Optional<String> lastLine(Pattern wanted) {
        return text().lines().filter(wanted.asMatchPredicate()).reduce((earlier, later) -> later);
    }

    /**
     * Waits until {@link #lastLine} is another one than before, the output ends, or the time is over.
     *
     * @param before an earlier answer of {@code lastLine}
     */
    synchronized void awaitChange(Pattern wanted, Optional<String> before, Duration atMost)
            throws InterruptedException {
        long deadline = System.nanoTime() + atMost.toNanos();
        for (long left = atMost.toNanos();
                !ended && left > 0 && lastLine(wanted).equals(before);
                left = deadline - System.nanoTime()) {
            TimeUnit.NANOSECONDS.timedWait(this, left);
        }
    }

    /** Waits until the output has ended, but not longer than the time: a grandchild may hold the pipe. */
    synchronized void awaitEnd(Duration atMost) throws InterruptedException {
        long deadline = System.nanoTime() + atMost.toNanos();
        for (long left = atMost.toNanos(); !ended && left > 0; left = deadline - System.nanoTime()) {
            TimeUnit.NANOSECONDS.timedWait(this, left);
        }
    }
}
