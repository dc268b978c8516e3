package dev.clowder.launcher.supervisor;

import dev.clowder.launcher.config.LauncherConfig;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The class-data archive of the workers: their JVMs map the classes of Tomcat and of the launcher from one file, which they
 * share, instead of reading and verifying each at every start. The first cluster of a user makes it in the background when
 * its workers are ready; workers that start later, and later clusters, use it. Whatever is wrong with it, workers start
 * without it, and {@code status} says why.
 *
 * <p>Stands in front of another observer: it learns there when workers are ready and which JVM has really taken the
 * archive. The classes of the supervisor are in it as well, see {@link OwnJvm}. Thread-safe.
 */
final class ClassArchive implements Observer, AutoCloseable {
    /** A JVM that ends like this before it is ready may have been misled by what it mapped. */
    private static final Set<String> CRASHES = Set.of("SIGSEGV", "SIGBUS", "SIGABRT", "SIGILL");

    /** What a worker has made of the archive. */
    private enum Use {
        MAPPED,
        STARTED_WITHOUT,
        NOT_TAKEN
    }

    private final Observer next;
    private final TrainingHost training = new TrainingHost();
    private final Map<Long, Use> uses = new ConcurrentHashMap<>();
    /** Started with the archive and not ready yet. */
    private final Set<Long> booting = ConcurrentHashMap.newKeySet();

    /** Those of them that have said nothing yet: perhaps their JVM does not even start. */
    private final Set<Long> silent = ConcurrentHashMap.newKeySet();

    /** Whether the worker that was started last got the archive. Of the supervisor's thread. */
    private boolean given;

    private @Nullable ArchiveDirectory directory;
    private volatile @Nullable ArchiveKind kind;
    private volatile String key = "";
    private Path scratch = Path.of("");
    private volatile @Nullable Path archive;
    /** Why it is not used; empty while there is hope. */
    private volatile String off = "not wanted yet";

    private volatile @Nullable Thread maker;

    ClassArchive(Observer next) {
        this.next = next;
    }

    /**
     * Looks for an archive; from now on one is made if there is none. Before the first worker is started.
     *
     * @param scratch a directory that the making may write to and remove
     */
    void begin(LauncherConfig config, ArchiveKind what, Map<String, String> environment, Path scratch) {
        if (!config.classArchive()) {
            off = "--class-archive off";
            return;
        }
        if (config.installed() != null) {
            off = "an installed Tomcat finds its classes in its own way, of which no archive can hold";
            return;
        }
        this.scratch = scratch;
        String obstacle = what.obstacle(config.workerOptions());
        if (obstacle != null) {
            off = obstacle;
            return;
        }
        try {
            ArchiveDirectory opened = ArchiveDirectory.open(ArchiveDirectory.path(environment));
            directory = opened;
            key = what.key();
            archive = opened.find(key);
            kind = what;
            off = "";
        } catch (IOException e) {
            giveUp(String.valueOf(e.getMessage()));
        }
    }

    /**
     * For a reload: if the JVM or a jar is another one by now, another archive is used, or made. Does nothing where there
     * can be none.
     */
    synchronized void renew(ArchiveKind what) {
        ArchiveDirectory here = directory;
        if (here == null) {
            return;
        }
        try {
            String another = what.key();
            if (!another.equals(key)) {
                archive = here.find(another);
                kind = what;
                key = another;
                off = "";
            }
        } catch (IOException e) {
            giveUp(String.valueOf(e.getMessage()));
        }
    }

    /**
     * What the worker that starts next gets on its command line; nothing if there is no archive. One that has vanished is
     * made again. For the thread that starts workers and reports it.
     *
     * @param javaVersion of its JVM, which may have been replaced by another since
     */
    List<String> flags(int javaVersion) {
        Path file = archive;
        ArchiveKind what = kind;
        if (file != null && !Files.isReadable(file)) {
            archive = null;
            file = null;
        }
        List<String> flags = file == null || what == null || what.javaVersion() != javaVersion || !off.isEmpty()
                ? List.of()
                : what.using(file);
        given = !flags.isEmpty();
        return flags;
    }

    /** Whether Java reaps this process itself. */
    boolean reaps(long pid) {
        return training.reaps(pid);
    }

    /** For {@code status}. Any thread; does not wait. */
    Status.ClassArchiveStatus status() {
        if (!off.isEmpty()) {
            return Status.ClassArchiveStatus.off(off);
        }
        Path file = archive;
        ArchiveKind what = kind;
        if (file == null || what == null) {
            return new Status.ClassArchiveStatus("making", "workers start without it until it is made", List.of());
        }
        long all = uses.size();
        long mapped = uses.values().stream().filter(use -> use == Use.MAPPED).count();
        String reason =
                mapped == all ? "" : "by " + mapped + " of " + all + " workers, the others started before it was there";
        return new Status.ClassArchiveStatus(mapped > 0 ? "used" : "ready", reason, what.using(file));
    }

