package dev.clowder.launcher.supervisor;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How much memory a worker's JVM may take, so that all of them fit the machine or its container. Left to itself each
 * would claim a quarter of the whole and size its collector for all processors.
 *
 * <p>The machine's memory, less a reserve, is divided by the number of processes that live at the same time: the workers,
 * and the one more that a reload starts. A share is the whole process, not only its heap.
 */
final class WorkerMemory {
    static final long MB = 1L << 20;

    /** For the kernel, the page cache and the supervisor (about 100 MB with Netty and its own heap). */
    private static final long LEAST_RESERVE = 256 * MB;

    /**
     * What a worker needs besides its heap, when it has room: metaspace and class data of Tomcat and a usual WAR 80 to
     * 100 MB, compiled code 30 to 50, the JVM itself and the collector's tables 30, stacks of 200 threads 20.
     */
    private static final long BESIDES_HEAP = 224 * MB;

    /** In a small share the heap must not starve: such an application has little code, too. */
    private static final double MOST_BESIDES_HEAP = 0.45;

    /** Below this Tomcat itself does not start well; a machine that small will swap or kill, and says so. */
    static final long LEAST_HEAP = 48 * MB;

    /** Above it pointers take twice the room (no compressed references): a larger heap would hold less up to 48 GB. */
    static final long MOST_HEAP = 31 * 1024 * MB;

    /**
     * On one processor the serial collector costs the least, but its full collection takes a second or two for each
     * gigabyte that lives, and 30 s of silence are a hang.
     */
    private static final long LARGE_HEAP = 8 * 1024 * MB;

    /**
     * A JVM begins with this part of the memory it sees. Its young generation is a third of that, and all of it is used
     * before the first collection: workers that each did so would be as large as that many whole Tomcats.
     */
    private static final int FIRST_HEAP_PART = 64;

    /** Below this a worker would collect several times before it is ready. */
    private static final long LEAST_FIRST_HEAP = 64 * MB;

    /** Whatever bounds the heap; MinRAMPercentage does so on a small machine. */
    private static final Pattern HEAP =
            Pattern.compile("-Xmx.+|-XX:MaxHeapSize=.+|-XX:(Max|Min)RAM(Percentage|Fraction)?=.+");

    private static final Pattern HEAP_SIZE = Pattern.compile("(?:-Xmx|-XX:MaxHeapSize=)(\\d+)([kKmMgGtT]?)");
    private static final Pattern FIRST_HEAP =
            Pattern.compile("(?:-Xms|-XX:InitialHeapSize=|-XX:MinHeapSize=)(\\d+)([kKmMgGtT]?)");
    /** Of the memory that there is; a JVM takes no more of it than the greatest heap. */
    private static final Pattern FIRST_PART = Pattern.compile("-XX:InitialRAM(Percentage|Fraction)=.+");

    private static final Pattern COLLECTOR = Pattern.compile("-XX:[+]Use\\w*GC");

    private WorkerMemory() {}

    /**
     * The JVM flags for heap and collector of one worker. What the operator's own flags decide is left to them: theirs
     * come later on the command line, but two collectors, or a first heap above the greatest, would stop the start.
     *
     * @param total bytes of the machine or its container, 0 if nobody knows
     * @param processes workers at the same time, at least 1
     * @param processors that one worker may use
     * @param limit bytes above which a worker will be replaced, 0 for none
     */
    static List<String> flags(long total, int processes, int processors, long limit, List<String> own) {
        List<String> flags = new ArrayList<>();
        long ownFirst = bytes(FIRST_HEAP, own);
        long heap = Math.max(heap(total, processes, limit), ownFirst);
        if (has(HEAP, own)) {
            long ownHeap = bytes(HEAP_SIZE, own);
            heap = ownHeap > 0 ? ownHeap : heap;
        } else if (heap > 0) {
            if (ownFirst == 0 && total > 0 && !has(FIRST_PART, own)) {
                long first = Math.max(LEAST_FIRST_HEAP, total / FIRST_HEAP_PART / processes);
                flags.add("-Xms" + Math.min(heap, first) / MB + "m");
            }
            flags.add("-Xmx" + heap / MB + "m");
        }
        if (!has(COLLECTOR, own)) {
            flags.add(processors < 2 && heap <= LARGE_HEAP ? "-XX:+UseSerialGC" : "-XX:+UseG1GC");
        }
        return flags;
    }

    /** Bytes of the heap, whole megabytes; 0 if nothing is known to derive it from. */
    static long heap(long total, int processes, long limit) {
        long share = Long.MAX_VALUE;
        if (total > 0) {
            share = (total - reserve(total)) / processes;
        }
        if (limit > 0) {
            share = Math.min(share, limit);
        }
        if (share == Long.MAX_VALUE) {
            return 0;
        }
        long besides = Math.min(BESIDES_HEAP, (long) (share * MOST_BESIDES_HEAP));
        long heap = Math.min(MOST_HEAP, Math.max(LEAST_HEAP, share - besides));
        return heap / MB * MB;
    }

    /** A tenth of a large machine; of a small one at most a quarter. */
    static long reserve(long total) {
        return Math.min(total / 4, Math.max(LEAST_RESERVE, total / 10));
    }

    private static boolean has(Pattern what, List<String> own) {
        return own.stream().anyMatch(flag -> what.matcher(flag).matches());
    }

    /** The size that the last such flag says, 0 if there is none. */
    private static long bytes(Pattern what, List<String> own) {
        long bytes = 0;
        for (String flag : own) {
            Matcher size = what.matcher(flag);
            if (size.matches()) {
                int power = "kmgt".indexOf(size.group(2).toLowerCase(Locale.ROOT)) + 1;
                bytes = Long.parseLong(size.group(1)) << (size.group(2).isEmpty() ? 0 : 10 * power);
            }
        }
        return bytes;
    }
}
