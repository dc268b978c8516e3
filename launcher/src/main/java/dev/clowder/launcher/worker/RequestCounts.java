package dev.clowder.launcher.worker;

import dev.clowder.launcher.wire.Counts;
import jakarta.servlet.ServletException;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import org.apache.catalina.AccessLog;
import org.apache.catalina.Container;
import org.apache.catalina.Engine;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.ValveBase;

/**
 * Counts finished requests by status class and by the time they took. It is an access log without lines: Tomcat tells such
 * a one of each request when its response is complete, of asynchronous and refused ones too. Probes do not count.
 */
final class RequestCounts {
    private static final long[] LIMITS = Counts.LATENCY_SECONDS.stream()
            .mapToLong(seconds -> (long) (seconds * TimeUnit.SECONDS.toNanos(1)))
            .toArray();

    private final LongAdder[] responses = adders(Counts.STATUS_CLASSES);
    private final LongAdder[] latency = adders(LIMITS.length + 1);
    private final LongAdder nanos = new LongAdder();

    /**
     * Puts them where nobody else's log changes: Tomcat writes what it refused before it knew the host into the log of the
     * default host only if the engine has none.
     */
    void addTo(Engine engine) {
        boolean hasLog = Arrays.stream(engine.getPipeline().getValves()).anyMatch(AccessLog.class::isInstance);
        Container[] hosts = engine.findChildren();
        if (hasLog || hosts.length == 0) {
            engine.getPipeline().addValve(new Counter());
            return;
        }
        for (Container host : hosts) {
            host.getPipeline().addValve(new Counter());
        }
    }

    private void count(Request request, Response response, long time) {
        if (MergedAccessLog.isProbe(request)) {
            return;
        }
        int statusClass = response.getStatus() / 100;
        if (statusClass >= 1 && statusClass <= Counts.STATUS_CLASSES) {
            responses[statusClass - 1].increment();
        }
        int bucket = 0;
        while (bucket < LIMITS.length && time > LIMITS[bucket]) {
            bucket++;
        }
        latency[bucket].increment();
        nanos.add(time);
    }

    List<Long> responses() {
        return sums(responses);
    }

    List<Long> latency() {
        return sums(latency);
    }

    long nanos() {
        return nanos.sum();
    }

    private static LongAdder[] adders(int count) {
        LongAdder[] adders = new LongAdder[count];
        Arrays.setAll(adders, i -> new LongAdder());
        return adders;
    }

    private static List<Long> sums(LongAdder[] adders) {
        return Arrays.stream(adders).map(LongAdder::sum).toList();
    }

    /** A valve stands in one pipeline only. */
    private final class Counter extends ValveBase implements AccessLog {
        Counter() {
            super(true);
        }

        @Override
        public void invoke(Request request, Response response) throws IOException, ServletException {
            getNext().invoke(request, response);
        }

        /** {@inheritDoc} The time is in nanoseconds. */
        @Override
        public void log(Request request, Response response, long time) {
            count(request, response, time);
        }

        @Override
        public void setRequestAttributesEnabled(boolean enabled) {
            // Nothing of a client is read here.
        }

        @Override
        public boolean getRequestAttributesEnabled() {
            return false;
        }
    }
}
