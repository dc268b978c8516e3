package dev.clowder.launcher.supervisor;

import com.sun.management.OperatingSystemMXBean;
import dev.clowder.launcher.config.ConfigException;
import dev.clowder.launcher.config.JavaCommand;
import dev.clowder.launcher.config.LauncherConfig;
import dev.clowder.launcher.config.installed.CatalinaBase;
import dev.clowder.launcher.config.installed.WorkerOptions;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Worker processes of the real operating system: one JVM each. Thread-safe. */
final class JvmHost implements Host, AutoCloseable {
    static final String WORKER_MAIN = "dev.clowder.launcher.worker.WorkerMain";

    private static final int OLDEST_JAVA = 17;

    private static final Pattern JAVA_VERSION = Pattern.compile("version \"(\\d+)");

    /**
     * What Tomcat's own start script opens to applications, and what adopting the listening socket and sharing the keys of
     * TLS session tickets need.
     */
    private static final List<String> OPENED = List.of(
            "java.base/java.lang",
            "java.base/java.lang.reflect",
            "java.base/java.io",
            "java.base/java.util",
            "java.base/java.util.concurrent",
            "java.rmi/sun.rmi.transport",
            "java.base/sun.nio.ch",
            "java.base/sun.security.ssl");

    private final LauncherConfig config;
    private final RunDirectory directory;
    private final Logs logs;
    private volatile int javaVersion;
    private final ClassArchive archive;
    private final @Nullable InstalledLaunch launch;
    private final WorkerProcesses processes = new WorkerProcesses(this::ended);
    /** Whose output it is, by id. */
    private final Map<Integer, Integer> slots = new ConcurrentHashMap<>();

    private final Prober prober;
    private volatile Consumer<Event> events = event -> {};

    JvmHost(
            LauncherConfig config,
            RunDirectory directory,
            Logs logs,
            int javaVersion,
            ClassArchive archive,
            @Nullable InstalledLaunch launch) {
        this.config = config;
        this.directory = directory;
        this.logs = logs;
        this.javaVersion = javaVersion;
        this.archive = archive;
        this.launch = launch;
        prober = new Prober(config.healthPath(), event -> events.accept(event));
    }

    /** Where the end of a process is reported; said before the first is started. */
    void reportTo(Consumer<Event> sink) {
        events = sink;
    }

    /**
     * Asks a java command for its version: a wrong one is found before anything is started.
     *
     * @throws ConfigException if it is no Java, or one too old
     */
    static int javaVersion(Path java) throws ConfigException {
        try {
            Process process =
                    ChildProcess.start(new ProcessBuilder(java.toString(), "-version").redirectErrorStream(true));
            process.getOutputStream().close();
            EarlyOutput text = new EarlyOutput(process);
            if (!process.waitFor(10, TimeUnit.SECONDS)) {
                process.destroyForcibly();
                throw new ConfigException("--java " + java + ": gave no version within 10 s");
            }
            Matcher version = JAVA_VERSION.matcher(text.get());
            if (!version.find()) {
                throw new ConfigException("--java " + java + ": not a Java virtual machine, -version gave no version");
            }
            int feature = Integer.parseInt(version.group(1));
            if (feature < OLDEST_JAVA) {
                throw new ConfigException("--java " + java + ": Java " + feature + " is too old, use 17 or newer");
            }
            return feature;
        } catch (IOException e) {
            throw new ConfigException("--java " + java + ": can't be run (" + e.getMessage() + ")");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ConfigException("--java " + java + ": interrupted");
        }
    }

    /** As {@link #javaVersion}; the command of the JVM that runs here has just shown what it is. */
    static int knownJavaVersion(Path java) throws ConfigException {
        return java.equals(JavaCommand.own()) ? Runtime.version().feature() : javaVersion(java);
    }

    @Override
    public long now() {
        return System.nanoTime();
    }

    @Override
    public Instant timeOfDay() {
        return Instant.now();
    }

