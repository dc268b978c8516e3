package dev.clowder.launcher.check;

import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.clowder.launcher.Cluster;
import dev.clowder.launcher.config.ConfigException;
import dev.clowder.launcher.supervisor.RunningCluster.StartException;
import dev.clowder.launcher.supervisor.Status;
import dev.clowder.launcher.wire.Observed;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** The cluster under test, in this process, with workers that tell what they see. */
final class CheckedCluster implements AutoCloseable {
    private static final ObjectReader JSON = new JsonMapper().readerFor(Observed.class);
    private static final long REQUEST_SECONDS = 5;
    private static final long REPORT_SECONDS = 60;
    private static final int MOST_TRIES = 500;
    private static final long LOOK_AGAIN_MILLIS = 200;
    /** So often a worker may fail to start before the others are thought to be in its way. */
    private static final int FAILED_STARTS = 2;

    /** To be up soon is worth more here than to be fast later. */
    private static final String FLAGS = "-XX:TieredStopAtLevel=1 -Dclowder.check=";

    private final String secret;
    private final LogEnds log;
    private final int workers;
    private final long bootNanos;
    private final Semaphore changed = new Semaphore(0);
    private final Cluster cluster;

    private CheckedCluster(CheckOptions options, int workers, Path runDir, String workerOptions)
            throws ConfigException, StartException {
        this.workers = workers;
        bootNanos = options.bootTimeout().toNanos();
        secret = UUID.randomUUID().toString();
        log = new LogEnds();
        List<String> arguments = new ArrayList<>(List.of("--port", "0", "--address", "127.0.0.1", "--oversubscribe"));
        arguments.addAll(List.of("--run-dir", runDir.toString(), "--workers", String.valueOf(workers)));
        arguments.addAll(List.of("--sessions", options.sessions(), "--drain-timeout", "10s"));
        // Connections go to the workers by turns, so that the wished one is found soon.
        boolean linux = System.getProperty("os.name").startsWith("Linux");
        arguments.addAll(List.of("--accept", linux ? "round-robin" : "relay"));
        arguments.addAll(List.of("--boot-timeout", options.bootTimeout().toMillis() + "ms"));
        arguments.addAll(List.of("--worker-opts", (FLAGS + secret + " " + workerOptions).trim()));
        options.java().ifPresent(java -> arguments.addAll(List.of("--java", java)));
        arguments.add(options.app());
        cluster = Cluster.start(log, event -> changed.release(), arguments.toArray(String[]::new));
    }

    /**
     * Starts it, and waits until all workers are ready.
     *
     * @throws ConfigException if the command line is wrong
     * @throws NotStartedException if no worker became ready, or not all of them
     */
    static CheckedCluster start(CheckOptions options, int workers, Path runDir, String workerOptions)
            throws ConfigException, NotStartedException, IOException {
        CheckedCluster started;
        try {
            started = new CheckedCluster(options, workers, runDir, workerOptions);
        } catch (StartException e) {
            throw new NotStartedException(String.valueOf(e.getMessage()), false, "");
        }
        boolean ready = false;
        try {
            started.awaitReady();
            ready = true;
            return started;
        } finally {
            if (!ready) {
                started.close();
            }
        }
    }

    /** Waits until each slot has a worker that takes clients, and none but that. */
    void awaitReady() throws NotStartedException, IOException {
        long deadline = System.nanoTime() + 2 * bootNanos;
        Map<Integer, Integer> before = new HashMap<>();
        while (true) {
            if (cluster.exitCode().isDone()) {
                throw new NotStartedException(reason(), false, log());
            }
            List<Status.WorkerStatus> all = cluster.status().workers();
            boolean someReady = all.stream().anyMatch(worker -> worker.state().equals("READY"));
            if (all.size() == workers
                    && all.stream().allMatch(worker -> worker.state().equals("READY"))) {
                return;
            }
            boolean failing = all.stream()
                    .anyMatch(worker -> !worker.state().equals("READY")
                            && worker.restarts() - before.computeIfAbsent(worker.slot(), slot -> worker.restarts())
                                    >= FAILED_STARTS);
            if (failing || System.nanoTime() > deadline) {
                throw new NotStartedException(reason(), someReady, log());
            }
            pause();
        }
    }

