package dev.clowder.arquillian;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * How {@code java -jar clowder.jar} is called: which Java, which jar.
 *
 * @param javaHome of the launcher; its workers run on the same one unless {@code --java} says otherwise
 * @param jar {@code clowder.jar}
 */
public record Launcher(Path javaHome, Path jar) {
    // The commands are asked often and live for a moment: no second compiler, no parallel collector, no large heap.
    private static final List<String> SHORT_LIVED =
            List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx64m", "-Xshare:auto");
    private static final int KEPT = 256 * 1024;

    /**
     * What a command that ends by itself left behind.
     *
     * @param exitCode of the process
     * @param output what it wrote to standard output
     * @param errors what it wrote to standard error
     */
    public record Result(int exitCode, String output, String errors) {}

    /**
     * Checks that there is something to call.
     *
     * @throws IllegalArgumentException if the Java command or the jar is missing; the message names the path
     */
    public Launcher {
        require(java(javaHome), "no Java command");
        require(jar, "no clowder.jar");
    }

    private static void require(Path file, String otherwise) {
        if (!Files.isRegularFile(file)) {
            throw new IllegalArgumentException(otherwise + " at " + file.toAbsolutePath());
        }
    }

    /**
     * Returns the launcher on the Java of this process. The jar is that of the system property {@code clowder.jar}, else the
     * one inside this artifact. Where this artifact is only compiled, a newer {@code launcher/target/clowder.jar} in the
     * working directory, or the nearest directory above it that has one, goes first.
     *
     * @throws IllegalArgumentException if there is none; the message says where it was looked for
     */
    public static Launcher ofThisBuild() {
        return new Launcher(Path.of(System.getProperty("java.home")), findJar());
    }

    static Path findJar() {
        String configured = System.getProperty("clowder.jar");
        if (configured != null) {
            return Path.of(configured);
        }
        PackedJar packed = PackedJar.find();
        if (packed != null && packed.isInsideJar()) {
            return packed.file();
        }
        Path start = Path.of("").toAbsolutePath();
        for (@Nullable Path directory = start; directory != null; directory = directory.getParent()) {
            Path jar = directory.resolve("launcher").resolve("target").resolve("clowder.jar");
            if (Files.isRegularFile(jar)) {
                return jar;
            }
        }
        if (packed != null) {
            return packed.file();
        }
        throw new IllegalArgumentException(
                "no clowder.jar: neither the system property clowder.jar, nor one in the jar of"
                        + " this class, nor launcher/target/clowder.jar in " + start
                        + " or above it; name it with the property clowderJar");
    }

    private static Path java(Path home) {
        boolean windows = System.getProperty("os.name").startsWith("Windows");
        return home.resolve("bin").resolve(windows ? "java.exe" : "java");
    }

    /**
     * Returns a process that is not started yet. Its standard input is a pipe that stays open until this process ends
     * or closes it.
     */
    ProcessBuilder process(List<String> jvmOptions, List<String> arguments) {
        List<String> command = new ArrayList<>();
        command.add(java(javaHome).toString());
        command.addAll(jvmOptions);
        command.add("-jar");
        command.add(jar.toString());
        command.addAll(arguments);
        return new ProcessBuilder(command);
    }

    /**
     * Runs a command that ends by itself, such as {@code status}, with an empty standard input.
     *
     * @param atMost after this time it is killed, with its children
     * @throws IOException if it could not be started or did not end in time
     */
    public Result run(Duration atMost, List<String> arguments) throws IOException, InterruptedException {
        Process process = process(SHORT_LIVED, arguments).start();
        OutputTail output = new OutputTail("clowder-command-output", process.getInputStream(), KEPT);
        OutputTail errors = new OutputTail("clowder-command-errors", process.getErrorStream(), KEPT);
        try {
            closeInput(process);
            if (!process.waitFor(atMost.toMillis(), TimeUnit.MILLISECONDS)) {
                throw new IOException("clowder " + String.join(" ", arguments) + " did not end within "
                        + atMost.toSeconds() + " s; it said: " + output.text() + errors.text());
            }
            // The pipes outlive the process for a moment: what it wrote last may still be in them.
            output.awaitEnd(Duration.ofSeconds(2));
            errors.awaitEnd(Duration.ofSeconds(2));
            return new Result(process.exitValue(), output.text(), errors.text());
        } finally {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
        }
    }

    private static void closeInput(Process process) {
        try {
            process.getOutputStream().close();
        } catch (IOException e) {
            throw new UncheckedIOException("can't close the input of a process without input", e);
        }
    }
}
