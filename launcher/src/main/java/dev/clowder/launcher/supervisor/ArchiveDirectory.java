package dev.clowder.launcher.supervisor;

import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;

/**
 * Where class-data archives are kept between the lives of clusters: one directory for each user, shared by all clusters of
 * that user, {@code $XDG_CACHE_HOME/clowder} or {@code ~/.cache/clowder}. A JVM believes what is in an archive, so that
 * nothing is taken from a place in which anybody else could have put it. Linux and other systems with POSIX permissions.
 *
 * <p>An archive appears under its final name when it is whole; the name holds the key and a checksum. Who makes one holds
 * the lock of the directory, so that one is made at a time. Thread-safe.
 */
final class ArchiveDirectory {
    /** More than one cluster with one JVM needs, and at most a few hundred megabytes. */
    static final int KEPT = 4;

    private static final String ARCHIVE = ".archive";
    private static final String UNFINISHED = ".tmp";
    private static final Set<PosixFilePermission> OTHERS_WRITE =
            Set.of(PosixFilePermission.GROUP_WRITE, PosixFilePermission.OTHERS_WRITE);

    /** Of this JVM: a file lock is held by the whole process. */
    private static final ReentrantLock HERE = new ReentrantLock();

    private final Path root;

    private ArchiveDirectory(Path root) {
        this.root = root;
    }

    /** Where the user of this environment keeps it. */
    static Path path(Map<String, String> environment) {
        String cache = environment.getOrDefault("XDG_CACHE_HOME", "");
        // Relative ones are to be ignored (XDG Base Directory Specification).
        Path base = cache.startsWith("/") ? Path.of(cache) : Path.of(System.getProperty("user.home"), ".cache");
        return base.resolve("clowder");
    }

    /**
     * Makes the directory if there is none.
     *
     * @throws IOException if it can't be trusted or not be made; the message is for people and names it
     */
    static ArchiveDirectory open(Path root) throws IOException {
        try {
            if (!Files.exists(root, LinkOption.NOFOLLOW_LINKS)) {
                Files.createDirectories(
                        root, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            }
            String problem = problem(root, true);
            if (!problem.isEmpty()) {
                throw new IOException(root + " " + problem);
            }
            if (!Files.isWritable(root)) {
                throw new IOException(root + " is not writable");
            }
            return new ArchiveDirectory(root);
        } catch (UnsupportedOperationException e) {
            throw new IOException(root + ": no POSIX permissions here", e);
        } catch (java.nio.file.FileSystemException e) {
            throw new IOException("can't make " + root + " (" + e.getClass().getSimpleName() + ")", e);
        }
    }

    /** Why nobody should believe what is there; empty if it is ours alone. */
    private static String problem(Path file, boolean directory) throws IOException {
        PosixFileAttributes attributes =
                Files.readAttributes(file, PosixFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
        if (directory ? !attributes.isDirectory() : !attributes.isRegularFile()) {
            return "is no " + (directory ? "directory" : "file");
        }
        Object owner = Files.getAttribute(file, "unix:uid", LinkOption.NOFOLLOW_LINKS);
        if (!owner.equals(Files.getAttribute(Path.of("/proc/self"), "unix:uid"))) {
            return "belongs to " + attributes.owner().getName();
        }
        boolean open = attributes.permissions().stream().anyMatch(OTHERS_WRITE::contains);
        return open ? "may be written by others than its owner" : "";
    }

    /** The archive with this key, whole and ours; null if there is none. One that is damaged is removed. */
    @Nullable
    Path find(String key) throws IOException {
        for (Path archive : list(key + "-*" + ARCHIVE)) {
            if (problem(archive, false).isEmpty() && archive.equals(named(key, archive))) {
                // Those that were not used for longest go first.
                Files.setLastModifiedTime(archive, FileTime.from(Instant.now()));
                return archive;
            }
            Files.deleteIfExists(archive);
        }
        return null;
    }

    /** Makes an archive. */
    interface Making {
        /**
         * Writes the file.
         *
         * @throws IOException if that failed; the message is for people
         */
        void write(Path file) throws IOException, InterruptedException;
    }

    /**
     * Makes the archive with this key, unless another process has done so while we waited for our turn.
     *
     * @return where it is
     */
    Path make(String key, Making making) throws IOException, InterruptedException {
        HERE.lockInterruptibly();
        try (FileChannel file =
                FileChannel.open(root.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            // Until the file is closed.
            file.lock();
            Path other = find(key);
            if (other != null) {
                return other;
            }
            removeUnfinished();
            // A name of its own: a training whose supervisor was killed may still write to another.
            Path unfinished = root.resolve(key + "-" + Long.toHexString(System.nanoTime()) + UNFINISHED);
            try {
                making.write(unfinished);
                Path archive = Files.move(unfinished, named(key, unfinished), StandardCopyOption.ATOMIC_MOVE);
                prune(archive);
                return archive;
            } finally {
                removeUnfinished();
            }
        } finally {
            HERE.unlock();
        }
    }

    /** Somebody found it to be of no use. */
    static void discard(Path archive) {
        try {
            Files.deleteIfExists(archive);
        } catch (IOException e) {
            // It is one of those that are pruned.
        }
    }

    private void removeUnfinished() throws IOException {
        for (Path left : list("*" + UNFINISHED + "*")) {
            Files.deleteIfExists(left);
        }
    }

    private void prune(Path newest) throws IOException {
        List<Path> others = list("*" + ARCHIVE);
        others.remove(newest);
        Map<Path, Long> used = new HashMap<>();
        for (Path other : others) {
            used.put(other, Files.getLastModifiedTime(other).toMillis());
        }
        others.sort(Comparator.comparingLong((Path other) -> used.getOrDefault(other, 0L))
                .reversed());
        for (Path old : others.subList(Math.min(KEPT - 1, others.size()), others.size())) {
            Files.deleteIfExists(old);
        }
    }

    private Path named(String key, Path content) throws IOException {
        CRC32 sum = new CRC32();
        byte[] buffer = new byte[1 << 20];
        try (InputStream in = Files.newInputStream(content)) {
            for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
                sum.update(buffer, 0, read);
            }
        }
        return root.resolve(String.format(Locale.ROOT, "%s-%08x%s", key, sum.getValue(), ARCHIVE));
    }

    private List<Path> list(String pattern) throws IOException {
        List<Path> files = new ArrayList<>();
        try (DirectoryStream<Path> matching = Files.newDirectoryStream(root, pattern)) {
            matching.forEach(files::add);
        }
        return files;
    }
}
