package dev.clowder.launcher.supervisor;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * A directory that belongs to one supervisor at a time. The kernel forgets a lock when its process closes <em>any</em>
 * descriptor of the file, so while we hold it nothing here opens the file again, and a second cluster in this JVM does not
 * even come near it.
 */
final class DirectoryLock implements AutoCloseable {
    /** The file in the directory; it holds the supervisor's pid. */
    static final String NAME = "lock";

    /** Directories locked by this JVM. */
    private static final Set<Path> HELD = ConcurrentHashMap.newKeySet();

    private final Path root;
    private final FileChannel file;

    private DirectoryLock(Path root, FileChannel file) {
        this.root = root;
        this.file = file;
    }

    /**
     * Locks a directory.
     *
     * @throws RunDirectory.InUseException if another supervisor holds it
     */
    static DirectoryLock of(Path root) throws IOException, RunDirectory.InUseException {
        if (!HELD.add(root)) {
            throw new RunDirectory.InUseException(
                    root, String.valueOf(ProcessHandle.current().pid()));
        }
        FileChannel held = null;
        try {
            Path path = root.resolve(NAME);
            while (held == null) {
                held = tryLock(root, path);
            }
            return new DirectoryLock(root, held);
        } finally {
            if (held == null) {
                HELD.remove(root);
            }
        }
    }

    /** Writes the same again, so that the file is one that is used. */
    void renew() throws IOException {
        write(file);
    }

    /** Lets another cluster have the directory. */
    @Override
    public void close() {
        closeQuietly(file);
        HELD.remove(root);
    }

    /** Null if a leaving supervisor removed the file between our opening and locking it. */
    private static @Nullable FileChannel tryLock(Path root, Path path) throws IOException, RunDirectory.InUseException {
        if (!Files.exists(path)) {
            Files.write(path, new byte[0], StandardOpenOption.CREATE);
        }
        FileChannel file = null;
        try {
            Object before = key(path);
            file = FileChannel.open(path, StandardOpenOption.WRITE);
            if (file.tryLock() == null) {
                throw new RunDirectory.InUseException(
                        root, Files.readString(path).strip());
            }
            if (!Objects.equals(before, key(path))) {
                return null;
            }
            write(file);
            FileChannel held = file;
            file = null;
            return held;
        } catch (NoSuchFileException e) {
            return null;
        } finally {
            closeQuietly(file);
        }
    }

    private static void write(FileChannel file) throws IOException {
        byte[] pid = (ProcessHandle.current().pid() + "\n").getBytes(UTF_8);
        file.write(ByteBuffer.wrap(pid), 0);
        file.truncate(pid.length);
    }

    /** What distinguishes the file at this path from another one that takes its name later. */
    private static @Nullable Object key(Path path) throws IOException {
        return Files.readAttributes(path, BasicFileAttributes.class).fileKey();
    }

    private static void closeQuietly(@Nullable FileChannel file) {
        if (file != null) {
            try {
                file.close();
            } catch (IOException e) {
                // Nothing was written that could be lost.
            }
        }
    }
}
