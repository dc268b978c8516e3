package dev.clowder.launcher.supervisor;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The file that the workers of one slot append to, followed to the console. The workers hold the file open, so that a
 * full one is copied and then truncated: its successor has the same inode. For one thread.
 */
final class SlotLog implements AutoCloseable {
    /** How many full files are kept beside the one in use. */
    static final int KEPT = 3;

    /** What the console holds at most anyway; who is further behind skips. */
    private static final long MAX_BEHIND = Output.MAX_WAITING;

    private final Path path;
    private final long limit;
    private final FileChannel file;
    private final @Nullable Object key;
    private final Lines lines;
    private final Consumer<String> log;
    private final ByteBuffer buffer = ByteBuffer.allocate(64 * 1024);
    /** How far the console has been told. */
    private long position;

    /**
     * Opens the file, makes it if needed, and begins at its end.
     *
     * @param limit bytes after which a file is full; one kept from a flood has up to twice as many
     * @param lines gets what is written from now on
     * @param log told what was skipped or lost
     */
    SlotLog(Path path, long limit, Lines lines, Consumer<String> log) throws IOException {
        this.path = path;
        this.limit = limit;
        this.lines = lines;
        this.log = log;
        file = FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
        key = key(path);
        position = file.size();
    }

    /** The n-th file before the one in use, 0 for that one. */
    static Path generation(Path path, int n) {
        return n == 0 ? path : path.resolveSibling(path.getFileName() + "." + n);
    }

    /**
     * Each generation becomes the one before it, and the oldest goes.
     *
     * @param youngest the first that is renamed
     * @param kept the highest number that there may be
     */
    static void shift(Path path, int youngest, int kept) throws IOException {
        for (int n = kept - 1; n >= youngest; n--) {
            if (Files.exists(generation(path, n))) {
                Files.move(generation(path, n), generation(path, n + 1), StandardCopyOption.REPLACE_EXISTING);
            }
        }
    }

    /** Whether the name still means the file that is followed; somebody may have moved or removed it. */
    boolean isCurrent() {
        try {
            return Objects.equals(key, key(path));
        } catch (IOException e) {
            return false;
        }
    }

    private static @Nullable Object key(Path path) throws IOException {
        return Files.readAttributes(path, BasicFileAttributes.class).fileKey();
    }

    /**
     * Passes on what was written since the last time, and keeps the file within its limit.
     *
     * @return whether there was something
     */
    boolean poll() throws IOException {
        long before = position;
        long size = file.size();
        if (size < position) {
            // Truncated by somebody else.
            position = 0;
        }
        if (size - position > MAX_BEHIND) {
            long skipped = size - position - MAX_BEHIND;
            lines.end();
            log.accept(path.getFileName() + ": " + skipped + " bytes are not shown here, they came too fast");
            position += skipped;
        }
        while (position < size && read(buffer.capacity()) > 0) {
            pass();
        }
        if (size > limit) {
            rotate();
        }
        return size != before;
    }

    /** The worker has ended: nothing will complete its last line. */
    void end() {
        lines.end();
    }

    @Override
    public void close() throws IOException {
        file.close();
    }

    private int read(long most) throws IOException {
        buffer.clear().limit((int) Math.min(buffer.capacity(), Math.max(0, most)));
        return file.read(buffer, position);
    }

    private void pass() {
        lines.add(buffer.array(), buffer.position());
        position += buffer.position();
    }

    /** Of a flood the last part is kept, so that the disk has a limit too. */
    private void rotate() throws IOException {
        long lost = Math.max(0, position - limit - limit / 2);
        try {
            shift(path, 1, KEPT);
            lost += copy(lost);
            lost += Math.max(0, file.size() - position);
        } catch (IOException e) {
            lost = file.size();
            try {
                Files.deleteIfExists(generation(path, 1));
            } catch (IOException left) {
                // The same reason; the log must not grow for that.
            }
            log.accept(path.getFileName() + ": can't be copied to "
                    + generation(path, 1).getFileName() + " (" + e.getMessage() + ")");
        }
        // What a worker writes just before this is lost without notice: microseconds in each ten megabytes.
        file.truncate(0);
        position = 0;
        if (lost > 0) {
            log.accept(path.getFileName() + ": " + lost + " bytes were not kept");
        }
    }

    /** Copies everything from there on; how many bytes had to be left out because they came too fast. */
    private long copy(long from) throws IOException {
        try (FileChannel copy = FileChannel.open(
                generation(path, 1),
                StandardOpenOption.CREATE,
                StandardOpenOption.TRUNCATE_EXISTING,
                StandardOpenOption.WRITE)) {
            long at = from;
            while (at < position) {
                long copied = file.transferTo(at, position - at, copy);
                if (copied <= 0) {
                    throw new IOException("ended at " + at);
                }
                at += copied;
            }
            // What came meanwhile. A writer that is faster than we are does not keep us here; its last words are kept.
            long lastWords = Math.min(buffer.capacity(), limit / 4);
            long end = from + 2 * limit - lastWords;
            while (position < end && read(end - position) > 0) {
                passAndWrite(copy);
            }
            long skipped = Math.max(0, file.size() - position - lastWords);
            position += skipped;
            if (read(lastWords) > 0) {
                passAndWrite(copy);
            }
            return skipped;
        }
    }

    private void passAndWrite(FileChannel copy) throws IOException {
        buffer.flip();
        while (buffer.hasRemaining()) {
            copy.write(buffer);
        }
        pass();
    }
}