    @Override
    public long spawn(int slot, int id, int workers) throws IOException {
        Path temporary = Files.createDirectories(directory.worker(id).resolve("tmp"));
        Path log = logs.target(slot);
        ProcessBuilder builder = new ProcessBuilder(command(slot, id, workers, temporary, archive.flags(javaVersion)))
                .redirectErrorStream(true)
                .redirectOutput(
                        log == null ? ProcessBuilder.Redirect.DISCARD : ProcessBuilder.Redirect.appendTo(log.toFile()));
        Systemd.hide(builder.environment());
        slots.put(id, slot);
        try {
            return processes.start(id, builder);
        } catch (IOException e) {
            slots.remove(id);
            directory.discard(directory.worker(id));
            throw e;
        }
    }

    /**
     * Takes a worker over that another supervisor started; its end arrives as {@link Event.Exited} too, with the exit
     * code if it is a child of this process, which it is after an upgrade.
     *
     * @throws IOException if the system has no thread for that
     */
    void adopt(Survivor survivor) throws IOException {
        slots.put(survivor.id(), survivor.slot());
        processes.adopt(survivor.id(), survivor.handle());
    }

    private void ended(int id, int exitValue, boolean outOfMemory) {
        directory.discard(directory.worker(id));
        Integer slot = slots.remove(id);
        if (slot != null) {
            logs.ended(slot);
        }
        events.accept(new Event.Exited(id, exitValue, outOfMemory));
    }

    @Override
    public String move(int id, int slot) {
        slots.put(id, slot);
        Path log = logs.target(slot);
        return log == null ? "" : log.toString();
    }

    /** Whether Java reaps this process itself, or a thread of {@link #adopt}. */
    boolean reaps(long pid) {
        return processes.reaps(pid);
    }

    @Override
    public void terminate(int id) {
        ProcessHandle process = processes.get(id);
        if (process != null) {
            process.destroy();
        }
    }

    @Override
    public void kill(int id) {
        processes.kill(id);
    }

    @Override
    public void dump(int id) {
        ProcessHandle process = processes.get(id);
        if (process != null) {
            Posix.kill(process.pid(), Posix.SIGQUIT);
        }
    }

    @Override
    public void probe(int id) {
        prober.probe(id, directory.intake(id, 0));
    }

    @Override
    public void prepare(int number, Wanted wanted) {
        try {
            DaemonThread.start("applications", () -> read(number, wanted));
        } catch (IOException e) {
            refuse(number, String.valueOf(e.getMessage()));
        }
    }

    private void read(int number, Wanted wanted) {
        try {
            // It may be another one by now, or none: better said before an old worker leaves.
            javaVersion = javaVersion(config.java());
            archive.renew(archiveKind());
            Generation prepared = Applications.generation(config, number, wanted.apps(), directory.generation(number));
            events.accept(new Event.Prepared(prepared, ""));
        } catch (ConfigException e) {
            refuse(number, String.valueOf(e.getMessage()));
        } catch (IOException e) {
            refuse(number, RunDirectory.reason(e));
        } catch (RuntimeException | Error e) {
            // Such as a jar that was written over: without an answer every later command would be refused.
            refuse(number, String.valueOf(e));
        }
    }

    private void refuse(int number, String why) {
        discard(number);
        events.accept(new Event.Prepared(null, why));
    }

    @Override
    public void discard(int generation) {
        directory.discard(directory.generation(generation));
    }

    @Override
    public long processorTime(int id) {
        return processes.processorTime(id);
    }

    /** Forgets all processes without touching them. */
    void leave() {
        processes.leave();
    }

    /** Kills whoever is left; after an orderly stop that is nobody. */
    @Override
    public void close() {
        prober.close();
        processes.close();
    }

