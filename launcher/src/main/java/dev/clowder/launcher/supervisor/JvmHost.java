package dev.clowder.launcher.supervisor;

import dev.clowder.launcher.config.App;
import dev.clowder.launcher.config.ConfigException;
import dev.clowder.launcher.config.LauncherConfig;
import dev.clowder.launcher.wire.Message;
import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Worker processes of the real operating system: one JVM each. Thread-safe. */
final class JvmHost implements Host, AutoCloseable {
    static final String WORKER_MAIN = "dev.clowder.launcher.worker.WorkerMain";

    private static final int OLDEST_JAVA = 17;
    private static final Pattern JAVA_VERSION = Pattern.compile("version \"(\\d+)");
    /** Of the memory that the machine or the container has; the rest is for stacks, code and the page cache. */
    private static final double HEAP_SHARE = 60.0;

    /** What Tomcat's own start script opens to applications, and what adopting the listening socket needs. */
    private static final List<String> OPENED = List.of(
            "java.base/java.lang",
            "java.base/java.lang.reflect",
            "java.base/java.io",
            "java.base/java.util",
            "java.base/java.util.concurrent",
            "java.rmi/sun.rmi.transport",
            "java.base/sun.nio.ch");

    private final LauncherConfig config;
    private final RunDirectory directory;
    private final Output output;
    private final int javaVersion;
    private final Map<Integer, Process> processes = new ConcurrentHashMap<>();
    private volatile Consumer<Event> events = event -> {};

    JvmHost(LauncherConfig config, RunDirectory directory, Output output, int javaVersion) {
        this.config = config;
        this.directory = directory;
        this.output = output;
        this.javaVersion = javaVersion;
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
            Process process = new ProcessBuilder(java.toString(), "-version")
                    .redirectErrorStream(true)
                    .start();
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

    @Override
    public long now() {
        return System.nanoTime();
    }

    @Override
    public Instant timeOfDay() {
        return Instant.now();
    }

    @Override
    @SuppressWarnings("FutureReturnValueIgnored") // Reporting an event can't fail.
    public long spawn(int slot, int id) throws IOException {
        Path temporary = Files.createDirectories(directory.worker(slot, id).resolve("tmp"));
        Process process = new ProcessBuilder(command(slot, id, temporary))
                .redirectErrorStream(true)
                .start();
        processes.put(id, process);
        process.getOutputStream().close();
        output.follow(process.getInputStream(), "[" + slot + "] ");
        process.onExit().thenAccept(ended -> {
            processes.remove(id);
            directory.discard(directory.worker(slot, id));
            events.accept(new Event.Exited(id, ended.exitValue()));
        });
        return process.pid();
    }

    @Override
    public void terminate(int id) {
        Process process = processes.get(id);
        if (process != null) {
            // Not Process.destroy: that would close the pipe with the worker's last words.
            process.toHandle().destroy();
        }
    }

    @Override
    public void kill(int id) {
        Process process = processes.get(id);
        if (process != null) {
            process.toHandle().destroyForcibly();
        }
    }

    @Override
    public void dump(int id) {
        Process process = processes.get(id);
        if (process != null) {
            Posix.kill(process.pid(), Posix.SIGQUIT);
        }
    }

    @Override
    public void probe(int id) {
        events.accept(new Event.Probed(id, null));
    }

    @Override
    public void prepare(int number, List<App> apps) {
        Thread thread = new Thread(
                () -> {
                    try {
                        List<Message.Mount> mounts = Applications.expand(apps, directory.generation(number));
                        events.accept(new Event.Prepared(new Generation(number, apps, mounts), ""));
                    } catch (ConfigException | IOException e) {
                        discard(number);
                        events.accept(new Event.Prepared(null, String.valueOf(e.getMessage())));
                    }
                },
                "applications");
        thread.setDaemon(true);
        thread.start();
    }

    @Override
    public void discard(int generation) {
        directory.discard(directory.generation(generation));
    }

    @Override
    public long processorTime(int id) {
        Process process = processes.get(id);
        return process == null
                ? 0
                : process.info().totalCpuDuration().map(Duration::toNanos).orElse(0L);
    }

    /** Kills whoever is left; after an orderly stop that is nobody. */
    @Override
    public void close() {
        processes.values().forEach(process -> process.toHandle().destroyForcibly());
    }

    /**
     * One worker is one core's share of the machine: a JVM left to its defaults would claim a quarter of the memory and
     * size its collector and compiler for all cores.
     */
    private List<String> command(int slot, int id, Path temporary) {
        int processors = Math.max(1, Runtime.getRuntime().availableProcessors() / config.workers());
        List<String> command = new ArrayList<>();
        command.add(config.java().toString());
        command.add("-XX:+UseSerialGC");
        command.add("-XX:ActiveProcessorCount=" + processors);
        command.add(String.format(Locale.ROOT, "-XX:MaxRAMPercentage=%.1f", HEAP_SHARE / config.workers()));
        command.add("-XX:+ExitOnOutOfMemoryError");
        command.add("-Djava.awt.headless=true");
        command.add("-Djava.util.logging.SimpleFormatter.format=%1$tFT%1$tT.%1$tL %4$s [%3$s] %5$s%6$s%n");
        for (String opened : OPENED) {
            command.add("--add-opens=" + opened + "=ALL-UNNAMED");
        }
        if (javaVersion >= 24) {
            command.add("--enable-native-access=ALL-UNNAMED");
        }
        command.add("-Djava.io.tmpdir=" + temporary);
        // Where the supervisor could load Netty's library the workers can; a run directory may be mounted noexec.
        command.add("-Dio.netty.native.workdir="
                + System.getProperty("io.netty.native.workdir", System.getProperty("java.io.tmpdir")));
        command.addAll(config.workerOptions());
        command.add("-Dclowder.worker.slot=" + slot);
        command.add("-Dclowder.worker.id=" + id);
        command.add("-Dclowder.workers=" + config.workers());
        command.add("-cp");
        command.add(classPath());
        command.add(WORKER_MAIN);
        command.add(directory.control().toString());
        command.add(String.valueOf(id));
        return command;
    }

    private static String classPath() {
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
