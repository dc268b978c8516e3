package dev.clowder.valve;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import org.apache.juli.logging.Log;
import org.apache.juli.logging.LogFactory;
import org.apache.tomcat.util.log.UserDataHelper;
import org.apache.tomcat.util.net.NioChannel;
import org.apache.tomcat.util.net.NioEndpoint;
import org.apache.tomcat.util.net.SecureNioChannel;
import org.apache.tomcat.util.net.SocketBufferHandler;
import org.apache.tomcat.util.net.SocketEvent;
import org.jspecify.annotations.Nullable;

/**
 * Tomcat's NIO endpoint, reading one PROXY header before the first byte of TLS or HTTP.
 *
 * <p>A connection that must send a header waits, without a thread or a buffer of the pool, until the header is complete
 * or {@code proxyProtocolTimeout} is over; then it is handed to the poller like any other. Those that wait count towards
 * {@code maxConnections}, of which they may hold half: the one that has been silent longest makes room for the next.
 *
 * <p>Made to be extended. A subclass may accept in another way by overriding {@code initServerSocket},
 * {@code serverSocketAccept}, {@code doCloseServerSocket} and {@code unlockAccept}; may decide by {@link #proxyRule} what
 * holds for a connection; and may bring connections that it accepted elsewhere to {@link #setSocketOptions}, also from a
 * Unix-domain socket. Attributes are set before the start; everything else is safe for any number of threads.
 */
public class ProxyNioEndpoint extends NioEndpoint {
    private static final Log log = LogFactory.getLog(ProxyNioEndpoint.class);

    private static final long LEAVE_PAUSE = TimeUnit.MICROSECONDS.toNanos(20);

    private enum Mode {
        OFF,
        REQUIRED,
        MIXED
    }

    private final UserDataHelper refusals = new UserDataHelper(log);
    private final LongAdder refused = new LongAdder();

    private String proxyProtocol = "off";
    private String proxyProtocolTrust = "loopback";
    private String proxyProtocolTimeout = "5000";

    // Compiled by bind(), before any thread of the endpoint exists.
    private Mode mode = Mode.OFF;
    private TrustedProxies sources = TrustedProxies.NOBODY;
    private int timeoutMillis;

    private volatile @Nullable ProxyLobby lobby;

    /**
     * {@code off} (default); {@code required}: a source in {@code proxyProtocolTrust} must send a header, any other is
     * closed; {@code mixed}: a source in the list must send it, any other must not and is served as it is.
     */
    public void setProxyProtocol(String proxyProtocol) {
        this.proxyProtocol = proxyProtocol;
    }

    /** See {@link #setProxyProtocol}. */
    public String getProxyProtocol() {
        return proxyProtocol;
    }

    /**
     * Who may send a header: a comma list of addresses, CIDR ranges and names, or any other form of the valve's
     * {@code trust}, of which only the answer for the peer itself counts here; default {@code loopback}.
     */
    public void setProxyProtocolTrust(String proxyProtocolTrust) {
        this.proxyProtocolTrust = proxyProtocolTrust;
    }

    /** See {@link #setProxyProtocolTrust}. */
    public String getProxyProtocolTrust() {
        return proxyProtocolTrust;
    }

    /**
     * Milliseconds from the accept to the last byte of the header, default 5000. The specification (section 2) asks for
     * at least 3000, to survive the loss of one packet.
     */
    public void setProxyProtocolTimeout(String proxyProtocolTimeout) {
        this.proxyProtocolTimeout = proxyProtocolTimeout;
    }

    /** See {@link #setProxyProtocolTimeout}. */
    public String getProxyProtocolTimeout() {
        return proxyProtocolTimeout;
    }

    /** How many connections wait for their header at this moment. */
    public int getProxyHeadersWaiting() {
        ProxyLobby open = lobby;
        return open == null ? 0 : open.waiting();
    }

    /** How many connections were closed before HTTP: wrong source, no header in time, no valid header. */
    public long getProxyConnectionsRefused() {
        return refused.sum();
    }

    /**
     * {@inheritDoc}
     *
     * @throws IllegalArgumentException if an attribute is wrong, with its name and text
     */
    @Override
    public void bind() throws Exception {
        compile();
        super.bind();
    }

    private void compile() {
        mode = switch (proxyProtocol.strip().toLowerCase(Locale.ROOT)) {
            case "off" -> Mode.OFF;
            case "required" -> Mode.REQUIRED;
            case "mixed" -> Mode.MIXED;
            default ->
                throw new IllegalArgumentException(
                        "proxyProtocol: \"" + proxyProtocol + "\" is not off, required or mixed");
        };
        try {
            sources = TrustedProxies.compile(proxyProtocolTrust, List.of(), ProxyNioEndpoint.class.getClassLoader());
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(
                    "proxyProtocolTrust: \"" + proxyProtocolTrust + "\": " + e.getMessage(), e);
        }
        try {
            timeoutMillis = Integer.parseInt(proxyProtocolTimeout.strip());
        } catch (NumberFormatException e) {
            timeoutMillis = 0;
        }
        if (timeoutMillis < 1) {
            throw new IllegalArgumentException("proxyProtocolTimeout: \"" + proxyProtocolTimeout
                    + "\" is not a number of milliseconds from 1 to " + Integer.MAX_VALUE);
        }
    }

