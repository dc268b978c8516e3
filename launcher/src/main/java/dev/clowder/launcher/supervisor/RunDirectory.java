package dev.clowder.launcher.supervisor;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.clowder.launcher.config.ConfigException;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The files of one running cluster: control socket, lock, expanded applications, a directory for each worker. Private to
 * its owner (mode 0700), held by one supervisor at a time, and removed when that one leaves. What a living worker needs
 * is never removed, so that workers outlive a supervisor that was killed.
 */
public final class RunDirectory implements AutoCloseable {
    private static final Set<PosixFilePermission> PRIVATE = PosixFilePermissions.fromString("rwx------");
    /** What Linux allows for the path of a Unix socket, less the final zero. */
    private static final int MAX_SOCKET_PATH = 107;

    /** Kept when a cluster died, so that somebody can read why; {@link Logs} removes it. */
    private static final String LOGS = "logs";

    /** The names of everything that a cluster puts into its directory. */
    private static final Pattern OURS = Pattern.compile(
            "lock|(control|orphans|sessions-\\d+(-worker-\\d+-s)?|(listeners|worker-\\d+)(-\\d+|-[rs])?)\\.sock|sessions\\.lock|apps|logs|boot|logging\\.properties|training"
                    // slot-N: of a launcher whose workers had their directories there.
                    + "|workers|slot-\\d+|" + Register.FILES);

    private static final String LONGEST_NAME = "worker-1234567-99.sock";

    private final Path root;
    private final DirectoryLock lock;
    private final Register register;

    private RunDirectory(Path root, DirectoryLock lock) {
        this.root = root;
        this.lock = lock;
        this.register = new Register(root);
    }

    /** Where the cluster on this port keeps its files unless {@code --run-dir} names another place. */
    public static Path defaultPath(int port) {
        String runtime = System.getenv("XDG_RUNTIME_DIR");
        if (runtime != null && !runtime.isEmpty()) {
            return Path.of(runtime, "clowder", String.valueOf(port));
        }
        return Path.of(System.getProperty("java.io.tmpdir"), "clowder-" + user(), String.valueOf(port));
    }

    /** The control socket of the cluster in this directory. */
    public static Path controlSocket(Path runDirectory) {
        return runDirectory.resolve("control.sock");
    }

    /**
     * Takes the directory, makes it if needed, and removes what a dead cluster left in it, except for what its workers
     * need that still live.
     *
     * @throws ConfigException when it can't be used, whoever asks
     * @throws InUseException when another cluster lives in it
     */
    public static RunDirectory open(Path path) throws ConfigException, InUseException {
        Path root = path.toAbsolutePath().normalize();
        if (root.resolve(LONGEST_NAME).toString().getBytes(UTF_8).length > MAX_SOCKET_PATH) {
            throw new ConfigException("--run-dir " + root + ": too long for Unix sockets in it, use at most "
                    + (MAX_SOCKET_PATH - LONGEST_NAME.length() - 1) + " bytes");
        }
        RunDirectory directory = null;
        boolean usable = false;
        try {
            refuseForeignFiles(root);
            makePrivate(root);
            directory = new RunDirectory(root, DirectoryLock.of(root));
            directory.sweep();
            usable = true;
            return directory;
        } catch (IOException e) {
            throw new ConfigException("--run-dir " + root + ": can't be used (" + reason(e) + ")");
        } finally {
            if (directory != null && !usable) {
                directory.close();
            }
        }
    }

    public Path root() {
        return root;
    }

    Path control() {
        return controlSocket(root);
    }

    /** Where workers come for the listening socket of one port, or for its connections; ports count from 0. */
    Path listener(int port) {
        return root.resolve("listeners" + suffix(port));
    }

    /** Where orphans bring the listening sockets back. */
    Path orphans() {
        return root.resolve("orphans.sock");
    }

    /** Class files for workers on an installed Tomcat. */
    Path boot() {
        return root.resolve("boot");
    }

    Path loggingProperties() {
        return root.resolve("logging.properties");
    }

    Path apps() {
        return root.resolve("apps");
    }

    /** Where a worker takes in what comes to one port; probes come to port 0. */
    Path intake(int id, int port) {
        return root.resolve("worker-" + id + suffix(port));
    }

    private static String suffix(int port) {
        return (port == 0 ? "" : "-" + port) + ".sock";
    }

    private Path workers() {
        return root.resolve("workers");
    }

    /** Removes what no living worker needs any more. */
    void sweep() throws IOException {
        clean();
        Files.createDirectories(apps());
        Files.createDirectories(workers());
    }

    /** Where the class archive is made; there while that runs. */
    Path training() {
        return root.resolve("training");
    }

    /** What the next supervisor will want to know. */
    Register register() {
        return register;
    }

    /** The applications of one generation. */
    Path generation(int number) {
        return apps().resolve(String.valueOf(number));
    }

    /** What one worker writes: two of a slot may run at the same time, and would compile JSPs into one place. */
    Path worker(int id) {
        return workers().resolve(String.valueOf(id));
    }

    /** Removes a part that is not used any more; what can't be removed now goes with the rest. Any thread. */
    void discard(Path part) {
        try {
            if (Files.exists(part)) {
                delete(part);
            }
        } catch (IOException e) {
            // It goes when the cluster leaves.
        }
    }

    /** As {@link RecentAccess} does with all other files: whoever else opens and closes this one gives it away. */
    void renewLock() throws IOException {
        lock.renew();
    }

