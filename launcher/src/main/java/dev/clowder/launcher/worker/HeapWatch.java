package dev.clowder.launcher.worker;

import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryType;
import java.lang.management.MemoryUsage;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Finds a heap that is exhausted but never quite full: the collector frees a little each time, so there is no
 * {@link OutOfMemoryError}, and the process crawls. The parallel collector has a limit for that (98 % of the time, 2 %
 * freed), the others have none. For one thread.
 */
final class HeapWatch {
    static final long WINDOW = TimeUnit.SECONDS.toNanos(15);
    static final double GC_SHARE = 0.90;
    static final double OLD_SHARE = 0.95;

    private final Source source;
    private final Deque<Sample> samples = new ArrayDeque<>();

    /** What the JVM knows. */
    interface Source {
        /** Milliseconds during which the application stood still for a collection, since the start. */
        long collectionMillis();

        /** The part of the old generation, from 0 to 1, that was in use after its last collection. */
        double oldShare();
    }

    private record Sample(long at, long collectionMillis) {}

    HeapWatch(Source source) {
        this.source = source;
    }

    static HeapWatch ofThisProcess() {
        return new HeapWatch(new Jvm());
    }

    /**
     * Looks at the time that passed since the last look, which may be long if the process crawls.
     *
     * @return why it is hopeless, or null
     */
    @Nullable
    String look(long now) {
        long collecting = source.collectionMillis();
        samples.add(new Sample(now, collecting));
        // The oldest that is kept is the youngest that is at least a window old.
        Sample oldest = samples.element();
        while (true) {
            samples.remove();
            Sample next = samples.peek();
            if (next == null || now - next.at() < WINDOW) {
                break;
            }
            oldest = next;
        }
        samples.addFirst(oldest);
        long elapsed = now - oldest.at();
        if (elapsed < WINDOW) {
            return null;
        }
        double share = TimeUnit.MILLISECONDS.toNanos(collecting - oldest.collectionMillis()) / (double) elapsed;
        double old = source.oldShare();
        if (share < GC_SHARE || old < OLD_SHARE) {
            return null;
        }
        return String.format(
                Locale.ROOT,
                "heap exhausted: %.0f %% of the last %d s went into collecting garbage, and %.0f %% of the old"
                        + " generation stayed in use",
                share * 100,
                TimeUnit.NANOSECONDS.toSeconds(elapsed),
                old * 100);
    }

    private static final class Jvm implements Source {
        /** Looked up once: the platform goes through all that it manages for each such list. */
        private final List<GarbageCollectorMXBean> stopping = ManagementFactory.getGarbageCollectorMXBeans().stream()
                .filter(Jvm::stopsTheApplication)
                .toList();

        private final List<MemoryPoolMXBean> pools = ManagementFactory.getMemoryPoolMXBeans();

        /** The others count work beside the running application. */
        private static boolean stopsTheApplication(GarbageCollectorMXBean collector) {
            String name = collector.getName();
            return !name.contains("Cycles") && !name.contains("Concurrent");
        }

        @Override
        public long collectionMillis() {
            long millis = 0;
            for (GarbageCollectorMXBean collector : stopping) {
                millis += Math.max(0, collector.getCollectionTime());
            }
            return millis;
        }

        @Override
        public double oldShare() {
            double most = 0;
            for (MemoryPoolMXBean pool : pools) {
                if (pool.getType() == MemoryType.HEAP && pool.isUsageThresholdSupported()) {
                    MemoryUsage kept = pool.getCollectionUsage();
                    if (kept != null && kept.getMax() > 0) {
                        most = Math.max(most, kept.getUsed() / (double) kept.getMax());
                    }
                }
            }
            return most;
        }
    }
}
