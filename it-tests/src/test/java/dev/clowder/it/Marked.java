package dev.clowder.it;

import dev.clowder.arquillian.Launcher;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Runs a command to its end and finds every process it started, even those whose parent is gone: they all inherit one
 * variable of the environment, which Linux shows in {@code /proc}.
 */
final class Marked {
    private static final String VARIABLE = "MARKED_BY_THE_TEST";

    private final String mark = UUID.randomUUID().toString();

    /** Runs {@code java -jar clowder.jar} with these arguments. */
    Launcher.Result clowder(Duration atMost, List<String> arguments) throws IOException, InterruptedException {
        Launcher launcher = Launcher.ofThisBuild();
        List<String> command = new ArrayList<>(List.of(
                launcher.javaHome().resolve("bin").resolve("java").toString(), "-XX:TieredStopAtLevel=1", "-jar"));
        command.add(launcher.jar().toString());
        command.addAll(arguments);
        return run(atMost, command);
    }

    /** Runs any command, with an empty standard input; afterwards nobody who has the mark is alive. */
    Launcher.Result run(Duration atMost, List<String> command) throws IOException, InterruptedException {
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().put(VARIABLE, mark);
        Process process = builder.start();
        CompletableFuture<String> output = text(process.getInputStream());
        CompletableFuture<String> errors = text(process.getErrorStream());
        try {
            process.getOutputStream().close();
            if (!process.waitFor(atMost.toMillis(), TimeUnit.MILLISECONDS)) {
                throw new AssertionError(command + " did not end within " + atMost);
            }
            List<Long> left = pids();
            if (!left.isEmpty()) {
                throw new AssertionError(command + " left processes behind: " + left);
            }
            return new Launcher.Result(process.exitValue(), output.join(), errors.join());
        } finally {
            process.destroyForcibly();
            pids().forEach(pid -> ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly));
        }
    }

    private static CompletableFuture<String> text(InputStream in) {
        CompletableFuture<String> text = new CompletableFuture<>();
        Thread reader = new Thread(() -> {
            try (in) {
                text.complete(new String(in.readAllBytes(), StandardCharsets.UTF_8));
            } catch (IOException e) {
                text.completeExceptionally(e);
            }
        });
        reader.setDaemon(true);
        reader.start();
        return text;
    }

    /** The living processes that have the mark. */
    private List<Long> pids() {
        try (Stream<Path> processes = Files.list(Path.of("/proc"))) {
            return processes
                    .filter(directory -> directory.getFileName().toString().matches("\\d+"))
                    .filter(this::hasMark)
                    .map(directory -> Long.valueOf(directory.getFileName().toString()))
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private boolean hasMark(Path process) {
        try {
            return Files.readString(process.resolve("environ"), StandardCharsets.ISO_8859_1)
                    .contains(mark);
        } catch (IOException e) {
            // It ended in between, or it is somebody else's.
            return false;
        }
    }
}
