package dev.clowder.valve;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.apache.catalina.AccessLog;
import org.apache.catalina.Globals;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.connector.CoyoteAdapter;
import org.apache.catalina.connector.Request;
import org.apache.tomcat.util.http.MimeHeaders;
import org.jspecify.annotations.Nullable;

/**
 * Judges the requests that come in one Coyote request object and makes Tomcat's objects say the outcome.
 *
 * <p>Everything it sets lives in the two request objects and is forgotten when Tomcat recycles them: after the access
 * log was written, after an asynchronous request completed, and before the next request of the connection. So nothing
 * has to be put back, and the access log shows the client. It is kept in a note of the Coyote request, because that
 * object serves one request after the other. Not thread-safe, as that object.
 *
 * <p>This object and what belongs to it live as long as the connection, and a reference stored into an old object costs a
 * memory fence with the default collector. So what is most likely there already is compared first.
 *
 * <p>Legal order: {@link #judgeBeforeMapping} and then {@link #finish}, or {@link #judgeMapped} alone.
 */
final class RequestRewriter {

    /** Tomcat uses note 1 ({@link CoyoteAdapter#ADAPTER_NOTES}) of 32. */
    private static final int NOTE = 29;

    /** A Coyote request asks the socket for the port at every turn, so the field behind it must be set; no setter. */
    private static final @Nullable VarHandle REMOTE_PORT = field("remotePort", int.class);

    private final org.apache.coyote.Request coyote;
    private final CoyoteHead head;
    private final RemoteIpRequest remoteIpRequest;
    private ClientResolver resolver;
    private boolean unfinished;
    /** What {@link #finish} has still to set; null if all is set. */
    private @Nullable Forwarded begun;

    private boolean clientIsSet;
    private String explanation = "";

    private RequestRewriter(org.apache.coyote.Request coyote, Connector connector, ForwardedPolicy policy) {
        this.coyote = coyote;
        this.head = new CoyoteHead(coyote, connector);
        this.remoteIpRequest = new RemoteIpRequest(coyote.getMimeHeaders());
        this.resolver = new ClientResolver(policy, head);
    }

    /** That which {@link #judgeBeforeMapping} began with this request; null if that was not called. */
    static @Nullable RequestRewriter begun(org.apache.coyote.Request coyote) {
        return coyote.getNote(NOTE) instanceof RequestRewriter rewriter && rewriter.unfinished ? rewriter : null;
    }

    /** What {@link #judgeBeforeMapping} began with a request before, and nobody finished, is not that of this request. */
    static void forget(org.apache.coyote.Request coyote) {
        RequestRewriter rewriter = begun(coyote);
        if (rewriter != null) {
            rewriter.unfinished = false;
        }
    }

    /** That of this request object for a judgement by this policy. */
    @SuppressWarnings("ReferenceEquality") // A new policy is a new object.
    static RequestRewriter of(org.apache.coyote.Request coyote, Connector connector, ForwardedPolicy policy) {
        if (coyote.getNote(NOTE) instanceof RequestRewriter rewriter) {
            if (rewriter.resolver.policy() != policy) {
                rewriter.resolver = new ClientResolver(policy, rewriter.head);
            }
            return rewriter;
        }
        RequestRewriter rewriter = new RequestRewriter(coyote, connector, policy);
        coyote.setNote(NOTE, rewriter);
        return rewriter;
    }

    /** Whether getRemotePort can tell the client's port; not so if Tomcat is a closed module. */
    static boolean canSetRemotePort() {
        return REMOTE_PORT != null;
    }

    /**
     * Judges a request that is not mapped yet: scheme, host and port are set in time to decide the virtual host.
     *
     * @param explain whether {@link #explanation} will be asked for
     */
    @SuppressWarnings("ReferenceEquality")
    Forwarded judgeBeforeMapping(boolean explain) {
        head.readPeerOfConnection();
        Forwarded forwarded = resolver.resolve();
        explain(explain, forwarded);
        if (resolver.believesHeaders()) {
            setTarget(forwarded);
        }
        strip();
        unfinished = true;
        // Tomcat's own exists from the second request on. Then also the lines that Tomcat logs itself are right.
        Forwarded later = forwarded;
        clientIsSet = false;
        if (coyote.getNote(CoyoteAdapter.ADAPTER_NOTES) instanceof Request request) {
            setClient(request, forwarded);
            clientIsSet = true;
            later = saysMore(forwarded) ? forwarded : null;
        }
        if (begun != later) {
            begun = later;
        }
        return forwarded;
    }

    /** Whether more than the client is to be set, and so can be only after the mapping. */
    private boolean saysMore(Forwarded forwarded) {
        return forwarded.contextPath() != null
                || forwarded.getHostname().isEmpty()
                || head.hasProxy()
                || resolver.remoteIp() != null
                || resolver.policy().requestAttributes();
    }

