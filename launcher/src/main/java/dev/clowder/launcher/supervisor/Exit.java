package dev.clowder.launcher.supervisor;

import java.time.Instant;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How a worker ended; exactly one of code and signal is set, but neither if it was the child of a supervisor that was
 * killed: then nobody knows.
 *
 * @param code the exit code
 * @param signal the name of the signal that ended it, such as {@code SIGKILL}
 * @param reason in a word or two, as the supervisor sees it
 * @param at when the supervisor learnt of it
 */
public record Exit(@Nullable Integer code, @Nullable String signal, String reason, Instant at) {
    /** Java reports death by a signal as 128 + number; a JVM that calls exit(137) itself looks the same. */
    private static final int SIGNALLED = 128;

    private static final Map<Integer, String> SIGNALS = Map.ofEntries(
            Map.entry(1, "SIGHUP"),
            Map.entry(2, "SIGINT"),
            Map.entry(3, "SIGQUIT"),
            Map.entry(4, "SIGILL"),
            Map.entry(6, "SIGABRT"),
            Map.entry(7, "SIGBUS"),
            Map.entry(8, "SIGFPE"),
            Map.entry(9, "SIGKILL"),
            Map.entry(11, "SIGSEGV"),
            Map.entry(13, "SIGPIPE"),
            Map.entry(15, "SIGTERM"));

    static Exit of(int exitValue, @Nullable String reason, Instant at) {
        if (exitValue == Posix.UNKNOWN_EXIT) {
            String unseen = "exit code unknown, it was adopted";
            return new Exit(null, null, reason == null ? unseen : reason + "; " + unseen, at);
        }
        String signal = SIGNALS.get(exitValue - SIGNALLED);
        if (signal == null) {
            return new Exit(exitValue, null, reason == null ? "exited" : reason, at);
        }
        return new Exit(null, signal, reason == null ? "killed" : reason, at);
    }

    /** {@code code 1} or {@code SIGKILL}. */
    String cause() {
        if (code == null && signal == null) {
            return "unknown";
        }
        return signal == null ? "code " + code : String.valueOf(signal);
    }
}
