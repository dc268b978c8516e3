package dev.clowder.valve;

import jakarta.servlet.ServletConnection;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import org.apache.tomcat.util.net.NioChannel;
import org.apache.tomcat.util.net.NioEndpoint;
import org.jspecify.annotations.Nullable;

/**
 * A connection whose peer is not what its socket says: the client of a PROXY header, or the other end of a Unix-domain
 * socket. All of Tomcat asks the socket wrapper for addresses and ports, in HTTP/1.1, HTTP/2, upgrades and the access log.
 */
final class ProxySocketWrapper extends NioEndpoint.NioSocketWrapper {
    private final ProxyNioEndpoint endpoint;
    private final @Nullable ProxyProtocol proxied;
    /** Who the peer is, if its address is not that of the socket. */
    private final ProxyHeader.@Nullable Inet named;

    private final ProxyHeader.@Nullable Inet relayed;
    private final boolean unix;
    /** Whether another process serves it now. */
    private volatile boolean leaving;
    /** Made once: every request of the connection asks for it. */
    private @Nullable Connection connection;

    /**
     * @param relayed whom a relay named as the peer, which may be a proxy with a header of its own
     * @param unix whether the socket itself is a Unix-domain socket
     */
    ProxySocketWrapper(
            NioChannel channel,
            ProxyNioEndpoint endpoint,
            ProxyHeader.@Nullable Inet relayed,
            @Nullable ProxyProtocol proxied,
            boolean unix) {
        super(channel, endpoint);
        this.endpoint = endpoint;
        this.proxied = proxied;
        this.relayed = relayed;
        ProxyHeader header = proxied == null ? null : proxied.header();
        boolean fromUnix = header instanceof ProxyHeader.Unix;
        named = header instanceof ProxyHeader.Inet inet ? inet : fromUnix ? null : relayed;
        if (named != null) {
            remoteAddr = ProxyAddress.text(named.source().getAddress());
            remoteHost = null;
            remotePort = named.source().getPort();
            localAddr = ProxyAddress.text(named.destination().getAddress());
            // A name would have to be looked up, for an address that need not even be of this network.
            localName = localAddr;
            localPort = named.destination().getPort();
            this.unix = false;
            return;
        }
        this.unix = unix || fromUnix;
        if (this.unix) {
            // What Tomcat shows for its own unixDomainSocketPath; a path of the header must not become an address.
            remoteAddr = "127.0.0.1";
            remoteHost = "localhost";
            remotePort = 0;
            localAddr = "127.0.0.1";
            localName = "localhost";
            localPort = 0;
        }
    }

    /** From now on nobody but {@link #endLeaving} closes the socket. */
    void beginToLeave() {
        leaving = true;
    }

    /** Closes it here. */
    void endLeaving() {
        close();
        super.doClose();
    }

    /** {@inheritDoc} The poller may close it for an event that it finds late. */
    @Override
    protected void doClose() {
        if (!leaving) {
            super.doClose();
        }
    }

    ProxyHeader.@Nullable Inet relayed() {
        return relayed;
    }

    @Nullable
    ProxyProtocol proxied() {
        return proxied;
    }

    @Override
    public int read(boolean block, byte[] into, int offset, int length) throws IOException {
        Runnable before = block ? endpoint.beforeWaiting() : null;
        if (before != null) {
            int read = super.read(false, into, offset, length);
            if (read != 0) {
                return read;
            }
            before.run();
        }
        return super.read(block, into, offset, length);
    }

    @Override
    public int read(boolean block, ByteBuffer into) throws IOException {
        Runnable before = block ? endpoint.beforeWaiting() : null;
        if (before != null) {
            int read = super.read(false, into);
            if (read != 0) {
                return read;
            }
            before.run();
        }
        return super.read(block, into);
    }

    @Override
    protected void doWrite(boolean block, ByteBuffer from) throws IOException {
        // After a time-out nothing may be written any more: Tomcat sees to it where it waits.
        Runnable before = block && previousIOException == null ? endpoint.beforeWaiting() : null;
        if (before != null) {
            super.doWrite(false, from);
            if (!from.hasRemaining() && getSocket().getOutboundRemaining() == 0) {
                return;
            }
            before.run();
        }
        super.doWrite(block, from);
    }

    @Override
    protected void populateRemoteHost() {
        if (named != null) {
            // Only asked for with enableLookups="true".
            InetSocketAddress source = named.source();
            remoteHost = source.getHostName();
        } else {
            super.populateRemoteHost();
        }
    }

    @Override
    public ServletConnection getServletConnection(String protocol, String protocolConnectionId) {
        Connection known = connection;
        if (known == null) {
            known = new Connection(super.getServletConnection(protocol, protocolConnectionId), proxied, unix);
            connection = known;
        }
        return known;
    }

    /**
     * The one object of a connection that every request can reach, in both lines of Tomcat and in HTTP/1.1 and HTTP/2.
     *
     * @param proxied what the PROXY header said; null without a header
     * @param unix whether the peer is on a Unix-domain socket, whatever its address is shown as
     */
    record Connection(ServletConnection plain, @Nullable ProxyProtocol proxied, boolean unix)
            implements ServletConnection {
        @Override
        public String getConnectionId() {
            return plain.getConnectionId();
        }

        @Override
        public String getProtocol() {
            return plain.getProtocol();
        }

        @Override
        public String getProtocolConnectionId() {
            return plain.getProtocolConnectionId();
        }

        @Override
        public boolean isSecure() {
            return plain.isSecure();
        }
    }
}
