package dev.clowder.launcher.supervisor;

import dev.clowder.launcher.config.AccessLog;
import dev.clowder.launcher.config.ConfigException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Keeps the access log of all workers within its size. A full file gets another name; workers look at the name and go on
 * in a new file, so that no line is lost or copied. Whoever else renames it, such as logrotate, needs no signal either.
 */
final class AccessLogRotation implements AutoCloseable {
    /** How many full files are kept beside the one in use. */
    static final int KEPT = 9;

    private static final long LOOK_SECONDS = 1;

    private final AccessLog log;
    private final Consumer<String> told;
    private final Thread thread = new Thread(this::run, "access log");
    private boolean troubled;

    /**
     * Does not look yet.
     *
     * @param told a line when a full file can't be renamed
     */
    AccessLogRotation(AccessLog log, Consumer<String> told) {
        this.log = log;
        this.told = told;
        thread.setDaemon(true);
    }

    /**
     * Begins to look once a second how big the file is.
     *
     * @throws ConfigException as {@link #check}
     */
    static AccessLogRotation start(AccessLog log, Consumer<String> told) throws ConfigException {
        check(log);
        AccessLogRotation rotation = new AccessLogRotation(log, told);
        rotation.thread.start();
        return rotation;
    }

    /**
     * Makes the file, and directories above it, if they are not there.
     *
     * @throws ConfigException if it can't be written, or not renamed when it is full
     */
    static void check(AccessLog log) throws ConfigException {
        Path file = log.file();
        Path directory = file.resolveSibling("");
        try {
            if (!Files.isDirectory(directory)) {
                Files.createDirectories(directory);
            }
            // A device or a link such as /dev/stdout must not be renamed.
            if (Files.exists(file, LinkOption.NOFOLLOW_LINKS)
                    && !Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
                throw new IOException("not a regular file");
            }
            FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND)
                    .close();
        } catch (IOException e) {
            throw new ConfigException("--access-log " + file + ": can't be written (" + e.getMessage() + ")");
        }
        if (log.limit() > 0 && !Files.isWritable(directory)) {
            throw new ConfigException("--access-log " + file + ": a full one can't be renamed, its directory is not"
                    + " writable; use --access-log-size 0");
        }
    }

    @Override
    public void close() {
        thread.interrupt();
    }

    private void run() {
        try {
            while (true) {
                TimeUnit.SECONDS.sleep(LOOK_SECONDS);
                look();
            }
        } catch (InterruptedException e) {
            // The cluster stops.
        }
    }

    /** Gives the file another name if it is full. What goes wrong is said once. */
    void look() {
        try {
            if (log.limit() > 0 && Files.size(log.file()) > log.limit()) {
                SlotLog.shift(log.file(), 0, KEPT);
            }
            troubled = false;
        } catch (NoSuchFileException e) {
            // Somebody else has just renamed it; the next line makes a new one.
        } catch (IOException e) {
            if (!troubled) {
                told.accept("access log " + log.file() + ": can't be renamed and grows on (" + e.getMessage() + ")");
            }
            troubled = true;
        }
    }
}