    @Override
    public void startInternal() throws Exception {
        if (lobby == null) {
            lobby = new ProxyLobby(this, timeoutMillis);
        }
        super.startInternal();
    }

    @Override
    public void stopInternal() {
        // First, so that nobody leaves the lobby for a poller that is gone.
        ProxyLobby open = lobby;
        if (open != null) {
            open.close();
        }
        super.stopInternal();
        lobby = null;
    }

    /**
     * Decides what holds for a connection, before any of its bytes is read. Here: the attributes {@code proxyProtocol}
     * and {@code proxyProtocolTrust}. Called once per connection by the thread that calls {@link #setSocketOptions}.
     *
     * @throws IOException if the connection is gone; it is closed then
     */
    protected ProxyRule proxyRule(SocketChannel accepted) throws IOException {
        return mode == Mode.OFF ? ProxyRule.OFF : ruleOf(accepted.getRemoteAddress());
    }

    /** What the attributes say of a peer, however its connection came here. */
    ProxyRule ruleOf(SocketAddress peer) {
        if (mode == Mode.OFF) {
            return ProxyRule.OFF;
        }
        if (sources.trusts(ProxyAddress.ip(peer), 0)) {
            return ProxyRule.REQUIRED;
        }
        return mode == Mode.MIXED ? ProxyRule.OFF : ProxyRule.REFUSED;
    }

    /**
     * Takes over an accepted connection, of TCP or of a Unix-domain socket, and sees to it that it is served or closed.
     * Whoever calls this in place of Tomcat's acceptor has called {@link #countUpOrAwaitConnection} before; the count
     * goes down when the connection closes. Does not block.
     *
     * @return false if the connection has been closed already
     */
    @Override
    protected boolean setSocketOptions(SocketChannel socket) {
        ProxyRule rule;
        try {
            socket.configureBlocking(false);
            rule = proxyRule(socket);
        } catch (IOException | RuntimeException e) {
            return refuse(socket, "can't tell its rule: " + e, true);
        }
        return switch (rule) {
            case REFUSED -> refuse(socket, "its address is not in proxyProtocolTrust", false);
            case REQUIRED, RELAYED -> {
                ProxyLobby open = lobby;
                yield open == null
                        ? refuse(socket, "the connector does not run", true)
                        : open.enter(socket, rule == ProxyRule.RELAYED);
            }
            case OFF -> admit(socket, null, null);
        };
    }

    /** How many connections may wait for a header at the same time; asked for each that begins to wait. */
    protected int proxyHeaderPlaces() {
        int most = getMaxConnections();
        return most < 0 ? Integer.MAX_VALUE : Math.max(1, most / 2);
    }

    /**
     * What the calling thread has to do before it waits for the client of a request that it works on; asked for each read
     * or write that may wait, so that an answer costs another attempt without waiting. Null, as here: nothing.
     */
    protected @Nullable Runnable beforeWaiting() {
        return null;
    }

    /**
     * Hands a connection to the poller. Follows {@code NioEndpoint.setSocketOptions} of Tomcat 10.1 and 11.0, which leave
     * no other way to a socket wrapper of one's own.
     *
     * @param relayed whom a relay of our own named as the peer; null if the peer is that of the socket
     * @param proxied the header of the peer; null if it sent none
     * @return false if it had to be closed
     */
    boolean admit(SocketChannel socket, ProxyHeader.@Nullable Inet relayed, @Nullable ProxyProtocol proxied) {
        return connect(socket, channel(), relayed, proxied, null) != null;
    }

    /** Null if it had to be closed. */
    private @Nullable NioSocketWrapper connect(
            SocketChannel socket,
            NioChannel channel,
            ProxyHeader.@Nullable Inet relayed,
            @Nullable ProxyProtocol proxied,
            @Nullable ByteBuffer read) {
        ProxySocketWrapper wrapper = null;
        try {
            Poller poller = getPoller();
            if (poller == null) {
                refuse(socket, "the connector does not run", true);
                return null;
            }
            boolean unix = isUnix(socket);
            ProxySocketWrapper connection = new ProxySocketWrapper(channel, this, relayed, proxied, unix);
            channel.reset(socket, connection);
            connections.put(socket, connection);
            wrapper = connection;
            if (!unix) {
                getSocketProperties().setProperties(socket.socket());
            }
            connection.setReadTimeout(getConnectionTimeout());
            connection.setWriteTimeout(getConnectionTimeout());
            connection.setKeepAliveLeft(getMaxKeepAliveRequests());
            if (read != null) {
                connection.unRead(read);
            }
            poller.register(connection);
            return connection;
        } catch (IOException | RuntimeException e) {
            log.error("can't serve a connection: " + e, e);
            if (wrapper == null) {
                destroySocket(socket);
            } else {
                wrapper.close();
            }
            return null;
        }
    }