    /** Until something happens to a worker, or for a moment. */
    private void pause() throws IOException {
        try {
            if (changed.tryAcquire(LOOK_AGAIN_MILLIS, TimeUnit.MILLISECONDS)) {
                changed.drainPermits();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    private String reason() {
        String text = log();
        return text.lines()
                .filter(line -> line.contains("can't start: ") || line.contains("did not start"))
                .reduce((first, last) -> last)
                .map(line -> line.replaceFirst("^\\S+ clowder: (can't start: )?", ""))
                .orElse("its workers are not ready within "
                        + Duration.ofNanos(2 * bootNanos).toSeconds() + " s");
    }

    int workers() {
        return workers;
    }

    int port() {
        return cluster.address().getPort();
    }

    /** What the cluster and its workers have written; of much the beginning and the end. */
    String log() {
        return log.text();
    }

    /** A connection that this worker has accepted. */
    HttpConnection connect(int slot) throws IOException {
        return connect(slot, REQUEST_SECONDS);
    }

    private HttpConnection connect(int slot, long patience) throws IOException {
        // Nothing in a connection notices that the check is told to end, and there are many of them.
        if (Thread.currentThread().isInterrupted()) {
            throw new IOException("interrupted");
        }
        for (int i = 0; i < MOST_TRIES; i++) {
            HttpConnection connection = HttpConnection.open(port(), patience);
            boolean found = false;
            try {
                Answer who = connection.exchange(Step.get("/"), List.of(question("who")));
                found = who.header("x-clowder-worker").startsWith(slot + "/");
                if (found) {
                    return connection;
                }
            } finally {
                if (!found) {
                    connection.close();
                }
            }
        }
        throw new IOException("worker " + slot + " took none of " + MOST_TRIES + " connections");
    }

    /**
     * Asks a worker for {@code memory}, {@code observed}, {@code fresh} or {@code undeploy}. The last two take the time of a
     * start or stop of the application.
     */
    Observed ask(int slot, String what) throws IOException {
        try (HttpConnection connection =
                connect(slot, Math.max(REPORT_SECONDS, TimeUnit.NANOSECONDS.toSeconds(2 * bootNanos)))) {
            Answer answer = connection.exchange(Step.get("/"), List.of(question(what)));
            if (answer.status() != 200) {
                throw new IOException("worker " + slot + " answered " + answer.status() + " to the checker");
            }
            return JSON.readValue(answer.body());
        }
    }

    /**
     * Starts the application in each worker again, so that it remembers nothing: in the same process, which is faster than
     * to replace that, or by a reload where it does not start a second time.
     *
     * @return whether it did in the same process
     */
    boolean fresh() throws IOException, NotStartedException {
        boolean again = true;
        for (int slot = 1; slot <= workers; slot++) {
            again &= ask(slot, "fresh").leaks().isEmpty();
        }
        if (!again) {
            reload();
        }
        return again;
    }

    private String question(String what) {
        return "X-Clowder-Check: " + secret + " " + what;
    }

    /** Replaces all workers. */
    void reload() throws IOException, NotStartedException {
        int code;
        try {
            code = cluster.ask("reload").get(2L * workers * bootNanos, TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        } catch (ExecutionException | TimeoutException e) {
            throw new IOException("the reload did not end: " + e, e);
        }
        if (code != 0) {
            throw new NotStartedException("a reload was refused by its new workers: " + reason(), true, log());
        }
        awaitReady();
    }

    /** Kills the worker of a slot and waits for the next one. */
    void kill(int slot) throws IOException, NotStartedException {
        Status.WorkerStatus victim = worker(slot);
        ProcessHandle.of(victim.pid()).ifPresent(ProcessHandle::destroyForcibly);
        long deadline = System.nanoTime() + 2 * bootNanos;
        while (worker(slot).id() == victim.id()) {
            if (System.nanoTime() > deadline) {
                throw new NotStartedException("worker " + slot + " was killed and not replaced", true, log());
            }
            pause();
        }
        awaitReady();
    }

    private Status.WorkerStatus worker(int slot) throws IOException {
        return cluster.status().workers().stream()
                .filter(worker -> worker.slot() == slot)
                .findFirst()
                .orElseThrow(() -> new IOException("there is no slot " + slot));
    }

    /** Whether a worker ended because its heap was full, and for no other reason. */
    boolean ranOutOfMemory() throws IOException {
        return cluster.status().workers().stream()
                .map(Status.WorkerStatus::lastExit)
                .anyMatch(exit -> exit != null
                        && (exit.reason().contains("out of memory")
                                || exit.reason().startsWith("heap exhausted")));
    }

    /** Ends at once; nobody is served any more. */
    @Override
    public void close() {
        cluster.stopNow();
        cluster.close();
    }

    /** The application can't be run. */
    static final class NotStartedException extends Exception {
        private static final long serialVersionUID = 1;

        private final boolean someReady;
        private final String log;

        NotStartedException(String message, boolean someReady, String log) {
            super(message);
            this.someReady = someReady;
            this.log = log;
        }

        /** Whether other workers of it run. */
        boolean someReady() {
            return someReady;
        }

        String log() {
            return log;
        }
    }
}