    /** Completes, in the first valve, what {@link #judgeBeforeMapping} began. */
    void finish(Request request) {
        unfinished = false;
        remoteIpRequest.begin();
        Forwarded forwarded = begun;
        if (forwarded == null) {
            return;
        }
        if (forwarded.getHostname().isEmpty()) {
            // There is no Host header, as in HTTP/1.0: Tomcat has taken the default host meanwhile.
            forwarded = forwarded.withHostname(request.getServerName());
            clientIsSet = false;
        }
        if (!clientIsSet) {
            setClient(request, forwarded);
        }
        setPaths(request, forwarded);
        if (head.hasProxy() && resolver.believesHeaders()) {
            // The connector's own idea of its outside won the mapping; what the proxy said of this request is newer.
            setTarget(forwarded);
        }
        setExtras(request, forwarded);
    }

    /**
     * Judges a request that is mapped already, with the peer that the valves before this one agreed on.
     *
     * @param explain whether {@link #explanation} will be asked for
     */
    Forwarded judgeMapped(Request request, boolean explain) {
        head.readMapped(request);
        remoteIpRequest.begin();
        Forwarded forwarded = resolver.resolve();
        explain(explain, forwarded);
        if (resolver.believesHeaders()) {
            setTarget(forwarded);
            request.setSecure(forwarded.isSecure());
        }
        strip();
        setClient(request, forwarded);
        setPaths(request, forwarded);
        setExtras(request, forwarded);
        return forwarded;
    }

    private void explain(boolean explain, Forwarded forwarded) {
        if (explain) {
            explanation = resolver.explain(forwarded);
        } else if (!explanation.isEmpty()) {
            explanation = "";
        }
    }

    /** Why the request was judged so. */
    String explanation() {
        return explanation;
    }

    /** Whether the policy that it was judged by stands in for Tomcat's RemoteIpValve. */
    boolean isRemoteIpValve() {
        return resolver.remoteIp() != null;
    }

    /** Whether the request is to be answered with 400. */
    boolean isRejected() {
        return resolver.isRejected();
    }

    private void setTarget(Forwarded forwarded) {
        String protocol = forwarded.getProtocol();
        // Tomcat derives isSecure from a scheme that is set, and has the connector's word for it otherwise.
        if (!head.scheme().equals(protocol) || head.secure() != forwarded.isSecure()) {
            coyote.scheme().setString(protocol);
        }
        String hostname = forwarded.getHostname();
        // Without any, as in HTTP/1.0, it is for Tomcat to take the default host.
        if (!hostname.isEmpty() && !coyote.serverName().equals(hostname)) {
            coyote.serverName().setString(hostname);
        }
        coyote.setServerPort(forwarded.getPort());
    }

    private static void setClient(Request request, Forwarded forwarded) {
        request.setRemoteAddr(forwarded.getIp());
        if (forwarded.fromHeader()) {
            // Never looked up, also with enableLookups: the address is the client's to choose, the name server is ours.
            request.setRemoteHost(forwarded.getIp());
            if (REMOTE_PORT != null) {
                REMOTE_PORT.set(request, forwarded.remotePort());
            }
        }
        ForwardedRequest.tell(request, forwarded);
    }

    private static void setPaths(Request request, Forwarded forwarded) {
        String prefix = forwarded.contextPath();
        if (prefix != null) {
            request.setRequest(new PrefixedRequest(request.getRequest(), prefix));
        }
    }

    private void setExtras(Request request, Forwarded forwarded) {
        if (resolver.isRejected()) {
            return;
        }
        RemoteIpReading told = resolver.remoteIp();
        if (told != null && forwarded.getReason() != Forwarded.Reason.UNTRUSTED_PEER) {
            remoteIpRequest.change(request, told, forwarded);
        }
        if (resolver.policy().requestAttributes()) {
            request.setAttribute(AccessLog.REMOTE_ADDR_ATTRIBUTE, request.getRemoteAddr());
            request.setAttribute(Globals.REMOTE_ADDR_ATTRIBUTE, request.getRemoteAddr());
            // Not getRemoteHost, which may look up the peer's name.
            request.setAttribute(AccessLog.REMOTE_HOST_ATTRIBUTE, forwarded.getIp());
            request.setAttribute(AccessLog.PROTOCOL_ATTRIBUTE, request.getProtocol());
            request.setAttribute(AccessLog.SERVER_NAME_ATTRIBUTE, forwarded.getHostname());
            request.setAttribute(AccessLog.SERVER_PORT_ATTRIBUTE, forwarded.getPort());
        }
    }

    /** Undoes, for the access log, what only the application should see. */
    void restoreHeaders() {
        remoteIpRequest.restoreHeaders();
    }

    private void strip() {
        MimeHeaders headers = coyote.getMimeHeaders();
        for (int i = resolver.strippedBefore(headers.size()); i >= 0; i = resolver.strippedBefore(i)) {
            headers.removeHeader(i);
        }
    }

    /** A field of Tomcat's request that has no setter; null if it cannot be reached. */
    static @Nullable VarHandle field(String name, Class<?> type) {
        try {
            return MethodHandles.privateLookupIn(Request.class, MethodHandles.lookup())
                    .findVarHandle(Request.class, name, type);
        } catch (ReflectiveOperationException e) {
            return null;
        }
    }
}
