package dev.clowder.launcher.worker.check;

import dev.clowder.launcher.wire.Observed;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.catalina.Container;
import org.apache.catalina.Context;
import org.apache.catalina.Engine;
import org.apache.catalina.Lifecycle;
import org.apache.catalina.LifecycleEvent;
import org.apache.catalina.LifecycleListener;
import org.apache.catalina.LifecycleState;
import org.apache.catalina.core.StandardContext;
import org.jspecify.annotations.Nullable;

/**
 * Watches the applications of this worker for {@code clowder check}, which asks for what was seen by requests that carry
 * its secret ({@link CheckValve}).
 */
public final class Observation implements LifecycleListener {
    /** The system property with the checker's secret; without it a worker is never watched. */
    public static final String PROPERTY = "clowder.check";

    private final int slot = Integer.getInteger("clowder.worker.slot", 0);
    private final String secret;
    private final FlightRecorder recorder = new FlightRecorder();
    private final SessionWatch sessions = new SessionWatch();
    private final List<Context> contexts = new ArrayList<>();
    private @Nullable Set<Integer> portsBefore;

    private Observation(String secret) {
        this.secret = secret;
    }

    /** Begins to watch an engine whose applications are about to start, if this worker belongs to a check. */
    public static void begin(Engine engine) {
        String secret = System.getProperty(PROPERTY);
        if (secret != null && !secret.isEmpty()) {
            Observation observation = new Observation(secret);
            engine.getPipeline().addValve(new CheckValve(observation));
            engine.addLifecycleListener(observation);
        }
    }

    /** Of the engine: its applications are known. Of an application: it is configured, and runs nothing of its own yet. */
    @Override
    public synchronized void lifecycleEvent(LifecycleEvent event) {
        if (event.getLifecycle() instanceof Engine engine && event.getType().equals(Lifecycle.BEFORE_START_EVENT)) {
            recorder.start();
            for (Container host : engine.findChildren()) {
                for (Container child : host.findChildren()) {
                    Context context = (Context) child;
                    contexts.add(context);
                    context.addLifecycleListener(this);
                }
            }
        } else if (event.getLifecycle() instanceof StandardContext context) {
            if (event.getType().equals(Lifecycle.BEFORE_START_EVENT)) {
                watchSessions(context);
            } else if (event.getType().equals(Lifecycle.CONFIGURE_START_EVENT)) {
                context.addApplicationEventListener(sessions);
                if (portsBefore == null) {
                    portsBefore = Ports.listening();
                }
            }
        }
    }

    /** Once, although an application may be started again; the listener is forgotten with each stop. */
    private void watchSessions(Context context) {
        if (!Arrays.asList(context.getPipeline().getValves()).contains(sessions)) {
            context.getPipeline().addValve(sessions);
        }
    }

    String secret() {
        return secret;
    }

    /** Only the values in memory. */
    synchronized Observed memory() {
        return new Observed(slot, List.of(), values(), List.of(), List.of(), List.of(), List.of(), Map.of());
    }

    /**
     * Everything.
     *
     * @param port on which clients of this worker come
     */
    synchronized Observed all(int port) {
        Map<String, String> blind = new TreeMap<>();
        FlightRecorder.Seen seen = recorder.read(contexts, blind);
        Set<Integer> ports = Ports.listening();
        if (ports == null) {
            blind.put("ports", "this system has no /proc/net/tcp");
            ports = Set.of();
        }
        String obstacle = MemoryView.obstacle();
        if (!obstacle.isEmpty()) {
            blind.put("memory", obstacle);
        }
        Set<Integer> before = portsBefore == null ? Set.of() : portsBefore;
        List<Integer> opened = ports.stream()
                .filter(open -> open != port && !before.contains(open))
                .sorted()
                .toList();
        return new Observed(slot, sessions.faults(), values(), seen.files(), seen.threads(), opened, List.of(), blind);
    }

    /** Starts the applications again, so that they remember nothing; among the leaks is what is in the way. */
    synchronized Observed fresh() {
        List<String> failed = new ArrayList<>();
        for (Context context : contexts) {
            context.reload();
            if (context.getState() != LifecycleState.STARTED) {
                failed.add("it can't be started again in the same process");
            }
        }
        return new Observed(slot, List.of(), Map.of(), List.of(), List.of(), List.of(), failed, Map.of());
    }

    /** Stops the applications and says what remained. */
    synchronized Observed undeploy() {
        List<String> leaks = new ArrayList<>();
        for (Context context : contexts) {
            leaks.addAll(Undeployment.of(context));
        }
        return new Observed(slot, List.of(), Map.of(), List.of(), List.of(), List.of(), leaks, Map.of());
    }

    private Map<String, String> values() {
        Map<String, String> values = new TreeMap<>();
        contexts.forEach(context -> new MemoryView(context, values).read());
        return values;
    }
}