    /**
     * Goes on with a connection that another process has begun to serve: what it has read of the next request is served
     * first. Whoever calls this has called {@link #countUpOrAwaitConnection} before. Does not block.
     *
     * @param peer as that process knew it
     * @param read what it has read and not served, at least a byte, at most what Tomcat's read buffer holds
     * @return false if the connection has been closed
     */
    protected boolean resume(SocketChannel socket, ConnectionPeer peer, ByteBuffer read) {
        try {
            socket.configureBlocking(false);
            NioSocketWrapper connection = connect(socket, channel(), peer.relayed(), peer.proxied(), read);
            if (connection == null) {
                return false;
            }
            // The selector may never see it readable: all of the request may be here.
            if (!processSocket(connection, SocketEvent.OPEN_READ, true)) {
                connection.close();
                return false;
            }
            return true;
        } catch (IOException | RuntimeException e) {
            return refuse(socket, "can't go on with it: " + e, true);
        }
    }

    /**
     * Serves a connection that begins with plain HTTP, also if this endpoint speaks TLS: one by which another process
     * relays what it has received. Whoever calls this has called {@link #countUpOrAwaitConnection} before. Does not block.
     *
     * @param channel a new one, whatever its class, over {@link #buffers}
     * @param peer of whom it is relayed
     * @return false if the connection has been closed
     */
    protected boolean serve(SocketChannel socket, NioChannel channel, ConnectionPeer peer) {
        try {
            socket.configureBlocking(false);
            return connect(socket, channel, peer.relayed(), peer.proxied(), null) != null;
        } catch (IOException | RuntimeException e) {
            return refuse(socket, "can't serve it: " + e, true);
        }
    }

    /**
     * Lets go of a connection that another process serves now, by the thread that was given it to serve: closes what is of
     * this process, and leaves the socket as it is. Java shuts down a socket that a selector knows when it closes it, and
     * would end it for the other process too; so the selector forgets it first.
     *
     * @throws IllegalStateException if it is no connection of such an endpoint
     */
    protected void leave(NioSocketWrapper connection) {
        if (!(connection instanceof ProxySocketWrapper leaving)) {
            throw new IllegalStateException("not a connection of this endpoint");
        }
        SocketChannel channel = connection.getSocket().getIOChannel();
        leaving.beginToLeave();
        Selector selector = getPoller().getSelector();
        SelectionKey key = channel.keyFor(selector);
        if (key != null) {
            key.cancel();
        }
        while (channel.isRegistered() && isRunning()) {
            selector.wakeup();
            LockSupport.parkNanos(LEAVE_PAUSE);
        }
        leaving.endLeaving();
    }

    private NioChannel channel() {
        // Tomcat puts every closed one back, also those of serve.
        Class<?> wanted = isSSLEnabled() ? SecureNioChannel.class : NioChannel.class;
        while (getNioChannels() != null) {
            NioChannel cached = getNioChannels().pop();
            if (cached == null) {
                break;
            }
            if (cached.getClass() == wanted) {
                return cached;
            }
            cached.free();
        }
        return isSSLEnabled() ? new SecureNioChannel(buffers(), this) : new NioChannel(buffers());
    }

    /** The buffers of a new connection, as this endpoint is configured. */
    protected SocketBufferHandler buffers() {
        return new SocketBufferHandler(
                getSocketProperties().getAppReadBufSize(),
                getSocketProperties().getAppWriteBufSize(),
                getSocketProperties().getDirectBuffer());
    }

    /**
     * Closes a connection without an answer.
     *
     * @param expected true if it happens in health and is no news to the operator
     * @return false
     */
    boolean refuse(SocketChannel socket, String reason, boolean expected) {
        refused.increment();
        if (expected) {
            log.debug("closed a connection: " + reason);
        } else {
            warn("can't serve the connection from " + peer(socket) + ": " + reason);
        }
        destroySocket(socket);
        return false;
    }

    /** What comes from outside is logged as Tomcat logs it: once a day, and more only for debugging. */
    private void warn(String message) {
        UserDataHelper.Mode next = refusals.getNextMode();
        if (next == null) {
            return;
        }
        switch (next) {
            case INFO_THEN_DEBUG -> log.info(message + "; further ones like it are logged at DEBUG level");
            case INFO -> log.info(message);
            case DEBUG -> log.debug(message);
        }
    }

    private static String peer(SocketChannel socket) {
        try {
            SocketAddress peer = socket.getRemoteAddress();
            return peer instanceof InetSocketAddress inet
                    ? ProxyAddress.text(inet.getAddress()) + ":" + inet.getPort()
                    : "a Unix-domain socket";
        } catch (IOException e) {
            return "an address unknown";
        }
    }

    private static boolean isUnix(SocketChannel socket) {
        try {
            SocketAddress local = socket.getLocalAddress();
            return local instanceof UnixDomainSocketAddress;
        } catch (IOException e) {
            // Closed by the peer; whoever uses it next will see.
            return false;
        }
    }
}
