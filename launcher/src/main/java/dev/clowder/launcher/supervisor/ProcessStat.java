package dev.clowder.launcher.supervisor;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * What Linux tells of a process in {@code /proc/PID/stat} (proc_pid_stat(5)).
 *
 * @param pid of the process
 * @param state one letter; {@code Z}: dead, its parent has not been told yet
 * @param parent pid of its parent
 * @param startTicks clock ticks from the start of the machine to that of the process
 */
record ProcessStat(long pid, char state, long parent, long startTicks) {
    private static final int STATE = 0;
    private static final int PARENT = 1;
    private static final int START = 19;

    /** Null when there is no such process, or no {@code /proc}. */
    static @Nullable ProcessStat of(long pid) {
        try {
            return parse(pid, Files.readString(Path.of("/proc", String.valueOf(pid), "stat"), ISO_8859_1));
        } catch (IOException | RuntimeException e) {
            // It ended while it was read, or this is no Linux.
            return null;
        }
    }

    /** The name of the command is in parentheses and may hold blanks and parentheses itself. */
    static ProcessStat parse(long pid, String text) {
        String[] fields = text.substring(text.lastIndexOf(')') + 2).strip().split(" ", -1);
        return new ProcessStat(
                pid, fields[STATE].charAt(0), Long.parseLong(fields[PARENT]), Long.parseLong(fields[START]));
    }

    boolean isDead() {
        return state == 'Z' || state == 'X';
    }

    /**
     * When the process started, as text that no other process of the same pid ever has: ticks, and the boot of the
     * machine from which they count. Not the time of day, which can be set while the process lives.
     */
    String started() {
        return startTicks + "@" + Boot.ID;
    }

    private static final class Boot {
        static final String ID = read();

        private static String read() {
            try {
                return Files.readString(Path.of("/proc/sys/kernel/random/boot_id"))
                        .strip();
            } catch (IOException e) {
                return "?";
            }
        }
    }
}