    /**
     * One worker has one share of the machine, in memory as in processors. Both are asked for anew each time: the limits
     * of a container and the number of workers change while it runs.
     */
    private List<String> command(int slot, int id, int workers, Path temporary, List<String> archiveFlags) {
        InstalledLaunch installed = launch;
        List<String> own = ownOptions(slot);
        int processors = Math.max(1, Runtime.getRuntime().availableProcessors() / workers);
        List<String> command = new ArrayList<>();
        command.add(config.java().toString());
        command.add("-XX:ActiveProcessorCount=" + processors);
        command.addAll(WorkerMemory.flags(
                totalMemory(), workers + config.surge() + config.spare(), processors, config.memoryLimit(), own));
        command.add("-XX:+ExitOnOutOfMemoryError");
        command.add("-Djava.awt.headless=true");
        command.add("-Djava.util.logging.SimpleFormatter.format=%1$tFT%1$tT.%1$tL %4$s [%3$s] %5$s%6$s%n");
        command.addAll(versionFlags(javaVersion));
        command.add("-Djava.io.tmpdir=" + temporary);
        command.add(nativeLibraries());
        command.addAll(archiveFlags);
        if (installed != null) {
            command.addAll(installed.definitions());
        }
        command.addAll(own);
        command.add("-Dclowder.worker.slot=" + slot);
        command.add("-Dclowder.worker.id=" + id);
        command.add("-Dclowder.workers=" + workers);
        command.addAll(
                installed == null
                        ? List.of("-cp", classPath(), WORKER_MAIN)
                        : installed.main(classPath(), WORKER_MAIN));
        command.add(directory.control().toString());
        command.add(String.valueOf(id));
        return command;
    }

    /** The flags of a worker with one processor on which a class archive depends, when the operator adds none. */
    static List<String> standardFlags(int javaVersion) {
        List<String> flags = new ArrayList<>(WorkerMemory.flags(0, 1, 1, 0, List.of()));
        flags.addAll(versionFlags(javaVersion));
        return flags;
    }

    private static List<String> versionFlags(int javaVersion) {
        List<String> flags = new ArrayList<>();
        for (String opened : OPENED) {
            flags.add("--add-opens=" + opened + "=ALL-UNNAMED");
        }
        if (javaVersion >= 24) {
            flags.add("--enable-native-access=ALL-UNNAMED");
        } else {
            // A JVM wakes up 20 times a second for jstat, though nobody asks; 25 warns of the flag (JDK-8241701).
            flags.add("-XX:PerfDataSamplingInterval=1000");
        }
        return flags;
    }

    private List<String> ownOptions(int slot) {
        CatalinaBase installed = config.installed();
        if (installed == null) {
            return config.workerOptions();
        }
        List<String> options = new ArrayList<>(installed.startUp().options());
        options.addAll(config.workerOptions());
        return WorkerOptions.of(options, slot);
    }

    /** Where the supervisor could load Netty's library the workers can; a run directory may be mounted noexec. */
    static String nativeLibraries() {
        return "-Dio.netty.native.workdir="
                + System.getProperty("io.netty.native.workdir", System.getProperty("java.io.tmpdir"));
    }

    /** What an archive for these workers depends on: their command line but for the flags of an archive. */
    ArchiveKind archiveKind() {
        return ArchiveKind.of(
                javaVersion, config.java(), classPath(), command(0, 0, config.workers(), Path.of(""), List.of()));
    }

    @Override
    public Status.ClassArchiveStatus classArchive() {
        return archive.status();
    }

    /** Loads what the first worker's flags need. */
    static void prepare() {
        totalMemory();
    }

    /** Bytes of the machine, or of the container (cgroup version 1 or 2) if that has less; 0 if this JVM can't say. */
    private static long totalMemory() {
        return ManagementFactory.getOperatingSystemMXBean() instanceof OperatingSystemMXBean system
                ? system.getTotalMemorySize()
                : 0;
    }

    /** Of this JVM and of its workers, with absolute paths. */
    static String classPath() {
        String separator = System.getProperty("path.separator");
        List<String> absolute = new ArrayList<>();
        for (String entry : System.getProperty("java.class.path").split(Pattern.quote(separator), -1)) {
            absolute.add(Path.of(entry).toAbsolutePath().toString());
        }
        return String.join(separator, absolute);
    }

    /** Reads a short output while its process runs, so that a full pipe never stops it. */
    private static final class EarlyOutput {
        private final CompletableFuture<String> text;

        EarlyOutput(Process process) {
            text = CompletableFuture.supplyAsync(() -> {
                try (var in = process.getInputStream()) {
                    return new String(in.readNBytes(64 * 1024), Charset.defaultCharset());
                } catch (IOException e) {
                    return "";
                }
            });
        }

        String get() {
            return text.join();
        }
    }
}
