package dev.clowder.launcher.worker;

import java.lang.management.LockInfo;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryUsage;
import java.lang.management.MonitorInfo;
import java.lang.management.ThreadInfo;
import java.lang.management.ThreadMXBean;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import org.apache.coyote.Processor;
import org.apache.tomcat.util.net.NioChannel;
import org.apache.tomcat.util.net.SocketWrapperBase;

/** What a worker was doing, in words for the person who has to find out why. */
final class Evidence {
    /** With room for JSON's escapes, what fits into one message of the control connection. */
    static final int MAX_BYTES = 900_000;

    private static final int MAX_REQUESTS = 500;

    private Evidence() {}

    /** Requests, connections and heap of a running worker, and its threads if they are wanted. */
    static String text(RequestsInFlight requests, List<WorkerEndpoint> endpoints, boolean withThreads) {
        StringBuilder text = new StringBuilder();
        List<String> lines = requests.lines(System.nanoTime());
        text.append("Requests in flight: ").append(lines.size()).append('\n');
        lines.stream().limit(MAX_REQUESTS).forEach(line -> text.append(line).append('\n'));
        connections(text, endpoints);
        heap(text);
        if (withThreads) {
            threads(text);
        }
        return cut(text.toString(), MAX_BYTES);
    }

    /** Of a worker that has no Tomcat yet. */
    static String ofThreads() {
        StringBuilder text = new StringBuilder("Still starting\n");
        heap(text);
        threads(text);
        return cut(text.toString(), MAX_BYTES);
    }

    private static void connections(StringBuilder text, List<WorkerEndpoint> endpoints) {
        int asynchronous = 0;
        int upgraded = 0;
        long open = 0;
        int busy = 0;
        int most = 0;
        for (WorkerEndpoint endpoint : endpoints) {
            open += endpoint.open();
            busy += endpoint.getCurrentThreadsBusy();
            most += endpoint.getMaxThreads();
            for (SocketWrapperBase<NioChannel> connection : endpoint.getConnections()) {
                if (connection.getCurrentProcessor() instanceof Processor waiting) {
                    asynchronous += waiting.isAsync() ? 1 : 0;
                    upgraded += waiting.isUpgrade() ? 1 : 0;
                }
            }
        }
        text.append("Connections: ").append(open);
        text.append(", of which ").append(asynchronous).append(" wait in an asynchronous request, ");
        text.append(upgraded).append(" are upgraded (WebSocket, HTTP/2)\n");
        text.append("Threads of the pool: ").append(busy);
        text.append(" busy of at most ").append(most).append('\n');
    }

    private static void heap(StringBuilder text) {
        MemoryUsage heap = ManagementFactory.getMemoryMXBean().getHeapMemoryUsage();
        text.append("Heap: ").append(usage(heap)).append('\n');
        for (MemoryPoolMXBean pool : ManagementFactory.getMemoryPoolMXBeans()) {
            text.append("  ").append(pool.getName()).append(": ").append(usage(pool.getUsage()));
            MemoryUsage kept = pool.getCollectionUsage();
            if (kept != null && kept.getUsed() > 0) {
                text.append(", after the last collection ").append(megabytes(kept.getUsed()));
            }
            text.append('\n');
        }
    }

    private static String usage(MemoryUsage usage) {
        String most = usage.getMax() < 0 ? "" : " of at most " + megabytes(usage.getMax());
        return megabytes(usage.getUsed()) + most;
    }

    private static String megabytes(long bytes) {
        return String.format(Locale.ROOT, "%.1f MB", bytes / 1e6);
    }

    private static void threads(StringBuilder text) {
        ThreadMXBean threads = ManagementFactory.getThreadMXBean();
        long[] deadlocked = threads.findDeadlockedThreads();
        if (deadlocked != null) {
            text.append("DEADLOCK of the threads ")
                    .append(Arrays.toString(deadlocked))
                    .append('\n');
        }
        ThreadInfo[] all = threads.dumpAllThreads(true, true);
        Arrays.sort(all, Comparator.comparing(ThreadInfo::getThreadName));
        for (ThreadInfo thread : all) {
            text.append('\n');
            thread(text, thread);
        }
    }

    /** {@link ThreadInfo#toString} would show eight frames only. */
    private static void thread(StringBuilder text, ThreadInfo thread) {
        text.append('"').append(thread.getThreadName()).append("\" id=").append(thread.getThreadId());
        text.append(thread.isDaemon() ? " daemon " : " ").append(thread.getThreadState());
        if (thread.getLockName() != null) {
            text.append(" on ").append(thread.getLockName());
        }
        if (thread.getLockOwnerName() != null) {
            text.append(" held by \"").append(thread.getLockOwnerName()).append("\" id=");
            text.append(thread.getLockOwnerId());
        }
        text.append('\n');
        StackTraceElement[] frames = thread.getStackTrace();
        for (int depth = 0; depth < frames.length; depth++) {
            text.append("    at ").append(frames[depth]).append('\n');
            for (MonitorInfo monitor : thread.getLockedMonitors()) {
                if (monitor.getLockedStackDepth() == depth) {
                    text.append("    - locked ").append(monitor).append('\n');
                }
            }
        }
        for (LockInfo lock : thread.getLockedSynchronizers()) {
            text.append("    - holds ").append(lock).append('\n');
        }
    }

    /** Ends a text at a line so that it needs at most so many bytes as a JSON string, and says so in a last line. */
    static String cut(String text, int maxBytes) {
        int bytes = 0;
        for (int i = 0; i < text.length(); i++) {
            bytes += inJson(text.charAt(i));
            if (bytes > maxBytes) {
                int line = text.lastIndexOf('\n', i - 1);
                String kept = text.substring(0, line < 0 ? i : line + 1);
                return kept + "(cut here: " + (text.length() - kept.length()) + " more characters)\n";
            }
        }
        return text;
    }

    private static int inJson(char c) {
        if (Character.isSurrogate(c)) {
            return 6;
        }
        if (c < ' ') {
            return c == '\n' || c == '\t' || c == '\r' ? 2 : 6;
        }
        return c == '"' || c == '\\' ? 2 : c < 0x80 ? 1 : 3;
    }
}
