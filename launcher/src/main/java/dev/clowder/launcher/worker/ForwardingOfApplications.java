package dev.clowder.launcher.worker;

import dev.clowder.valve.ForwardedValve;
import jakarta.servlet.ServletException;
import java.io.IOException;
import java.util.HashSet;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.apache.catalina.Container;
import org.apache.catalina.Context;
import org.apache.catalina.Engine;
import org.apache.catalina.Lifecycle;
import org.apache.catalina.LifecycleEvent;
import org.apache.catalina.LifecycleListener;
import org.apache.catalina.Pipeline;
import org.apache.catalina.Valve;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.RemoteIpValve;
import org.apache.catalina.valves.ValveBase;
import org.apache.juli.logging.Log;
import org.apache.juli.logging.LogFactory;

/**
 * Applications that say themselves who their client is. A valve in the engine would judge before theirs, even before it is
 * known which application is meant, and remove what theirs reads. So, if there is one, each host has the launcher's valve
 * instead, for its other applications.
 *
 * <p>An engine has started when all applications are there, those of descriptors and archives too, and before its
 * connectors accept.
 */
final class ForwardingOfApplications implements LifecycleListener {
    private static final Log LOG = LogFactory.getLog(ForwardingOfApplications.class);

    private final Supplier<ForwardedValve> valves;
    private final Consumer<Container> changed;

    /**
     * For an engine with one of these valves.
     *
     * @param valves makes another
     * @param changed is told where another one is
     */
    ForwardingOfApplications(Supplier<ForwardedValve> valves, Consumer<Container> changed) {
        this.valves = valves;
        this.changed = changed;
    }

    /** Whether it has a valve that says who the client is. */
    static boolean isIn(Container container) {
        for (Valve valve : container.getPipeline().getValves()) {
            if (valve instanceof RemoteIpValve || valve instanceof ForwardedValve) {
                return true;
            }
        }
        return false;
    }

    @Override
    public void lifecycleEvent(LifecycleEvent event) {
        if (event.getType().equals(Lifecycle.START_EVENT) && event.getLifecycle() instanceof Engine engine) {
            Set<Container> judging = judging(engine);
            if (!judging.isEmpty()) {
                leave(engine, judging);
            }
        }
    }

    private static Set<Container> judging(Engine engine) {
        Set<Container> judging = new HashSet<>();
        for (Container host : engine.findChildren()) {
            for (Container context : host.findChildren()) {
                if (isIn(context)) {
                    judging.add(context);
                }
            }
        }
        return judging;
    }

    private void leave(Engine engine, Set<Container> judging) {
        for (Valve valve : engine.getPipeline().getValves()) {
            if (valve instanceof ForwardedValve) {
                engine.getPipeline().removeValve(valve);
            }
        }
        for (Container host : engine.findChildren()) {
            ForwardedValve forwarded = valves.get();
            Pipeline pipeline = host.getPipeline();
            pipeline.addValve(new Bypass(judging, forwarded));
            pipeline.addValve(forwarded);
            changed.accept(host);
        }
        LOG.info(engine.getName() + ": "
                + judging.stream().map(ForwardingOfApplications::name).sorted().collect(Collectors.joining(", "))
                + " has a RemoteIpValve or ForwardedValve of its own, which judges there; --trust does for the others,"
                + " when host and application are chosen");
    }

    private static String name(Container container) {
        String path = container instanceof Context context ? context.getPath() : "";
        return container.getParent().getName() + (path.isEmpty() ? "/" : path);
    }

    /** The way around the valve behind it. */
    private static final class Bypass extends ValveBase {
        private final Set<Container> judging;
        private final Valve forwarded;

        /** @param judging is not changed any more */
        Bypass(Set<Container> judging, Valve forwarded) {
            super(true);
            this.judging = judging;
            this.forwarded = forwarded;
        }

        @Override
        public void invoke(Request request, Response response) throws IOException, ServletException {
            Valve next = judging.contains(request.getContext()) ? forwarded.getNext() : getNext();
            next.invoke(request, response);
        }
    }
}
