package dev.clowder.launcher.supervisor;

import dev.clowder.launcher.wire.Signals;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.LongPredicate;

/**
 * The duty of the first process of a container: every process that loses its parent becomes our child, and stays a zombie
 * until we have asked for its end. Java asks only for those that it started, and exactly those are left to it.
 *
 * <p>Awake only after a child has died. Linux.
 */
final class Reaper implements AutoCloseable {
    /** A child of Java's own is asked for within a moment of its death: one that is still there after this is not. */
    private static final long GRACE_MILLIS = 1_000;

    private final LongPredicate others;
    private final Semaphore deaths = new Semaphore(1);
    private final Thread thread = new Thread(this::run, "reaper");

    /**
     * Not started yet.
     *
     * @param others children that somebody else in this process asks for
     */
    Reaper(LongPredicate others) {
        this.others = others;
    }

    void start() {
        letJavaPrepare();
        Signals.on(List.of("CHLD"), deaths::release);
        thread.setDaemon(true);
        thread.start();
    }

    /** Before its first process Java gives this signal back its default: a handler that was there is lost. */
    private static void letJavaPrepare() {
        try {
            Class.forName("java.lang.ProcessImpl");
        } catch (ClassNotFoundException e) {
            // A JVM whose class has another name; then the first process must be one before us.
        }
    }

    /** Reaps no more. */
    @Override
    public void close() {
        thread.interrupt();
    }

    private void run() {
        try {
            while (true) {
                deaths.acquire();
                deaths.drainPermits();
                for (Set<ProcessStat> seen = zombies(); !seen.isEmpty(); seen = zombies()) {
                    TimeUnit.MILLISECONDS.sleep(GRACE_MILLIS);
                    reap(seen);
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Reaps those of the given processes that are zombies still. */
    void reap(Set<ProcessStat> seen) {
        Set<ProcessStat> still = zombies();
        still.retainAll(seen);
        still.forEach(zombie -> Posix.reap(zombie.pid()));
    }

    /** Dead children of this process for which nobody asks. */
    Set<ProcessStat> zombies() {
        long self = ProcessHandle.current().pid();
        Set<ProcessStat> zombies = new HashSet<>();
        try (DirectoryStream<Path> processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
            for (Path process : processes) {
                ProcessStat stat =
                        ProcessStat.of(Long.parseLong(process.getFileName().toString()));
                if (stat != null && stat.state() == 'Z' && stat.parent() == self && !others.test(stat.pid())) {
                    zombies.add(stat);
                }
            }
        } catch (IOException e) {
            // The next death brings us here again.
        }
        return zombies;
    }
}
