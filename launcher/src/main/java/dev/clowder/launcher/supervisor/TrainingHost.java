package dev.clowder.launcher.supervisor;

import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Runs the process whose classes become an archive: a worker of nobody's, with a small application of its own, at low
 * priority. It ends by itself, and when this process is gone.
 */
final class TrainingHost {
    private static final String MAIN = "dev.clowder.launcher.worker.TrainingMain";
    /** Seconds are enough on an idle machine; at low priority it may get little of a busy one. */
    private static final long LIMIT_SECONDS = 300;
    /** Nobody survives SIGKILL; a disk that does not answer may hold it up. */
    private static final long DYING_SECONDS = 5;

    private static final Pattern ERROR = Pattern.compile("Exception|Error|error]");
    private static final Path NICE = Path.of("/usr/bin/nice");

    private @Nullable Process process;
    private boolean closed;

    /**
     * Returns when the archive is written.
     *
     * @param directory that it may write to, empty
     * @throws IOException if there is none; the message is for people
     */
    void run(ArchiveKind kind, Path archive, Path directory) throws IOException, InterruptedException {
        Path output = directory.resolve("output");
        Files.write(directory.resolve("classes"), OwnJvm.loadedClasses());
        Process training = start(command(kind, archive, directory), output);
        try {
            if (!training.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS)) {
                throw new IOException("the training took more than " + LIMIT_SECONDS + " s");
            }
            if (training.exitValue() != 0 || !Files.isRegularFile(archive)) {
                throw new IOException(
                        "the training made none (exit code " + training.exitValue() + ", " + cause(output) + ")");
            }
        } finally {
            end(training);
        }
    }

    /** Whether Java reaps this process itself. */
    synchronized boolean reaps(long pid) {
        return process != null && process.pid() == pid;
    }

    /** Ends it if it runs and waits for that; another one does not start. */
    void close() {
        Process last;
        synchronized (this) {
            closed = true;
            last = process;
        }
        // Without the lock: who reaps the children of this process asks for it, and is waited for here.
        if (last != null) {
            end(last);
        }
    }

    private synchronized Process start(List<String> command, Path output) throws IOException {
        if (closed) {
            throw new IOException("the cluster ends");
        }
        ProcessBuilder builder =
                new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(output.toFile());
        Systemd.hide(builder.environment());
        // Its input stays open: the end of it is the end of this process.
        process = ChildProcess.start(builder);
        return process;
    }

    private static List<String> command(ArchiveKind kind, Path archive, Path directory) {
        List<String> command = new ArrayList<>();
        if (Files.isExecutable(NICE)) {
            command.addAll(List.of(NICE.toString(), "-n", "10"));
        }
        command.add(kind.java().toString());
        command.addAll(List.of("-Xmx128m", "-XX:TieredStopAtLevel=1", "-XX:ActiveProcessorCount=1"));
        command.addAll(kind.making(archive));
        command.add("-Djava.awt.headless=true");
        command.add("-Djava.io.tmpdir=" + directory);
        command.add(JvmHost.nativeLibraries());
        command.addAll(List.of("-cp", kind.classPath(), MAIN, directory.toString()));
        return command;
    }

    private static void end(Process training) {
        List<ProcessHandle> all = Stream.concat(training.descendants(), Stream.of(training.toHandle()))
                .toList();
        all.forEach(ProcessHandle::destroyForcibly);
        // Whoever stops a cluster relies on it: nobody is left.
        CompletableFuture.allOf(all.stream().map(ProcessHandle::onExit).toArray(CompletableFuture<?>[]::new))
                .completeOnTimeout(null, DYING_SECONDS, TimeUnit.SECONDS)
                .join();
    }

    /** The first line that names an error, else the last one. */
    private static String cause(Path output) throws IOException {
        List<String> lines = Files.readString(output, Charset.defaultCharset())
                .strip()
                .lines()
                .toList();
        String last = lines.isEmpty() ? "it said nothing" : lines.get(lines.size() - 1);
        return lines.stream()
                .filter(line -> ERROR.matcher(line).find())
                .findFirst()
                .orElse(last);
    }
}