    /**
     * Removes everything, the directory too, and lets another cluster have the place. Workers that live, because this
     * supervisor could not take them over, keep what they need.
     */
    @Override
    public void close() {
        try {
            clean();
            if (register.living().isEmpty()) {
                Files.deleteIfExists(root.resolve(DirectoryLock.NAME));
                Files.deleteIfExists(root);
            }
        } catch (IOException e) {
            // What is left is removed by the next cluster that starts here.
        } finally {
            lock.close();
        }
    }

    /** Removes what a cluster puts here and no living worker needs, and nothing else. */
    private void clean() throws IOException {
        List<Survivor> living = register.living();
        Set<Path> needed = new HashSet<>(Set.of(root.resolve(DirectoryLock.NAME), root.resolve(LOGS)));
        Register.Plan plan = register.plan();
        for (Survivor survivor : living) {
            needed.add(worker(survivor.id()));
            if (Files.notExists(worker(survivor.id()))) {
                needed.add(root.resolve("slot-" + survivor.slot()));
            }
            needed.add(generation(survivor.generation()));
            needed.addAll(register.files(survivor.id()));
        }
        if (!living.isEmpty() && plan != null) {
            needed.add(generation(plan.generation().number()));
        }
        if (!living.isEmpty()) {
            needed.add(root.resolve("sessions.lock"));
            needed.add(apps());
            needed.add(workers());
            needed.addAll(register.files());
            needed.addAll(sessions());
            deleteAll(apps(), generation -> !needed.contains(generation));
            if (Files.isDirectory(workers())) {
                deleteAll(workers(), worker -> !needed.contains(worker));
            }
        }
        deleteAll(root, file -> isOurs(file) && !needed.contains(file));
    }

    private static void deleteAll(Path directory, DirectoryStream.Filter<Path> unneeded) throws IOException {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, unneeded)) {
            for (Path file : files) {
                delete(file);
            }
        }
    }

    /** Where the owners of sessions are found; see {@code SessionPeers}. */
    private List<Path> sessions() throws IOException {
        List<Path> sockets = new ArrayList<>();
        try (DirectoryStream<Path> found = Files.newDirectoryStream(root, "sessions-*.sock")) {
            found.forEach(sockets::add);
        } catch (DirectoryIteratorException e) {
            throw e.getCause();
        }
        return sockets;
    }

    private static boolean isOurs(Path file) {
        return OURS.matcher(file.getFileName().toString()).matches();
    }

    /** Removes a file, or a directory with all that is in it; a link, not what it leads to. */
    public static void delete(Path tree) throws IOException {
        Files.walkFileTree(tree, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                Files.delete(file);
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path visited, @Nullable IOException e) throws IOException {
                Files.delete(visited);
                return FileVisitResult.CONTINUE;
            }
        });
    }

    /** A directory that holds anything else was named by mistake: it is not made private and nothing in it is removed. */
    private static void refuseForeignFiles(Path root) throws IOException, ConfigException {
        if (!Files.isDirectory(root, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        try (DirectoryStream<Path> files = Files.newDirectoryStream(root)) {
            for (Path file : files) {
                if (!isOurs(file)) {
                    throw new ConfigException("--run-dir " + root + ": holds " + file.getFileName()
                            + ", which is not of a cluster; name an empty or a new directory");
                }
            }
        }
    }

    private static void makePrivate(Path root) throws IOException, ConfigException {
        Path parent = root.getParent();
        if (parent == null) {
            throw new ConfigException("--run-dir " + root + ": name a directory of its own");
        }
        boolean posix = Files.getFileStore(existing(parent)).supportsFileAttributeView(PosixFileAttributeView.class);
        if (!Files.exists(root, LinkOption.NOFOLLOW_LINKS)) {
            if (posix) {
                Files.createDirectories(root, PosixFilePermissions.asFileAttribute(PRIVATE));
            } else {
                Files.createDirectories(root);
            }
        }
        if (!posix) {
            return;
        }
        if (parent.getFileName() != null && parent.getFileName().toString().equals("clowder-" + user())) {
            check(parent);
        }
        check(root);
        Files.setPosixFilePermissions(root, PRIVATE);
    }

    /** In /tmp anybody can have made the name before us. */
    private static void check(Path directory) throws IOException, ConfigException {
        PosixFileAttributes attributes =
                Files.readAttributes(directory, PosixFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
        if (!attributes.isDirectory()) {
            throw new ConfigException("--run-dir " + directory + ": not a directory");
        }
        if (!user().equals(String.valueOf(Files.getAttribute(directory, "unix:uid", LinkOption.NOFOLLOW_LINKS)))) {
            throw new ConfigException("--run-dir " + directory + ": belongs to "
                    + attributes.owner().getName());
        }
    }

    private static Path existing(Path path) {
        Path candidate = path;
        while (!Files.exists(candidate)) {
            Path parent = candidate.getParent();
            if (parent == null) {
                return candidate;
            }
            candidate = parent;
        }
        return candidate;
    }

    private static String user() {
        try {
            return String.valueOf(Files.getAttribute(Path.of("/proc/self"), "unix:uid"));
        } catch (IOException | UnsupportedOperationException | IllegalArgumentException e) {
            return System.getProperty("user.name");
        }
    }

    /** Why a file can't be used, in words: of many errors the message is the name of the file alone. */
    static String reason(IOException e) {
        String name = e.getClass().getSimpleName().replace("Exception", "");
        return e instanceof java.nio.file.FileSystemException f && f.getReason() == null
                ? name + ": " + f.getFile()
                : String.valueOf(e.getMessage());
    }

    /** Another cluster lives in the directory: exit code 3. */
    public static final class InUseException extends Exception {
        private static final long serialVersionUID = 1;

        InUseException(Path root, String pid) {
            super("--run-dir " + root + ": in use by another cluster (supervisor pid " + pid
                    + "); stop that one or choose another directory");
        }
    }
}
