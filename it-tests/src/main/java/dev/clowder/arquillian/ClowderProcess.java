package dev.clowder.arquillian;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A running {@code clowder run} with its workers, on a free port of 127.0.0.1.
 *
 * <p>Legal order: {@link #builder()}, {@link Builder#start()}, {@link #awaitReady}, anything, {@link #close()}. Whatever
 * happens in between, {@code close} leaves neither a process nor a file. If this JVM dies without it, even by SIGKILL,
 * the launcher sees the end of its standard input ({@code --stop-on-eof}) and stops. Safe for use by several threads.
 */
public final class ClowderProcess implements ClusterControl, AutoCloseable {
    private static final Duration COMMAND_TIMEOUT = Duration.ofSeconds(60);
    // Each worker is watched for some seconds before the next one is replaced.
    private static final Duration CHANGE_TIMEOUT = Duration.ofMinutes(10);
    private static final Duration KILLED_WITHIN = Duration.ofSeconds(5);
    private static final int FIRST_WITH_CACHE = 24;
    // With room for the thread dump of a busy worker.
    private static final int KEPT = 1024 * 1024;

    /** By which the JVM of another launcher uses the archive that one of them told of. */
    private static final Map<Launcher, List<String>> ARCHIVES = new ConcurrentHashMap<>();

    private final Launcher launcher;
    private final Process process;
    private final OutputTail output;
    private final OwnDirectory directory;
    private final Path runDir;
    private final ClusterWatch watch;
    private final int workers;
    private final Duration stopTimeout;
    private final Offspring offspring;
    private volatile int port;
    private volatile @Nullable RequestRelay relay;

    private ClowderProcess(Builder builder, Process process, OwnDirectory directory, Path runDir) {
        this.launcher = builder.launcher;
        this.process = process;
        this.offspring = new Offspring(process.toHandle());
        this.output = new OutputTail("clowder-output-" + process.pid(), process.getInputStream(), KEPT);
        this.directory = directory;
        this.runDir = runDir;
        this.watch = new ClusterWatch(process, output, runDir, this::note);
        this.workers = builder.workers;
        this.stopTimeout = builder.stopTimeout;
    }

    /** Returns a builder with the launcher of this build ({@link Launcher#ofThisBuild()}) and two workers. */
    public static Builder builder() {
        return new Builder(Launcher.ofThisBuild());
    }

    /** Returns a builder with two workers. */
    public static Builder builder(Launcher launcher) {
        return new Builder(launcher);
    }

    /** What is started. Not for use by several threads. */
    public static final class Builder {
        private final Launcher launcher;
        private final List<String> prefix = new ArrayList<>();
        private final List<String> jvmOptions = new ArrayList<>(List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"));
        private final List<String> arguments = new ArrayList<>();
        private final List<String> applications = new ArrayList<>();
        private final Map<String, String> environment = new HashMap<>();
        private int workers = 2;
        private int port;
        private Duration stopTimeout = Duration.ofSeconds(45);
        private Path root = Path.of(System.getProperty("java.io.tmpdir"));
        private @Nullable Path runDir;
        private @Nullable OwnDirectory directory;
        private @Nullable Path catalinaBase;

        private Builder(Launcher launcher) {
            this.launcher = launcher;
        }

        /** Sets the number of workers; default 2. With fewer processors than that, {@code --oversubscribe} is added. */
        public Builder workers(int number) {
            workers = number;
            return this;
        }

        /** Sets the port; default 0, a free one. */
        public Builder port(int number) {
            port = number;
            return this;
        }

        /** Starts the launcher through a command that becomes it, such as {@code setsid}. */
        public Builder through(String... command) {
            prefix.addAll(List.of(command));
            return this;
        }

        /** Adds options for the JVM of the launcher itself, not of its workers. */
        public Builder jvmOptions(String... options) {
            jvmOptions.addAll(List.of(options));
            return this;
        }

        /** Starts the launcher as a user would, without options for its JVM; those that are added later count. */
        public Builder plainJvm() {
            jvmOptions.clear();
            return this;
        }

        /**
         * Starts the launcher itself from the class archive of the workers too, once one has told of it. Up to Java 23, where
         * an archive does not depend on the modules that a JVM opens.
         */
        Builder fromArchive() {
            if (Runtime.version().feature() < FIRST_WITH_CACHE) {
                jvmOptions.addAll(ARCHIVES.getOrDefault(launcher, List.of()));
            }
            return this;
        }

        /** Sets a variable of the environment, beside those of this process. */
        public Builder environment(String name, String value) {
            environment.put(name, value);
            return this;
        }

        /** Adds options of {@code run}. */
        public Builder arguments(List<String> options) {
            arguments.addAll(options);
            return this;
        }

        /** Adds options of {@code run}. */
        public Builder arguments(String... options) {
            return arguments(List.of(options));
        }

        /** Adds an application, a WAR or an exploded directory, at a path such as {@code /shop} or {@code /}. */
        public Builder application(String path, Path application) {
            applications.add(path + "=" + application.toAbsolutePath());
            return this;
        }

        /** Runs an installed Tomcat, on the ports of its {@code server.xml}, instead of applications. */
        public Builder catalinaBase(Path base) {
            catalinaBase = base;
            return this;
        }

        /** Sets the directory below which files are put; default that of {@code java.io.tmpdir}. */
        public Builder root(Path existing) {
            root = existing;
            return this;
        }

        /** Sets the run directory, which is then kept; default one of its own that is removed at the end. */
        public Builder runDir(Path kept) {
            runDir = kept;
            return this;
        }

        /** Sets the directory of its files, which is removed at the end. */
        Builder directory(OwnDirectory own) {
            directory = own;
            return this;
        }

        /** Sets how long {@link ClowderProcess#close} waits for a graceful stop; default 45 s. */
        public Builder stopTimeout(Duration atMost) {
            stopTimeout = atMost;
            return this;
        }

        /**
         * Starts the launcher and returns at once.
         *
         * @throws IOException if there is no such Java or no room for files
         */
        public ClowderProcess start() throws IOException {
            OwnDirectory own = directory == null ? OwnDirectory.in(root) : directory;
            try {
                Path here = runDir == null ? own.path().resolve("run") : runDir;
                ProcessBuilder run = launcher.process(jvmOptions, command(here)).redirectErrorStream(true);
                run.command().addAll(0, prefix);
                run.environment().putAll(environment);
                Process process = run.start();
                return new ClowderProcess(this, process, own, here);
            } catch (IOException | RuntimeException e) {
                own.remove();
                throw e;
            }
        }

        private List<String> command(Path here) {
            List<String> command = new ArrayList<>(List.of("run"));
            if (catalinaBase == null) {
                command.addAll(List.of("--port", String.valueOf(port), "--address", "127.0.0.1"));
            } else {
                command.addAll(List.of("--catalina-base", catalinaBase.toString()));
            }
            command.addAll(List.of("--workers", String.valueOf(workers), "--run-dir", here.toString()));
            command.addAll(List.of("--expose-worker", "--stop-on-eof"));
            // Workers of a test do not live long enough for the second compiler to pay.
            command.add("--worker-opts=-XX:TieredStopAtLevel=1");
            if (Runtime.getRuntime().availableProcessors() < workers) {
                command.add("--oversubscribe");
            }
            command.addAll(arguments);
            command.addAll(applications);
            return command;
        }
    }

    @Override
    public ClusterStatus awaitReady(Duration atMost) throws IOException, InterruptedException {
        return watch.await("ready", status -> status.isReady(workers), atMost);
    }

    /**
     * Waits until the launcher has made its class archive, or there is one, or there will be none.
     *
     * @throws IOException if it takes longer, or the launcher ends
     */
    void awaitArchive(Duration atMost) throws IOException, InterruptedException {
        ClusterStatus status = watch.await(
                "done with its class archive", last -> !last.supervisor().makesArchive(), atMost);
        ARCHIVES.put(launcher, status.supervisor().archiveOptions());
    }

    private void note(ClusterStatus status) {
        status.listeners().stream().findFirst().ifPresent(listener -> port = listener.port());
        status.workers().forEach(worker -> offspring.note(worker.pid()));
        offspring.look();
    }

    @Override
    public ClusterStatus status() throws IOException {
        return watch.status();
    }

    /**
     * Asks the cluster for its status, as the text that {@code status --json} prints.
     *
     * @throws IOException if it does not answer
     */
    public String statusJson() throws IOException {
        return watch.statusJson();
    }

    @Override
    public void kill(int slot) throws IOException, InterruptedException {
        ClusterStatus.Worker victim = status().worker(slot);
        ProcessHandle.of(victim.pid())
                .filter(process -> victim.pid() != 0)
                .orElseThrow(() -> new IOException(
                        "slot " + slot + " has no process that could be killed: it is " + victim.state()))
                .destroyForcibly();
        watch.await(
                "aware of the death of worker " + slot + "/" + victim.id(),
                status -> status.worker(slot).pid() != victim.pid(),
                COMMAND_TIMEOUT);
    }

    @Override
    public void reload() throws IOException {
        watch.ask(CHANGE_TIMEOUT, "reload");
    }

    @Override
    public void restart(int slot) throws IOException {
        watch.ask(CHANGE_TIMEOUT, "restart", String.valueOf(slot));
    }

    @Override
    public String threads(int slot) throws IOException {
        return watch.ask(COMMAND_TIMEOUT, "threads", String.valueOf(slot));
    }

    /** Runs another command against this cluster, for example {@code threads 1}. */
    public Launcher.Result command(String name, String... arguments) throws IOException, InterruptedException {
        return command(COMMAND_TIMEOUT, name, arguments);
    }

    /** Runs a command that takes its time, for example {@code reload}. */
    public Launcher.Result command(Duration atMost, String name, String... arguments)
            throws IOException, InterruptedException {
        List<String> all = new ArrayList<>(List.of(name, "--run-dir", runDir.toString()));
        all.addAll(List.of(arguments));
        return launcher.run(atMost, all);
    }

    /** Puts a relay in front, whose address clients are then given; it is closed with the cluster. */
    void relayThrough(RequestRelay inFront) {
        relay = inFront;
    }

    /**
     * {@inheritDoc}
     *
     * @throws IllegalStateException before the port is known, that is before {@link #awaitReady}
     */
    @Override
    public URI uri(String path) {
        RequestRelay inFront = relay;
        return URI.create("http://127.0.0.1:" + (inFront == null ? port() : inFront.port()) + path);
    }

    /**
     * Returns the port of the cluster itself.
     *
     * @throws IllegalStateException before it is known, that is before {@link #awaitReady}
     */
    public int port() {
        if (port == 0) {
            throw new IllegalStateException("the port is known when the cluster is ready");
        }
        return port;
    }

    /** Returns the launcher process. */
    public ProcessHandle handle() {
        return process.toHandle();
    }

    /** Returns the run directory. */
    public Path runDir() {
        return runDir;
    }

    @Override
    public String output() {
        return output.text();
    }

    /**
     * Stops reading what the launcher writes, as a terminal does after Ctrl-S, or goes on: for tests of what happens when
     * nobody reads.
     */
    public void pauseOutput(boolean wanted) {
        output.pause(wanted);
    }

    /** Returns the processes below the launcher that were ever seen and still live. */
    public List<ProcessHandle> children() {
        return offspring.living();
    }

    /** Sends SIGTERM to the launcher and returns at once. */
    public void terminate() {
        offspring.look();
        // Not Process.destroy(): that closes the pipes as well, and the launcher's last words would be lost.
        process.toHandle().destroy();
    }

    /** Sends SIGKILL to the launcher, not to its workers, and returns at once. */
    public void kill() {
        offspring.look();
        process.toHandle().destroyForcibly();
    }

    /** Ends the standard input of the launcher, which is what it sees when this JVM dies, and returns at once. */
    public void endInput() throws IOException {
        offspring.look();
        process.getOutputStream().close();
    }

    /**
     * Waits for the end of the launcher.
     *
     * @return its exit code; 128 plus the number of the signal if it was killed by one
     * @throws IOException if it does not end in time
     */
    public int awaitExit(Duration atMost) throws IOException, InterruptedException {
        if (!process.waitFor(atMost.toMillis(), TimeUnit.MILLISECONDS)) {
            throw new IOException(watch.report("the launcher did not end within " + atMost.toSeconds() + " s"));
        }
        return watch.exitCodeWithOutput();
    }

    /**
     * Stops the launcher by SIGTERM, kills it and its workers if that takes too long, and removes the files. Does nothing
     * more if it is called again, or for what is already dead.
     */
    @Override
    public void close() {
        RequestRelay inFront = relay;
        if (inFront != null) {
            inFront.close();
        }
        try {
            pauseOutput(false);
            terminate();
            process.waitFor(stopTimeout.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            // The deadline of somebody else is over: no time for grace.
            Thread.currentThread().interrupt();
        } finally {
            kill();
            offspring.kill();
            // Files are removed when nobody is left who could still write some.
            offspring.awaitDeath(KILLED_WITHIN);
            directory.remove();
        }
    }
}
