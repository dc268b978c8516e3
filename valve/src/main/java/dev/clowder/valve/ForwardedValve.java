package dev.clowder.valve;

import dev.clowder.valve.Forwarded.Reason;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletResponse;
import java.beans.PropertyChangeEvent;
import java.beans.PropertyChangeListener;
import java.io.IOException;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import org.apache.catalina.Container;
import org.apache.catalina.Engine;
import org.apache.catalina.LifecycleException;
import org.apache.catalina.Service;
import org.apache.catalina.Valve;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.core.StandardService;
import org.apache.juli.logging.Log;
import org.apache.juli.logging.LogFactory;
import org.jspecify.annotations.Nullable;

/**
 * Finds the client of a request behind trusted proxies and tells it to everybody: the application, the access log, other
 * valves.
 *
 * <pre>{@code
 * <Engine ...>
 *   <Valve className="dev.clowder.valve.ForwardedValve" trust="loopback, 10.0.0.0/8" />
 * }</pre>
 *
 * <p>In an Engine it acts before host and context are chosen, so the forwarded host chooses the virtual host. In a Host
 * or Context that choice is made already and everything else is the same. The first of several on the way of a request
 * decides; the others leave it alone.
 *
 * <p>All attributes are texts, compiled when the valve starts; one that cannot be right stops the start with a message
 * that names it. Each setter belongs to the attribute of its name. The request path takes no lock and asks no name
 * service.
 *
 * <p>The logger of this class explains each decision at its debug level: peer, header, members and rules.
 *
 * <p>The setters are for the configuring thread, before the start; everything else is thread-safe.
 */
public final class ForwardedValve extends ForwardedAttributes {

    /** A change of trustFile counts after two looks that agree, so well within the promised 5 seconds. */
    private static final long MILLIS_BETWEEN_LOOKS = 1500;

    private static final Log log = LogFactory.getLog(ForwardedValve.class);

    private final Map<Reason, LongAdder> requests = new EnumMap<>(Reason.class);
    private final PropertyChangeListener newConnectors = this::connectorChanged;
    private volatile @Nullable ForwardedPolicy policy;
    private volatile @Nullable String trustFileProblem;
    private volatile @Nullable TrustFile trustFile;
    private @Nullable ScheduledFuture<?> looks;
    /** Before whose connectors it stands; null if it does not. */
    private @Nullable Service judged;

    public ForwardedValve() {
        for (Reason reason : Reason.values()) {
            requests.put(reason, new LongAdder());
        }
    }

    // ---- Life -------------------------------------------------------------------------------------------------------

    @Override
    protected void startInternal() throws LifecycleException {
        refuseSecondValve();
        try {
            List<String> fileRules = List.of();
            String trustFileName = attributes().get("trustFile");
            if (trustFileName != null && !RemoteIpRules.areMeantBy(attributes())) {
                Path base = container.getCatalinaBase() == null
                        ? Path.of("")
                        : container.getCatalinaBase().toPath();
                trustFile = new TrustFile(base.resolve(trustFileName));
                fileRules = trustFile.read();
            }
            policy = ForwardedPolicy.compile(attributes(), fileRules, loader());
            trustFileProblem = null;
        } catch (IllegalArgumentException e) {
            throw new LifecycleException("ForwardedValve can't start: " + e.getMessage(), e);
        }
        if (!RequestRewriter.canSetRemotePort()) {
            containerLog.warn("Tomcat runs as a closed module: getRemotePort stays the port of the proxy");
        }
        Service service = Container.getService(container);
        if (container instanceof Engine && service != null) {
            standBefore(service);
        }
        if (trustFile != null && service != null) {
            looks = service.getServer()
                    .getUtilityExecutor()
                    .scheduleWithFixedDelay(
                            this::lookAtTrustFile, MILLIS_BETWEEN_LOOKS, MILLIS_BETWEEN_LOOKS, TimeUnit.MILLISECONDS);
        }
        super.startInternal();
    }

    @Override
    protected void stopInternal() throws LifecycleException {
        super.stopInternal();
        if (looks != null) {
            looks.cancel(false);
            looks = null;
        }
        // Not that of the container: a valve that is removed has none any more when it stops.
        Service service = judged;
        judged = null;
        if (service != null) {
            if (service instanceof StandardService standard) {
                standard.removePropertyChangeListener(newConnectors);
            }
            for (Connector connector : service.findConnectors()) {
                ForwardingAdapter.uninstall(connector);
            }
        }
        policy = null;
        trustFile = null;
        trustFileProblem = null;
    }

    private void refuseSecondValve() throws LifecycleException {
        for (Valve valve : container.getPipeline().getValves()) {
            if (valve instanceof ForwardedValve && valve != this) {
                throw new LifecycleException("There are two ForwardedValves in " + container.getName()
                        + "; the second would judge what the first has changed");
            }
        }
    }

    /** Connectors are initialised before the engine starts and begin to accept after it. */
    private void standBefore(Service service) {
        judged = service;
        if (service instanceof StandardService standard) {
            standard.addPropertyChangeListener(newConnectors);
        }
        for (Connector connector : service.findConnectors()) {
            ForwardingAdapter.install(connector, this);
        }
    }

    /** A connector added to a running service; what it accepted before this is judged by {@link #invoke} alone. */
    private void connectorChanged(PropertyChangeEvent event) {
        if (event.getPropertyName().equals("connector") && event.getNewValue() instanceof Connector connector) {
            ForwardingAdapter.install(connector, this);
        }
    }

    private ClassLoader loader() {
        ClassLoader context = Thread.currentThread().getContextClassLoader();
        return context != null ? context : ForwardedValve.class.getClassLoader();
    }

