package dev.clowder.launcher.supervisor;

import dev.clowder.launcher.config.ConfigException;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * What workers write: each slot appends to a file of its own, and one thread follows the files to the console. A worker
 * never waits for anybody, because no pipe is between it and its file: neither a reader that stands still nor a dead
 * supervisor holds it up, and what it writes without a supervisor is not lost. Thread-safe.
 *
 * <p>A file holds {@value #LIMIT} bytes, less where the file system is small; {@value SlotLog#KEPT} full ones are kept.
 * A full or read-only disk costs lines and nothing else.
 */
public final class Logs implements AutoCloseable {
    static final long LIMIT = 10L * 1024 * 1024;

    private static final Pattern NAME = Pattern.compile("slot-(\\d{1,6})\\.log(\\.\\d)?");
    /** Nothing but inotify tells that a file has grown, and that wakes us for every line; this wakes us 20 times a second. */
    private static final long POLL_MILLIS = 50;
    /** And this when nobody has written anything for a while: who writes one line is shown it a little later. */
    private static final long QUIET_POLL_MILLIS = 250;

    private static final long QUIET_NANOS = TimeUnit.SECONDS.toNanos(2);
    private static final long CHECK_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final long PATIENCE_MILLIS = 5000;
    /** Less than this is a full disk: not every file system gives its last block. */
    private static final long NO_SPACE = 16 * 1024;
    /** For so long all must be well before the next full disk is news. */
    private static final long CALM_NANOS = 10_000_000_000L;

    private final Path directory;
    private final long limit;
    private final Output console;
    private final Consumer<String> log;
    private final Thread follower = new Thread(this::follow, "logs");

    /** Guarded by this, as are all below; what is done with a file is done by the follower alone. */
    private final Map<Integer, SlotLog> slots = new TreeMap<>();

    private final List<SlotLog> replaced = new ArrayList<>();
    private final Set<Integer> ended = new HashSet<>();
    private boolean closed;
    private boolean discard;
    private @Nullable Path link;

    // The follower's own.
    private final Set<SlotLog> troubled = new HashSet<>();
    private @Nullable String trouble;
    private long troubledSince;
    private long troubledUntil;
    private long written = System.nanoTime();

    /**
     * Opens the directory and follows what is in it from now on: workers of a dead supervisor may still write.
     *
     * @param runDirectory of the cluster; a name in it leads to the files, wherever they are
     * @param elsewhere where the files are kept for good, null for the run directory
     * @param workers how many slots share the file system
     * @param log told in a line when something is lost
     * @throws ConfigException when the directory can't be used
     */
    static Logs open(Path runDirectory, @Nullable Path elsewhere, int workers, Output console, Consumer<String> log)
            throws ConfigException {
        Path own = directory(runDirectory);
        Path directory = elsewhere == null ? own : elsewhere;
        try {
            if (Files.isSymbolicLink(own)) {
                Files.delete(own);
            }
            Files.createDirectories(directory);
            if (!Files.isWritable(directory)) {
                throw new IOException("not writable");
            }
            Logs logs = new Logs(directory, limit(directory, workers), console, log);
            if (elsewhere != null) {
                removeOwn(own);
                logs.link = Files.createSymbolicLink(own, elsewhere.toAbsolutePath());
            }
            return logs;
        } catch (IOException e) {
            throw new ConfigException((elsewhere == null ? "--run-dir " + runDirectory : "--log-dir " + elsewhere)
                    + ": can't keep logs there (" + e.getMessage() + ")");
        }
    }

    Logs(Path directory, long limit, Output console, Consumer<String> log) throws IOException {
        this.directory = directory;
        this.limit = limit;
        this.console = console;
        this.log = log;
        try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, "slot-*.log")) {
            for (Path file : files) {
                Matcher name = NAME.matcher(file.getFileName().toString());
                if (name.matches()) {
                    open(Integer.parseInt(name.group(1)));
                }
            }
        }
        follower.setDaemon(true);
        follower.start();
    }

    /** All files of all slots must find room, those of a flood too. */
    private static long limit(Path directory, int workers) throws IOException {
        long total = Files.getFileStore(directory).getTotalSpace();
        long share = total / ((2L * SlotLog.KEPT + 1) * workers);
        // Some file systems don't know their size.
        return total <= 0 ? LIMIT : Math.min(LIMIT, Math.max(share, NO_SPACE));
    }

    /** Where the logs of the cluster in a run directory are. */
    public static Path directory(Path runDirectory) {
        return runDirectory.resolve("logs");
    }

    /**
     * The files of a slot.
     *
     * @return the one in use, then the full one before it, and so on; those that are there
     */
    public static List<Path> files(Path directory, int slot) {
        return IntStream.rangeClosed(0, SlotLog.KEPT)
                .mapToObj(n -> SlotLog.generation(file(directory, slot), n))
                .filter(Files::isRegularFile)
                .toList();
    }

    /** The file that a slot's workers append to. */
    public static Path file(Path directory, int slot) {
        return directory.resolve("slot-" + slot + ".log");
    }

    /**
     * The file to which the next worker of the slot appends.
     *
     * @return null if it can't be opened: the worker starts all the same
     */
    synchronized @Nullable Path target(int slot) {
        try {
            SlotLog known = slots.get(slot);
            if (known == null || !known.isCurrent()) {
                open(slot);
                if (known != null) {
                    replaced.add(known);
                }
            }
            return file(directory, slot);
        } catch (IOException e) {
            log.accept("can't open the log of slot " + slot + ", what its next worker writes is lost: " + e);
            return null;
        }
    }

    private synchronized void open(int slot) throws IOException {
        slots.put(slot, new SlotLog(file(directory, slot), limit, console.of(slot), log));
    }

    /** A worker of the slot has ended: its last words are passed on at once, even half a line. */
    synchronized void ended(int slot) {
        ended.add(slot);
        notifyAll();
    }

    /** The cluster ended in good order: its logs go with its run directory, unless they are kept elsewhere. */
    synchronized void discard() {
        discard = true;
    }

    /** Passes on what is left, but does not wait for a disk that stands still. */
    @Override
    public void close() {
        synchronized (this) {
            closed = true;
            notifyAll();
        }
        try {
            follower.join(PATIENCE_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void follow() {
        boolean last = false;
        long checked = System.nanoTime() - CHECK_NANOS;
        while (!last) {
            long now = System.nanoTime();
            last = pause(now, now - written > QUIET_NANOS ? QUIET_POLL_MILLIS : POLL_MILLIS);
            if (now - checked >= CHECK_NANOS) {
                checked = now;
                check(now);
            }
            poll(last);
        }
        try {
            Path linked = link;
            if (linked != null) {
                Files.deleteIfExists(linked);
            } else if (discard || !hasText()) {
                removeOwn(directory);
            }
        } catch (IOException e) {
            // What is left does no harm, the next cluster that starts here goes on with it.
        }
    }

    private boolean hasText() throws IOException {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(directory)) {
            for (Path file : files) {
                if (Files.size(file) > 0) {
                    return true;
                }
            }
            return false;
        }
    }

    /** Waits for the next poll; true if it is the last. */
    private synchronized boolean pause(long now, long millis) {
        try {
            long deadline = now + TimeUnit.MILLISECONDS.toNanos(millis);
            for (long left = deadline - now;
                    !closed && ended.isEmpty() && left > 0;
                    left = deadline - System.nanoTime()) {
                TimeUnit.NANOSECONDS.timedWait(this, left);
            }
            return closed;
        } catch (InterruptedException e) {
            return true;
        }
    }

    private void poll(boolean last) {
        List<SlotLog> live;
        List<SlotLog> leaving;
        List<SlotLog> silent;
        synchronized (this) {
            live = List.copyOf(slots.values());
            leaving = last ? live : List.copyOf(replaced);
            replaced.clear();
            silent = slots.entrySet().stream()
                    .filter(slot -> last || ended.contains(slot.getKey()))
                    .map(Map.Entry::getValue)
                    .toList();
            ended.clear();
        }
        live.forEach(this::poll);
        silent.forEach(SlotLog::end);
        for (SlotLog slot : leaving) {
            poll(slot);
            slot.end();
            try {
                slot.close();
            } catch (IOException e) {
                // It was only read.
            }
        }
    }

    private void poll(SlotLog slot) {
        try {
            if (slot.poll()) {
                written = System.nanoTime();
            }
            troubled.remove(slot);
        } catch (IOException e) {
            if (troubled.add(slot)) {
                log.accept("can't read the logs in " + directory + ", serving goes on: " + e);
            }
        }
    }

    /** A worker can't tell us that its file takes nothing any more. */
    private void check(long now) {
        String found = obstacle();
        if (found != null) {
            if (trouble == null) {
                troubledSince = now;
                log.accept("logs in " + directory + ": " + found + "; what workers write is lost, serving goes on");
            }
            trouble = found;
            troubledUntil = now;
        } else if (trouble != null && now - troubledUntil > CALM_NANOS) {
            log.accept("logs in " + directory + " are written again, after " + Text.seconds(now - troubledSince)
                    + " without (" + trouble + ")");
            trouble = null;
        }
    }

    private @Nullable String obstacle() {
        try {
            FileStore store = Files.getFileStore(directory);
            if (store.isReadOnly()) {
                return "the file system is read-only";
            }
            return store.getTotalSpace() > 0 && store.getUsableSpace() < NO_SPACE ? "no space left" : null;
        } catch (IOException e) {
            return String.valueOf(e.getMessage());
        }
    }

    /** Removes the files of logs, and the directory if nothing else is in it. */
    private static void removeOwn(Path logs) throws IOException {
        if (!Files.isDirectory(logs, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        try (DirectoryStream<Path> files = Files.newDirectoryStream(logs)) {
            for (Path file : files) {
                if (NAME.matcher(file.getFileName().toString()).matches()) {
                    Files.delete(file);
                }
            }
        }
        Files.delete(logs);
    }
}
