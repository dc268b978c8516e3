package dev.clowder.valve;

import org.apache.catalina.connector.CoyoteAdapter;
import org.apache.coyote.Adapter;
import org.apache.coyote.http11.Http11NioProtocol;
import org.jspecify.annotations.Nullable;

/**
 * Tomcat's HTTP connector with the PROXY protocol, versions 1 and 2, in front of HTTP/1.1, TLS, HTTP/2 by ALPN and h2c
 * (HAProxy {@code doc/proxy-protocol.txt}). For {@code server.xml}:
 *
 * <pre>{@code
 * <Connector port="8080" protocol="dev.clowder.valve.ProxyHttp11NioProtocol"
 *            proxyProtocol="required" proxyProtocolTrust="loopback, 10.0.0.0/8" />
 * }</pre>
 *
 * <p>All other attributes are those of {@link Http11NioProtocol}. Set attributes before the connector starts; a wrong one
 * stops the start. The header is never guessed: whether one must come depends on the socket address alone.
 *
 * <p>Remote address and port, local address and port of each request are those of the header. If the header names no
 * client they are those of the connection. The request attribute {@value ProxyProtocol#ATTRIBUTE} holds all the rest.
 *
 * @see ProxyNioEndpoint
 */
public class ProxyHttp11NioProtocol extends Http11NioProtocol {
    // Tomcat's getEndpoint() has another return type in 10.1 than in 11.0, so it can't be called from here.
    private final ProxyNioEndpoint proxyEndpoint;

    private @Nullable Adapter judged;

    /** With an endpoint of its own; what Tomcat calls for {@code protocol="..."}. */
    public ProxyHttp11NioProtocol() {
        this(new ProxyNioEndpoint());
    }

    /** With an endpoint that accepts in another way. */
    public ProxyHttp11NioProtocol(ProxyNioEndpoint endpoint) {
        super(endpoint);
        proxyEndpoint = endpoint;
    }

    /** See {@link ProxyNioEndpoint#setProxyProtocol}. */
    public void setProxyProtocol(String proxyProtocol) {
        proxyEndpoint.setProxyProtocol(proxyProtocol);
    }

    /** See {@link ProxyNioEndpoint#setProxyProtocol}. */
    public String getProxyProtocol() {
        return proxyEndpoint.getProxyProtocol();
    }

    /** See {@link ProxyNioEndpoint#setProxyProtocolTrust}. */
    public void setProxyProtocolTrust(String proxyProtocolTrust) {
        proxyEndpoint.setProxyProtocolTrust(proxyProtocolTrust);
    }

    /** See {@link ProxyNioEndpoint#setProxyProtocolTrust}. */
    public String getProxyProtocolTrust() {
        return proxyEndpoint.getProxyProtocolTrust();
    }

    /** See {@link ProxyNioEndpoint#setProxyProtocolTimeout}. */
    public void setProxyProtocolTimeout(String proxyProtocolTimeout) {
        proxyEndpoint.setProxyProtocolTimeout(proxyProtocolTimeout);
    }

    /** See {@link ProxyNioEndpoint#setProxyProtocolTimeout}. */
    public String getProxyProtocolTimeout() {
        return proxyEndpoint.getProxyProtocolTimeout();
    }

    /** See {@link ProxyNioEndpoint#getProxyHeadersWaiting}. */
    public int getProxyHeadersWaiting() {
        return proxyEndpoint.getProxyHeadersWaiting();
    }

    /** See {@link ProxyNioEndpoint#getProxyConnectionsRefused}. */
    public long getProxyConnectionsRefused() {
        return proxyEndpoint.getProxyConnectionsRefused();
    }

    /**
     * {@inheritDoc} Tomcat's own adapter, at the container's end of the chain, gets one in front that knows the header; and
     * before all of them, whatever is set here later, stands {@link #front}.
     */
    @Override
    public void setAdapter(Adapter adapter) {
        judged = adapter instanceof CoyoteAdapter ? new ProxyAdapter(adapter) : adapter;
        super.setAdapter(front(judged));
    }

    /**
     * Returns what stands before every other adapter of this connector; by default nothing does.
     *
     * @param adapter all the others
     */
    protected Adapter front(Adapter adapter) {
        return adapter;
    }

    /** The adapter that was set last, without {@link #front}; null before there is one. */
    @Nullable
    Adapter judged() {
        return judged;
    }
}