    private void lookAtTrustFile() {
        TrustFile file = trustFile;
        ForwardedPolicy current = policy;
        if (file == null || current == null || !file.hasChanged()) {
            return;
        }
        try {
            TrustedProxies trust = ForwardedPolicy.trust(attributes(), file.read(), loader());
            if (replace(current, trust)) {
                containerLog.info("trustFile=\"" + getTrustFile() + "\" changed, now in force: "
                        + trust.rules().size() + " rules");
            }
        } catch (IllegalArgumentException e) {
            // What can't be read is tried again, and told once.
            if (!String.valueOf(e.getMessage()).equals(trustFileProblem)) {
                trustFileProblem = e.getMessage();
                containerLog.error("The rules of before stay in force: " + e.getMessage());
            }
        } catch (RuntimeException | Error e) {
            // Such as no memory for that many rules: whoever schedules this would not call it again.
            trustFileProblem = "trustFile=\"" + getTrustFile() + "\" can't be taken: " + e;
            containerLog.error("The rules of before stay in force: " + trustFileProblem, e);
        }
    }

    /** Not if it was stopped meanwhile, perhaps started anew: Tomcat holds the same lock for these. */
    @SuppressWarnings("ReferenceEquality") // A new policy is a new object.
    private synchronized boolean replace(ForwardedPolicy current, TrustedProxies trust) {
        if (policy != current) {
            return false;
        }
        policy = current.withTrust(trust);
        trustFileProblem = null;
        return true;
    }

    // ---- Requests ---------------------------------------------------------------------------------------------------

    /** For the adapter before each connector of the engine. */
    void judgeBeforeMapping(org.apache.coyote.Request request, Connector connector) {
        ForwardedPolicy current = policy;
        if (current != null) {
            RequestRewriter rewriter = RequestRewriter.of(request, connector, current);
            note(rewriter, rewriter.judgeBeforeMapping(log.isDebugEnabled()));
        } else {
            // Another valve may stand in its place, and judges this request itself.
            RequestRewriter.forget(request);
        }
    }

    @Override
    public void invoke(Request request, Response response) throws IOException, ServletException {
        ForwardedPolicy current = policy;
        // A dispatch of an asynchronous request comes here again, long after it was judged.
        if (current != null && request.getAsyncContextInternal() == null) {
            // By the policy that it was judged by: another one may be in force by now.
            RequestRewriter rewriter = RequestRewriter.begun(request.getCoyoteRequest());
            if (rewriter != null) {
                rewriter.finish(request);
            } else if (request.getAttribute(Forwarded.ATTRIBUTE) instanceof Forwarded) {
                getNext().invoke(request, response);
                return;
            } else {
                rewriter = RequestRewriter.of(request.getCoyoteRequest(), request.getConnector(), current);
                note(rewriter, rewriter.judgeMapped(request, log.isDebugEnabled()));
            }
            if (rewriter.isRejected()) {
                response.sendError(HttpServletResponse.SC_BAD_REQUEST);
                return;
            }
            if (rewriter.isRemoteIpValve()) {
                invokeAsRemoteIpValve(rewriter, request, response);
                return;
            }
        }
        getNext().invoke(request, response);
    }

    /** RemoteIpValve changes two headers for the application only, and not for the access log. */
    private void invokeAsRemoteIpValve(RequestRewriter rewriter, Request request, Response response)
            throws IOException, ServletException {
        try {
            getNext().invoke(request, response);
        } finally {
            if (!request.isAsync()) {
                rewriter.restoreHeaders();
            }
        }
    }

    private void note(RequestRewriter rewriter, Forwarded forwarded) {
        Objects.requireNonNull(requests.get(forwarded.getReason())).increment();
        if (!rewriter.explanation().isEmpty()) {
            log.debug(rewriter.explanation());
        }
    }

    // ---- JMX --------------------------------------------------------------------------------------------------------

    /** The rules of trust in force, from {@code trust} and {@code trustFile}, in canonical form. */
    public String[] getEffectiveTrust() {
        ForwardedPolicy current = policy;
        return current == null ? new String[0] : current.trust().rules().toArray(new String[0]);
    }

    /** Why the last change of trustFile is not in force; empty if it is. */
    public String getTrustFileProblem() {
        String problem = trustFileProblem;
        return problem == null ? "" : problem;
    }

    /** Requests judged {@link Reason#UNTRUSTED_PEER} since the valve was made. */
    public long getUntrustedPeerCount() {
        return requests(Reason.UNTRUSTED_PEER);
    }

    /** Requests judged {@link Reason#NO_HEADER} since the valve was made. */
    public long getNoHeaderCount() {
        return requests(Reason.NO_HEADER);
    }

    /** Requests judged {@link Reason#CLIENT} since the valve was made. */
    public long getClientCount() {
        return requests(Reason.CLIENT);
    }

    /** Requests judged {@link Reason#END_OF_CHAIN} since the valve was made. */
    public long getEndOfChainCount() {
        return requests(Reason.END_OF_CHAIN);
    }

    /** Requests judged {@link Reason#MALFORMED} since the valve was made. */
    public long getMalformedCount() {
        return requests(Reason.MALFORMED);
    }

    /** Requests judged {@link Reason#UNKNOWN} since the valve was made. */
    public long getUnknownCount() {
        return requests(Reason.UNKNOWN);
    }

    /** Requests judged {@link Reason#TOO_SHORT} since the valve was made. */
    public long getTooShortCount() {
        return requests(Reason.TOO_SHORT);
    }

    /** Requests judged {@link Reason#CONFLICT} since the valve was made. */
    public long getConflictCount() {
        return requests(Reason.CONFLICT);
    }

    private long requests(Reason reason) {
        return Objects.requireNonNull(requests.get(reason)).sum();
    }
}
