package dev.clowder.valve;

import dev.clowder.valve.ProxyHeaderParser.Done;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import org.apache.coyote.ActionCode;
import org.apache.coyote.Request;
import org.apache.tomcat.util.buf.MessageBytes;
import org.apache.tomcat.util.net.SocketWrapperBase;
import org.jspecify.annotations.Nullable;

/**
 * What is known of the peer of a connection beside its socket: what PROXY headers said. Bytes, so that another process
 * can take the connection over with {@link ProxyNioEndpoint#resume}, or a request of it with {@link ProxyNioEndpoint#serve}. Immutable.
 */
public final class ConnectionPeer {
    private final byte[] relayed;
    private final byte[] proxied;

    private ConnectionPeer(byte[] relayed, byte[] proxied) {
        this.relayed = relayed;
        this.proxied = proxied;
    }

    /** The peer of a connection of a {@link ProxyNioEndpoint}, or of any other. */
    public static ConnectionPeer of(SocketWrapperBase<?> connection) {
        if (!(connection instanceof ProxySocketWrapper known)) {
            return new ConnectionPeer(new byte[0], new byte[0]);
        }
        return of(known.relayed(), known.proxied());
    }

    static ConnectionPeer of(ProxyHeader.@Nullable Inet relayed, @Nullable ProxyProtocol proxied) {
        byte[] relay = relayed == null ? new byte[0] : ProxyHeaderWriter.v2(relayed.source(), relayed.destination());
        return new ConnectionPeer(relay, received(proxied));
    }

    /**
     * The peer of the connection that a request came by, with its address, for whoever relays the request. Null if its
     * address is not known any more.
     */
    public static @Nullable ConnectionPeer of(Request request) {
        ProxyProtocol proxied =
                request.getServletConnection() instanceof ProxySocketWrapper.Connection known ? known.proxied() : null;
        byte[] header = received(proxied);
        if (ProxyAdapter.isUnix(request)) {
            return new ConnectionPeer(new byte[0], header);
        }
        request.action(ActionCode.REQ_HOST_ADDR_ATTRIBUTE, request);
        request.action(ActionCode.REQ_REMOTEPORT_ATTRIBUTE, request);
        request.action(ActionCode.REQ_LOCAL_ADDR_ATTRIBUTE, request);
        request.action(ActionCode.REQ_LOCALPORT_ATTRIBUTE, request);
        InetSocketAddress source = address(request.remoteAddr(), request.getRemotePort());
        InetSocketAddress destination = address(request.localAddr(), request.getLocalPort());
        return source == null || destination == null
                ? null
                : new ConnectionPeer(ProxyHeaderWriter.v2(source, destination), header);
    }

    private static @Nullable InetSocketAddress address(MessageBytes text, int port) {
        if (text.isNull()) {
            return null;
        }
        String whole = text.toString();
        int zone = whole.indexOf('%');
        String plain = zone < 0 ? whole : whole.substring(0, zone);
        InetAddress address = plain.indexOf(':') < 0 ? ProxyAddress.parseIpv4(plain) : ProxyAddress.parseIpv6(plain);
        return address == null ? null : new InetSocketAddress(address, Math.max(port, 0));
    }

    /** The inverse of {@link #put}; the buffer is behind it then. */
    public static ConnectionPeer get(ByteBuffer from) {
        byte[] relayed = new byte[from.getShort()];
        from.get(relayed);
        byte[] proxied = new byte[from.getShort()];
        from.get(proxied);
        return new ConnectionPeer(relayed, proxied);
    }

    /** How many bytes {@link #put} writes. */
    public int length() {
        return 2 * Short.BYTES + relayed.length + proxied.length;
    }

    /** Writes it. */
    public void put(ByteBuffer into) {
        into.putShort((short) relayed.length).put(relayed);
        into.putShort((short) proxied.length).put(proxied);
    }

    ProxyHeader.@Nullable Inet relayed() throws IOException {
        return read(relayed) instanceof ProxyHeader.Inet inet ? inet : null;
    }

    @Nullable
    ProxyProtocol proxied() throws IOException {
        ProxyHeader header = read(proxied);
        return header == null ? null : new ProxyProtocol(header, proxied);
    }

    private static byte[] received(@Nullable ProxyProtocol proxied) {
        return proxied == null ? new byte[0] : proxied.received();
    }

    private static @Nullable ProxyHeader read(byte[] header) throws IOException {
        if (header.length == 0) {
            return null;
        }
        if (ProxyHeaderParser.parse(ByteBuffer.wrap(header)) instanceof Done done) {
            return done.header();
        }
        throw new IOException("not a PROXY header");
    }
}