    @Override
    public void log(String line) {
        next.log(line);
    }

    @Override
    public void event(ClusterEvent event) {
        next.event(event);
        // A spare has booted long before it listens to clients, if it ever does.
        boolean booted =
                event.event().equals("placed") || (event.event().equals("exited") && !"start".equals(event.cause()));
        if (booted && event.pid() != null) {
            booting.remove(event.pid());
        }
    }

    @Override
    public void changed(WorkerEvent event) {
        next.changed(event);
        switch (event.kind()) {
            case FORKED -> {
                if (given) {
                    booting.add(event.pid());
                    silent.add(event.pid());
                }
            }
            case LISTENING -> {
                booting.remove(event.pid());
                try {
                    DaemonThread.start("look at a class archive", () -> look(event.pid(), archive));
                } catch (IOException e) {
                    // It is not known then who uses it.
                }
            }
            case EXITED -> {
                uses.remove(event.pid());
                ended(event.exit(), booting.remove(event.pid()), silent.remove(event.pid()));
            }
            case ONLINE -> silent.remove(event.pid());
            case DISCONNECTED -> {}
        }
    }

    /** As soon as everybody serves there is time to make one. */
    @Override
    public void state(State state, int ready, int wanted) {
        next.state(state, ready, wanted);
        if (off.isEmpty() && archive == null && !isMaking() && state == State.RUNNING && ready >= wanted) {
            try {
                maker = DaemonThread.start("class archive", this::make);
            } catch (IOException e) {
                // Next time.
            }
        }
    }

    /** What a reload asks for meanwhile is made when the workers are looked at next. */
    private boolean isMaking() {
        Thread thread = maker;
        return thread != null && thread.isAlive();
    }

    @Override
    public long awake(long now) {
        return next.awake(now);
    }

    /** Ends the making of one; the archive stays for others. */
    @Override
    public void close() {
        off = off.isEmpty() ? "the cluster ends" : off;
        training.close();
        Thread thread = maker;
        if (thread != null) {
            thread.interrupt();
            try {
                thread.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private void make() {
        ArchiveDirectory here = directory;
        ArchiveKind what;
        String wanted;
        synchronized (this) {
            what = kind;
            wanted = key;
        }
        if (here == null || what == null) {
            return;
        }
        try {
            made(wanted, here.make(wanted, file -> {
                Files.createDirectory(scratch);
                try {
                    training.run(what, file, scratch);
                } finally {
                    RunDirectory.delete(scratch);
                }
            }));
        } catch (IOException e) {
            giveUp(String.valueOf(e.getMessage()));
        } catch (InterruptedException e) {
            // The end.
        }
    }

    /** Unless a reload has found that another one is wanted. */
    private synchronized void made(String wanted, Path file) {
        if (wanted.equals(key)) {
            archive = file;
        }
    }

    private synchronized void giveUp(String reason) {
        if (!off.isEmpty() && kind != null) {
            return;
        }
        off = reason;
        next.log("no class archive, workers start without it: " + reason);
    }

    /** Asks the kernel what this JVM has mapped; where there is no /proc, it is believed. */
    private void look(long pid, @Nullable Path file) {
        Path process = Path.of("/proc", String.valueOf(pid));
        Use use = Use.STARTED_WITHOUT;
        try {
            if (file != null && read(process.resolve("cmdline")).contains("=" + file + "\0")) {
                use = read(process.resolve("maps")).contains(file.toString()) ? Use.MAPPED : Use.NOT_TAKEN;
            }
        } catch (IOException e) {
            // It has died already.
            return;
        }
        if (use == Use.NOT_TAKEN) {
            giveUp(
                    hasChanged()
                            ? "the workers' JVM or a jar has changed since it was made; a reload makes another"
                            : "the workers' JVM does not take it; --worker-opts may be at odds with class-data sharing");
        }
        uses.put(pid, use);
        if (ProcessHandle.of(pid).isEmpty()) {
            uses.remove(pid);
        }
    }

    private boolean hasChanged() {
        ArchiveKind what = kind;
        try {
            return what != null && !what.key().equals(key);
        } catch (IOException e) {
            return true;
        }
    }

    private static String read(Path file) throws IOException {
        return new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1);
    }

    /** A worker that can't start with the archive must be able to start without. */
    private void ended(@Nullable Exit exit, boolean wasBooting, boolean wasSilent) {
        Path file = archive;
        if (exit == null || file == null || !off.isEmpty()) {
            return;
        }
        if (wasBooting && exit.signal() != null && CRASHES.contains(exit.signal())) {
            // The next cluster makes another.
            ArchiveDirectory.discard(file);
            giveUp("a worker that started with it crashed");
        } else if (wasSilent && exit.code() != null) {
            giveUp("a worker's JVM did not start with it; --worker-opts may be at odds with class-data sharing");
        }
    }
}
