package dev.clowder.launcher.worker;

import com.sun.management.OperatingSystemMXBean;
import com.sun.management.UnixOperatingSystemMXBean;
import dev.clowder.launcher.wire.Counts;
import dev.clowder.launcher.wire.Insides;
import dev.clowder.valve.ForwardedValve;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.catalina.Container;
import org.apache.catalina.Engine;
import org.apache.catalina.Valve;

/** Reads for each beat what this JVM counts of itself. Thread-safe. */
final class InsideView {
    /** Counting descriptors lists a directory, which takes its time when there are many. */
    private static final int BEATS_BETWEEN_FILES = 10;

    private final RequestCounts requests = new RequestCounts();
    private final List<ForwardedValve> forwarded = new CopyOnWriteArrayList<>();
    /** These are looked up once: the platform goes through all that it manages for each of them. */
    private final java.lang.management.OperatingSystemMXBean system = ManagementFactory.getOperatingSystemMXBean();

    private final ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    private final List<GarbageCollectorMXBean> collectors = ManagementFactory.getGarbageCollectorMXBeans();
    private int beats;
    private long openFiles = -1;

    /** Counts what comes through this engine; after its other valves are there. */
    void watch(Engine engine) {
        requests.addTo(engine);
        note(engine);
        for (Container host : engine.findChildren()) {
            note(host);
        }
    }

    /** Counts what a valve in this container judges too. */
    void note(Container container) {
        for (Valve valve : container.getPipeline().getValves()) {
            if (valve instanceof ForwardedValve counting) {
                forwarded.add(counting);
            }
        }
    }

    synchronized Insides read(List<WorkerEndpoint> endpoints) {
        long cpuNanos = 0;
        long maxFiles = -1;
        if (system instanceof OperatingSystemMXBean process) {
            cpuNanos = Math.max(0, process.getProcessCpuTime());
            if (process instanceof UnixOperatingSystemMXBean unix) {
                maxFiles = unix.getMaxFileDescriptorCount();
                if (beats++ % BEATS_BETWEEN_FILES == 0) {
                    openFiles = unix.getOpenFileDescriptorCount();
                }
            }
        }
        return new Insides(
                endpoints.stream().mapToInt(WorkerEndpoint::getMaxThreads).sum(),
                threads.getThreadCount(),
                Runtime.getRuntime().maxMemory(),
                openFiles,
                maxFiles,
                counts(cpuNanos, endpoints));
    }

    private Counts counts(long cpuNanos, List<WorkerEndpoint> endpoints) {
        Map<String, Long> collections = new TreeMap<>();
        Map<String, Long> millis = new TreeMap<>();
        for (GarbageCollectorMXBean collector : collectors) {
            collections.put(collector.getName(), Math.max(0, collector.getCollectionCount()));
            millis.put(collector.getName(), Math.max(0, collector.getCollectionTime()));
        }
        return new Counts(
                requests.responses(),
                requests.latency(),
                requests.nanos(),
                cpuNanos,
                endpoints.stream().mapToLong(WorkerEndpoint::handedOver).sum(),
                collections,
                millis,
                reasons());
    }

    private Map<String, Long> reasons() {
        Map<String, Long> reasons = new TreeMap<>();
        for (ForwardedValve valve : forwarded) {
            reasons.merge("untrusted_peer", valve.getUntrustedPeerCount(), Long::sum);
            reasons.merge("no_header", valve.getNoHeaderCount(), Long::sum);
            reasons.merge("client", valve.getClientCount(), Long::sum);
            reasons.merge("end_of_chain", valve.getEndOfChainCount(), Long::sum);
            reasons.merge("malformed", valve.getMalformedCount(), Long::sum);
            reasons.merge("unknown", valve.getUnknownCount(), Long::sum);
            reasons.merge("too_short", valve.getTooShortCount(), Long::sum);
            reasons.merge("conflict", valve.getConflictCount(), Long::sum);
        }
        return reasons;
    }
}
