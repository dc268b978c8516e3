package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A program that stays in the foreground until it is told to end. If this JVM dies, even by SIGKILL, it dies too. */
final class Foreground implements AutoCloseable {
    private static final Duration SOON = Duration.ofSeconds(60);

    // Ends with its input, a pipe from this JVM that the system closes however this JVM dies. The program gets the
    // signals that are sent to the shell.
    private static final String UNTIL_END_OF_INPUT = """
            exec 3<&0
            "$@" </dev/null 3<&- &
            program=$!
            trap 'kill -TERM $program' TERM
            (cat <&3 >/dev/null; kill -KILL $program) >/dev/null 2>&1 &
            exec 3<&-
            wait $program
            code=$?
            # The signal ended the waiting, not yet the program.
            [ $code -ne 143 ] || { wait $program; code=$?; }
            exit $code
            """;

    private final Process process;
    private final Path output;

    private Foreground(Process process, Path output) {
        this.process = process;
        this.output = output;
    }

    /** Starts it in this directory, where a file gets its output. */
    static Foreground start(Path directory, List<String> command) throws IOException {
        List<String> all = new ArrayList<>(List.of("sh", "-c", UNTIL_END_OF_INPUT, "foreground"));
        all.addAll(command);
        Path output = Files.createTempFile(directory, "output", ".txt");
        return new Foreground(
                new ProcessBuilder(all)
                        .directory(directory.toFile())
                        .redirectErrorStream(true)
                        .redirectOutput(output.toFile())
                        .start(),
                output);
    }

    /** Waits until somebody listens on this port of 127.0.0.1. */
    Foreground awaitPort(int port) {
        await("port " + port).atMost(SOON).until(() -> {
            assertThat(process.isAlive()).as(output()).isTrue();
            try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
                return socket.isConnected();
            } catch (IOException e) {
                return false;
            }
        });
        return this;
    }

    /** What it has written so far. */
    String output() throws IOException {
        return Files.readString(output);
    }

    /** Sends SIGTERM and returns the exit code. */
    int terminate() throws InterruptedException {
        process.toHandle().destroy();
        assertThat(process.waitFor(SOON.toSeconds(), TimeUnit.SECONDS))
                .as("it ends")
                .isTrue();
        return process.exitValue();
    }

    @Override
    public void close() throws IOException {
        process.getOutputStream().close();
        try {
            process.waitFor(SOON.toSeconds(), TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
        }
    }

    /** The path of a program of the system; those of administrators count too. */
    static String find(String program, String installed) {
        String path = System.getenv("PATH") + File.pathSeparator + "/usr/sbin" + File.pathSeparator + "/usr/local/sbin";
        for (String directory : path.split(File.pathSeparator, -1)) {
            Path file = Path.of(directory, program);
            if (Files.isRegularFile(file) && Files.isExecutable(file)) {
                return file.toString();
            }
        }
        throw new AssertionError("this machine has no " + program + "; install it with: " + installed);
    }

    /** A port on which nobody listens. */
    static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }
}
