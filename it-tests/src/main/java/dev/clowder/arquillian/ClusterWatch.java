package dev.clowder.arquillian;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/**
 * What a launcher process says of its cluster, in its output and on its control socket, and waiting for it to say
 * something. Safe for use by several threads.
 */
final class ClusterWatch {
    private static final Duration COMMAND_TIMEOUT = Duration.ofSeconds(60);
    // The launcher is asked at once when it says something of its own, and else after this time.
    private static final Duration ASK_AGAIN = Duration.ofMillis(250);
    // With the time in front while it runs; lines of workers have their slot in front.
    private static final Pattern OWN_LINE = Pattern.compile("^(\\S+ )?clowder: .*");

    private final Process process;
    private final OutputTail output;
    private final ControlSocket control;
    private final Consumer<ClusterStatus> listener;

    /** Begins to watch; the listener is given each status that anybody asked for. */
    ClusterWatch(Process process, OutputTail output, Path runDir, Consumer<ClusterStatus> listener) {
        this.process = process;
        this.output = output;
        this.control = new ControlSocket(runDir);
        this.listener = listener;
    }

    /**
     * Gives a command on the control socket.
     *
     * @throws IOException with the end of the output, if the answer is a refusal or none
     */
    String ask(Duration atMost, String name, String... arguments) throws IOException {
        try {
            return control.ask(atMost, name, arguments);
        } catch (IOException e) {
            throw new IOException(report(name + " failed: " + e.getMessage()), e);
        }
    }

    /** Returns the JSON of {@code status --json}. */
    String statusJson() throws IOException {
        return ask(COMMAND_TIMEOUT, "status");
    }

    ClusterStatus status() throws IOException {
        return told(statusJson());
    }

    private ClusterStatus told(String json) {
        ClusterStatus status = ClusterStatus.parse(json);
        listener.accept(status);
        return status;
    }

    /**
     * Waits until the status is as it should be.
     *
     * @param wanted in words, what is waited for: {@code ready}
     * @throws IOException if the launcher ends before that, or the time is over
     */
    ClusterStatus await(String wanted, Predicate<ClusterStatus> met, Duration atMost)
            throws IOException, InterruptedException {
        long deadline = System.nanoTime() + atMost.toNanos();
        Optional<ClusterStatus> last = Optional.empty();
        Optional<String> said = Optional.empty();
        for (long left = atMost.toNanos(); left > 0; left = deadline - System.nanoTime()) {
            last = statusIfAny(Duration.ofNanos(left));
            if (last.isPresent() && met.test(last.get())) {
                return last.get();
            }
            if (!process.isAlive()) {
                throw new IOException(report("the launcher ended with exit code " + exitCodeWithOutput()));
            }
            output.awaitChange(OWN_LINE, said, Duration.ofNanos(Math.min(left, ASK_AGAIN.toNanos())));
            said = output.lastLine(OWN_LINE);
        }
        throw new IOException(report("the launcher was not " + wanted + " within " + atMost.toSeconds()
                + " s; its status was " + last.map(ClusterStatus::toString).orElse("not to be had")));
    }

    private Optional<ClusterStatus> statusIfAny(Duration atMost) {
        try {
            return Optional.of(told(control.ask(atMost, "status")));
        } catch (IOException e) {
            // Not there yet, or no longer.
            return Optional.empty();
        }
    }

    int exitCodeWithOutput() throws InterruptedException {
        output.awaitEnd(Duration.ofSeconds(2));
        return process.exitValue();
    }

    /** Returns an error message: what went wrong, the launcher's own last line, its output. */
    String report(String what) {
        String own = output.lastLine(OWN_LINE).orElse("it said nothing of its own");
        return what + ": " + own + "\n--- output of the launcher ---\n" + output.text() + "--- end of output ---";
    }
}
