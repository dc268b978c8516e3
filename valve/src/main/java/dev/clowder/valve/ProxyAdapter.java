package dev.clowder.valve;

import org.apache.coyote.Adapter;
import org.apache.coyote.Request;
import org.apache.coyote.Response;
import org.apache.tomcat.util.net.SocketEvent;
import org.jspecify.annotations.Nullable;

/**
 * Stands between the connector and the container and tells each request what the PROXY header of its connection said,
 * before hosts and contexts are mapped. Thread-safe.
 */
final class ProxyAdapter implements Adapter {
    private final Adapter next;

    ProxyAdapter(Adapter next) {
        this.next = next;
    }

    /**
     * Gives {@code request} the attribute {@value ProxyProtocol#ATTRIBUTE} and, if the client used TLS, the scheme
     * {@code https}; does so once per request, however often and in whichever adapter it is called.
     *
     * @return what the header said, or null if the connection had none
     */
    static @Nullable ProxyProtocol introduce(Request request) {
        if (request.getAttribute(ProxyProtocol.ATTRIBUTE) instanceof ProxyProtocol known) {
            return known;
        }
        if (!(request.getServletConnection() instanceof ProxySocketWrapper.Connection connection)) {
            return null;
        }
        ProxyProtocol proxied = connection.proxied();
        if (proxied != null) {
            request.setAttribute(ProxyProtocol.ATTRIBUTE, proxied);
            if (proxied.getSsl() != null) {
                // CoyoteAdapter derives isSecure() and the default port from the scheme.
                request.scheme().setString("https");
            }
        }
        return proxied;
    }

    /**
     * Whether the peer of {@code request} is on a Unix-domain socket that came through this endpoint; never true for a
     * connector without it.
     */
    static boolean isUnix(Request request) {
        return request.getServletConnection() instanceof ProxySocketWrapper.Connection connection && connection.unix();
    }

    @Override
    public void service(Request request, Response response) throws Exception {
        introduce(request);
        next.service(request, response);
    }

    @Override
    public boolean prepare(Request request, Response response) throws Exception {
        introduce(request);
        return next.prepare(request, response);
    }

    @Override
    public boolean asyncDispatch(Request request, Response response, SocketEvent status) throws Exception {
        return next.asyncDispatch(request, response, status);
    }

    @Override
    public void log(Request request, Response response, long time) {
        next.log(request, response, time);
    }

    @Override
    public void checkRecycled(Request request, Response response) {
        next.checkRecycled(request, response);
    }

    @Override
    public String getDomain() {
        return next.getDomain();
    }
}
