package dev.clowder.benchmark;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** A program that has other processes work for it, and ends with its standard input: a pipe from this JVM. */
final class Program implements AutoCloseable {
    private static final Duration STOPPED_WITHIN = Duration.ofSeconds(30);

    private final ProcessBuilder run;
    private final Path log;
    private @Nullable Process process;

    /**
     * Starts nothing yet.
     *
     * @param log where its output goes
     */
    Program(List<String> command, Path log) {
        this.log = log;
        run = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
    }

    void start() throws IOException {
        process = run.start();
    }

    private Process started() {
        if (process == null) {
            throw new IllegalStateException("not started");
        }
        return process;
    }

    ProcessHandle handle() {
        return started().toHandle();
    }

    List<ProcessHandle> others() {
        return started().descendants().toList();
    }

    boolean isAlive() {
        return started().isAlive();
    }

    String output() throws IOException {
        return Files.readString(log);
    }

    /** Asks it to stop, and kills it and the others if it does not. */
    @Override
    public void close() {
        if (process == null) {
            return;
        }
        List<ProcessHandle> others = others();
        process.destroy();
        try {
            process.waitFor(STOPPED_WITHIN.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            others.forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
        }
    }
}
