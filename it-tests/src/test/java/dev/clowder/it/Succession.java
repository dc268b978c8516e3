package dev.clowder.it;

import static org.awaitility.Awaitility.await;

import dev.clowder.arquillian.ClowderProcess;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import java.util.stream.Stream;

/**
 * One cluster under one supervisor after the other: all of them in the same run directory and on the same port. Linux.
 * Safe for use by several threads, but one at a time changes who supervises.
 */
final class Succession implements AutoCloseable {
    private static final Duration SOON = Duration.ofSeconds(90);

    private final Path runDir;
    private final Supplier<ClowderProcess.Builder> cluster;
    // Closed at the end only: that kills workers that another one has adopted.
    private final Deque<ClowderProcess> supervisors = new ConcurrentLinkedDeque<>();

    /**
     * Starts nothing yet.
     *
     * @param cluster what each of them is to run
     */
    Succession(Path runDir, Supplier<ClowderProcess.Builder> cluster) {
        this.runDir = runDir;
        this.cluster = cluster;
    }

    /** Starts the first supervisor, or the next one on the port of the one before, and returns at once. */
    ClowderProcess start() throws IOException {
        ClowderProcess before = supervisors.peek();
        ClowderProcess next = cluster.get()
                .runDir(runDir)
                .port(before == null ? 0 : before.port())
                .start();
        supervisors.push(next);
        return next;
    }

    /** The supervisor of now, or the one that was killed last. */
    ClowderProcess current() {
        return supervisors.element();
    }

    /** Kills the supervisor (SIGKILL) and waits for its end; the workers serve on. */
    void kill() throws IOException, InterruptedException {
        ClowderProcess victim = current();
        victim.kill();
        victim.awaitExit(SOON);
    }

    /** What all supervisors wrote, line by line, oldest first. */
    List<String> outputs() {
        List<String> lines = new ArrayList<>();
        supervisors
                .descendingIterator()
                .forEachRemaining(supervisor -> supervisor.output().lines().forEach(lines::add));
        return lines;
    }

    /** What a process has open; pipes and sockets with their numbers. */
    private static List<String> open(long pid) throws IOException {
        List<String> targets = new ArrayList<>();
        try (Stream<Path> open = Files.list(Path.of("/proc", String.valueOf(pid), "fd"))) {
            for (Path descriptor : open.toList()) {
                try {
                    targets.add(Files.readSymbolicLink(descriptor).toString());
                } catch (NoSuchFileException e) {
                    // Closed since it was listed.
                }
            }
        }
        return targets;
    }

    /** What a process has open, sorted; pipes and sockets without their numbers. */
    static List<String> descriptors(long pid) throws IOException {
        return open(pid).stream()
                .map(target -> target.replaceFirst(":\\[\\d+]$", ""))
                .sorted()
                .toList();
    }

    /** The same when it has stayed the same for a while: some are opened by the first who needs them. */
    static List<String> settledDescriptors(long pid) {
        AtomicReference<List<String>> last = new AtomicReference<>(List.of());
        await("descriptors that stay the same")
                .atMost(SOON)
                .during(Duration.ofSeconds(3))
                .until(() -> {
                    List<String> now = descriptors(pid);
                    return now.equals(last.getAndSet(now));
                });
        return last.get();
    }

    /** The sockets and pipes that a process has open, each of which has a number of its own. */
    static Set<String> channels(long pid) throws IOException {
        Set<String> channels = new TreeSet<>(open(pid));
        channels.removeIf(target -> !target.matches("(socket|pipe):\\[\\d+]"));
        return channels;
    }

    /** Every process that has the run directory on its command line: supervisors, workers and commands. */
    List<Long> processes() throws IOException {
        try (Stream<Path> all = Files.list(Path.of("/proc"))) {
            return all.filter(process -> process.getFileName().toString().matches("\\d+"))
                    .filter(process -> commandLine(process).contains(runDir.toString()))
                    .map(process -> Long.valueOf(process.getFileName().toString()))
                    .toList();
        }
    }

    private static String commandLine(Path process) {
        try {
            return Files.readString(process.resolve("cmdline"), StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            // It has just ended.
            return "";
        }
    }

    /** Ends whoever is left, whichever supervisor started it. */
    @Override
    public void close() throws IOException {
        supervisors.forEach(ClowderProcess::close);
        for (long pid : processes()) {
            ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly);
        }
    }
}
