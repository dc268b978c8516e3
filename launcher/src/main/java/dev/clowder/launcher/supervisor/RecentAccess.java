package dev.clowder.launcher.supervisor;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributeView;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the files of a run directory from being taken for forgotten. What tidies {@code /tmp} up (systemd-tmpfiles, tmpwatch)
 * removes files that nobody has read, written or changed for some days, so an application that runs for long would lose
 * its pages; and in {@code XDG_RUNTIME_DIR} they must have been accessed within six hours (XDG Base Directory Specification).
 */
final class RecentAccess implements AutoCloseable {
    static final Duration EVERY = Duration.ofHours(3);

    private final CountDownLatch closed = new CountDownLatch(1);

    private RecentAccess() {}

    /**
     * Sets the time of the last access of all regular files and directories of a directory, now and then, until it is closed.
     * A socket is left alone by all of them while somebody listens on it.
     */
    static RecentAccess start(
            RunDirectory directory, Duration every, Supplier<Instant> timeOfDay, Consumer<String> log) {
        RecentAccess access = new RecentAccess();
        try {
            DaemonThread.start("recent access", () -> access.run(directory, every, timeOfDay));
        } catch (IOException e) {
            log.accept("the files in " + directory.root() + " are not kept from what tidies directories up: "
                    + e.getMessage());
        }
        return access;
    }

    private void run(RunDirectory directory, Duration every, Supplier<Instant> timeOfDay) {
        try {
            while (!closed.await(every.toMillis(), TimeUnit.MILLISECONDS)) {
                touch(directory, timeOfDay.get());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Without an interrupt, which would close the file of the lock while it is written. */
    @Override
    public void close() {
        closed.countDown();
    }

    /** What can't be touched belongs to somebody else, or has gone meanwhile. A pipe would wait for its writer. */
    private void touch(RunDirectory directory, Instant now) {
        FileTime time = FileTime.from(now);
        Path lock = directory.root().resolve(DirectoryLock.NAME);
        try {
            directory.renewLock();
            Files.walkFileTree(directory.root(), new SimpleFileVisitor<>() {
                @Override
                public FileVisitResult preVisitDirectory(Path directory, BasicFileAttributes attributes) {
                    return touch(directory, time);
                }

                @Override
                public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                    return attributes.isRegularFile() && !file.equals(lock)
                            ? touch(file, time)
                            : FileVisitResult.CONTINUE;
                }

                @Override
                public FileVisitResult visitFileFailed(Path file, IOException e) {
                    return FileVisitResult.CONTINUE;
                }

                @Override
                public FileVisitResult postVisitDirectory(Path directory, @Nullable IOException e) {
                    return FileVisitResult.CONTINUE;
                }
            });
        } catch (IOException e) {
            // Next time.
        }
    }

    private FileVisitResult touch(Path path, FileTime time) {
        try {
            Files.getFileAttributeView(path, BasicFileAttributeView.class, LinkOption.NOFOLLOW_LINKS)
                    .setTimes(null, time, null);
        } catch (IOException e) {
            // As above.
        }
        return closed.getCount() == 0 ? FileVisitResult.TERMINATE : FileVisitResult.CONTINUE;
    }
}
