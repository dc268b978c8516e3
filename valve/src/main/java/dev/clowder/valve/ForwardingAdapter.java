package dev.clowder.valve;

import org.apache.catalina.connector.Connector;
import org.apache.coyote.Adapter;
import org.apache.coyote.ProtocolHandler;
import org.apache.coyote.Request;
import org.apache.coyote.Response;
import org.apache.tomcat.util.net.SocketEvent;
import org.jspecify.annotations.Nullable;

/**
 * Stands before Tomcat's own adapter of a connector, where host and context are not chosen yet: the only place from
 * which a forwarded host can choose the virtual host, for HTTP/1.1, HTTP/2 and upgrades alike.
 *
 * <p>Only {@link #service} begins a request; the other five are passed on.
 */
final class ForwardingAdapter implements Adapter {

    private final Adapter delegate;
    private final Connector connector;
    private final ForwardedValve valve;

    private ForwardingAdapter(Adapter delegate, Connector connector, ForwardedValve valve) {
        this.delegate = delegate;
        this.connector = connector;
        this.valve = valve;
    }

    /** Puts the valve before the adapter of a connector, once. The connector must be initialised. */
    static void install(Connector connector, ForwardedValve valve) {
        Adapter adapter = adapter(connector);
        if (adapter != null && !(adapter instanceof ForwardingAdapter)) {
            connector.getProtocolHandler().setAdapter(new ForwardingAdapter(adapter, connector, valve));
        }
    }

    /** Takes the valve away; a connection that is still open keeps the way it has. */
    static void uninstall(Connector connector) {
        if (adapter(connector) instanceof ForwardingAdapter ours) {
            connector.getProtocolHandler().setAdapter(ours.delegate);
        }
    }

    /** Null before the connector is initialised. */
    private static @Nullable Adapter adapter(Connector connector) {
        ProtocolHandler protocol = connector.getProtocolHandler();
        return protocol instanceof ProxyHttp11NioProtocol ours ? ours.judged() : protocol.getAdapter();
    }

    @Override
    public void service(Request request, Response response) throws Exception {
        ForwardedRequest.make(connector, request, response);
        valve.judgeBeforeMapping(request, connector);
        delegate.service(request, response);
    }

    @Override
    public boolean prepare(Request request, Response response) throws Exception {
        return delegate.prepare(request, response);
    }

    @Override
    public boolean asyncDispatch(Request request, Response response, SocketEvent status) throws Exception {
        return delegate.asyncDispatch(request, response, status);
    }

    @Override
    public void log(Request request, Response response, long time) {
        delegate.log(request, response, time);
    }

    @Override
    public void checkRecycled(Request request, Response response) {
        delegate.checkRecycled(request, response);
    }

    @Override
    public String getDomain() {
        return delegate.getDomain();
    }
}
