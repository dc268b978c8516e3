package dev.clowder.benchmark;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;

/** What processes have used, as Linux counts it. */
final class Usage {
    /** USER_HZ, of Linux on all platforms that matter. */
    private static final double TICK_MICROS = 10_000;

    private Usage() {}

    /** Microseconds of processor time of these processes and of their children that have ended, since each began. */
    static double processorMicros(Collection<ProcessHandle> processes) throws IOException {
        double micros = 0;
        for (ProcessHandle process : processes) {
            micros += processorMicros(Files.readString(file(process, "stat")));
        }
        return micros;
    }

    static double processorMicros(String stat) {
        // proc(5). Behind the name, which may hold anything: fields 14 to 17 are utime, stime, cutime and cstime.
        String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
        long ticks = 0;
        for (int field = 14; field <= 17; field++) {
            ticks += Long.parseLong(fields[field - 3]);
        }
        return ticks * TICK_MICROS;
    }

    /** Kilobytes of memory; a page that several processes share counts for each of them in part (PSS). */
    static long memory(Collection<ProcessHandle> processes) throws IOException {
        long kilobytes = 0;
        for (ProcessHandle process : processes) {
            kilobytes += memory(Files.readString(file(process, "smaps_rollup")));
        }
        return kilobytes;
    }

    static long memory(String rollup) {
        String line = rollup.lines()
                .filter(text -> text.startsWith("Pss:"))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("no Pss in " + rollup));
        return Long.parseLong(line.replaceAll("\\D", ""));
    }

    private static Path file(ProcessHandle process, String name) {
        return Path.of("/proc", String.valueOf(process.pid()), name);
    }
}
