package dev.clowder.arquillian;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.JarURLConnection;
import java.net.URI;
import java.net.URL;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.nio.file.attribute.UserPrincipal;
import java.util.Set;
import java.util.jar.JarEntry;
import java.util.zip.CRC32;
import java.util.zip.CheckedInputStream;
import org.jspecify.annotations.Nullable;

/**
 * The {@code clowder.jar} inside this artifact. On the class path of the tests it would bring Tomcat; so it is put into a
 * file, once for each version, in the directory in which the launcher keeps its class archives: {@code
 * $XDG_CACHE_HOME/clowder}, else {@code ~/.cache/clowder}. What lies there is run, so that nobody else may write to it.
 */
final class PackedJar {
    private static final String RESOURCE = "/META-INF/clowder/clowder.jar";
    private static final Set<PosixFilePermission> OTHERS_WRITE =
            Set.of(PosixFilePermission.GROUP_WRITE, PosixFilePermission.OTHERS_WRITE);

    private final URL resource;

    PackedJar(URL resource) {
        this.resource = resource;
    }

    /** Returns the jar, unless this artifact was not packaged yet. */
    static @Nullable PackedJar find() {
        URL resource = PackedJar.class.getResource(RESOURCE);
        return resource == null ? null : new PackedJar(resource);
    }

    /** Whether it was packaged into another jar, and not only compiled. */
    boolean isInsideJar() {
        return resource.getProtocol().equals("jar");
    }

    /**
     * Returns it as a file.
     *
     * @throws IllegalArgumentException if its directory can't be made, written or trusted; the message names it
     */
    Path file() {
        if (!isInsideJar()) {
            return Path.of(URI.create(resource.toString()));
        }
        return file(directory());
    }

    private static Path directory() {
        String cache = System.getenv().getOrDefault("XDG_CACHE_HOME", "");
        // Relative ones are to be ignored (XDG Base Directory Specification).
        Path base = cache.startsWith("/") ? Path.of(cache) : Path.of(System.getProperty("user.home"), ".cache");
        return base.resolve("clowder");
    }

    Path file(Path directory) {
        try {
            JarURLConnection connection = (JarURLConnection) resource.openConnection();
            // A jar that is replaced while this JVM runs would be read from the cache.
            connection.setUseCaches(false);
            try (InputStream content = connection.getInputStream()) {
                makePrivate(directory);
                return unpack(content, connection.getJarEntry(), directory);
            }
        } catch (IOException e) {
            throw new IllegalArgumentException(
                    "can't unpack clowder.jar into " + directory + ": " + e.getMessage()
                            + "; name another one with the property clowderJar",
                    e);
        }
    }

    private static Path unpack(InputStream content, JarEntry entry, Path directory) throws IOException {
        String version = PackedJar.class.getPackage().getImplementationVersion();
        Path file = directory.resolve("clowder-%s-%08x.jar".formatted(version, entry.getCrc()));
        if (Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)
                && Files.size(file) == entry.getSize()
                && checksum(file) == entry.getCrc()) {
            requirePrivate(file);
            return file;
        }
        // Not *.tmp, which the makers of class archives remove here.
        Path unfinished = Files.createTempFile(directory, "clowder", ".part");
        try {
            // Which keeps the permissions of a temporary file: the owner's only.
            try (OutputStream out = Files.newOutputStream(unfinished)) {
                content.transferTo(out);
            }
            // Others that do the same at the same time put the same there.
            return Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Files.deleteIfExists(unfinished);
        }
    }

    private static long checksum(Path file) throws IOException {
        try (CheckedInputStream in = new CheckedInputStream(Files.newInputStream(file), new CRC32())) {
            in.transferTo(OutputStream.nullOutputStream());
            return in.getChecksum().getValue();
        }
    }

    private static boolean isPosix() {
        return FileSystems.getDefault().supportedFileAttributeViews().contains("posix");
    }

    private static void makePrivate(Path directory) throws IOException {
        if (!isPosix()) {
            Files.createDirectories(directory);
            return;
        }
        if (!Files.exists(directory, LinkOption.NOFOLLOW_LINKS)) {
            Files.createDirectories(
                    directory, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        }
        requirePrivate(directory);
    }

    private static void requirePrivate(Path file) throws IOException {
        if (!isPosix()) {
            return;
        }
        PosixFileAttributes attributes =
                Files.readAttributes(file, PosixFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
        if (attributes.isSymbolicLink()) {
            throw new IOException(file + " is a symbolic link");
        }
        if (!attributes.owner().equals(ourselves())) {
            throw new IOException(file + " belongs to " + attributes.owner().getName());
        }
        if (attributes.permissions().stream().anyMatch(OTHERS_WRITE::contains)) {
            throw new IOException(file + " may be written by others than its owner");
        }
    }

    private static UserPrincipal ourselves() throws IOException {
        Path ours = Files.createTempFile("clowder", ".tmp");
        try {
            return Files.getOwner(ours);
        } finally {
            Files.delete(ours);
        }
    }
}
