package dev.clowder.valve;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.catalina.connector.Connector;
import org.apache.coyote.ActionCode;
import org.apache.coyote.Request;
import org.apache.coyote.http11.AbstractHttp11Protocol;
import org.apache.tomcat.util.buf.ByteChunk;
import org.apache.tomcat.util.buf.CharChunk;
import org.apache.tomcat.util.buf.MessageBytes;
import org.apache.tomcat.util.http.MimeHeaders;
import org.jspecify.annotations.Nullable;

/**
 * The head of a request as Tomcat's protocol layer holds it. One for each Coyote request object, reused with it; not
 * thread-safe, as that object.
 */
final class CoyoteHead implements RequestHead {

    private static final String UNIX = "unix";

    /** The lowest status of a refusal. */
    private static final int REFUSED = 400;

    private final Request coyote;
    private final MimeHeaders lines;
    private final Connector connector;
    private final boolean unixSocket;
    private final boolean speaksProxyProtocol;
    private final ByteText name = new ByteText();
    private final ByteText value = new ByteText();
    private String peer = "";
    private boolean peerMayVouch = true;
    private boolean isMapped;
    private boolean mappedSecure;
    private String hostname = "";
    private char[] letters = {};

    CoyoteHead(Request coyote, Connector connector) {
        this.coyote = coyote;
        this.lines = coyote.getMimeHeaders();
        this.connector = connector;
        // With AJP the address is that of the message, whatever carries it.
        this.unixSocket = connector.getProtocolHandler() instanceof AbstractHttp11Protocol
                && connector.getProperty("unixDomainSocketPath") != null;
        this.speaksProxyProtocol = connector.getProtocolHandler() instanceof ProxyHttp11NioProtocol;
    }

    /** Begins a request whose peer is that of the connection. */
    void readPeerOfConnection() {
        isMapped = false;
        coyote.action(ActionCode.REQ_HOST_ADDR_ATTRIBUTE, coyote);
        readPeer(coyote.remoteAddr().toString());
    }

    /** Begins a request of which Tomcat, and the valves so far, know the peer and whether it is secure. */
    void readMapped(org.apache.catalina.connector.Request request) {
        isMapped = true;
        mappedSecure = request.isSecure();
        readPeer(request.getRemoteAddr());
    }

    /**
     * Begins a request whose peer somebody has found out.
     *
     * @param address what Tomcat says; 127.0.0.1 for a Unix socket, which would let {@code loopback} trust whoever can
     *     open the socket file
     */
    @SuppressWarnings("ReferenceEquality") // The text of a socket address is one object for the whole connection.
    void readPeer(@Nullable String address) {
        boolean unix = unixSocket;
        // Tomcat refused it while reading: the lines that are missing may be those that the proxy added last.
        peerMayVouch = coyote.getResponse().getStatus() < REFUSED || !wasCutOff();
        if (speaksProxyProtocol) {
            // The adapter that tells the request of its header may stand behind the one that asks here.
            ProxyProtocol proxied = ProxyAdapter.introduce(coyote);
            peerMayVouch &= proxied == null || !proxied.isAnonymous();
            unix |= ProxyAdapter.isUnix(coyote);
        }
        String text = unix ? UNIX : address == null ? "" : address;
        if (peer != text) {
            peer = text;
        }
    }

    /** Not so if Tomcat has read it whole and then does not serve it, as TRACE or a path that it refuses. */
    private boolean wasCutOff() {
        AtomicBoolean error = new AtomicBoolean();
        coyote.action(ActionCode.IS_ERROR, error);
        return error.get();
    }

    /** Whether the connector has an idea of its own of how it is reached from outside. */
    boolean hasProxy() {
        return connector.getProxyName() != null || connector.getProxyPort() != 0;
    }

    @Override
    public String peer() {
        return peer;
    }

    @Override
    public boolean peerMayVouch() {
        return peerMayVouch;
    }

    @Override
    public String scheme() {
        String scheme = coyote.scheme().isNull()
                ? connector.getScheme()
                : coyote.scheme().toStringType();
        return scheme.equals("https") ? "https" : "http";
    }

    @Override
    public boolean secure() {
        if (isMapped) {
            // By now a scheme is always set, and says nothing of a connector with secure="true" and http.
            return mappedSecure;
        }
        return coyote.scheme().isNull()
                ? connector.getSecure()
                : coyote.scheme().equals("https");
    }

    @Override
    public String hostname() {
        String proxyName = connector.getProxyName();
        if (proxyName != null) {
            return proxyName;
        }
        MessageBytes name = coyote.serverName();
        if (!isHostname(name)) {
            // The next request on this connection most likely asks for the same host.
            String text = name.toString();
            hostname = text == null ? "" : text;
            letters = hostname.toCharArray();
        }
        return hostname;
    }

    /** By {@link Arrays#equals}, which goes through an array in great steps. */
    private boolean isHostname(MessageBytes name) {
        if (name.getType() != MessageBytes.T_CHARS) {
            return name.equals(hostname);
        }
        CharChunk chars = name.getCharChunk();
        return Arrays.equals(chars.getBuffer(), chars.getStart(), chars.getEnd(), letters, 0, letters.length);
    }

    @Override
    public int port() {
        int port = connector.getProxyPort() != 0 ? connector.getProxyPort() : coyote.getServerPort();
        return port > 0 ? port : Scheme.defaultPort(scheme());
    }

    @Override
    public int headers() {
        return lines.size();
    }

    @Override
    public int headerNameLength(int index) {
        return lines.getName(index).getLength();
    }

    @Override
    public CharSequence headerName(int index) {
        return text(lines.getName(index), name);
    }

    @Override
    public CharSequence headerValue(int index) {
        return text(lines.getValue(index), value);
    }

    /** The bytes as they came; for a header that was decoded already (HTTP/2) its own String. */
    private static CharSequence text(MessageBytes header, ByteText view) {
        if (header.getType() != MessageBytes.T_BYTES) {
            String text = header.toString();
            return text == null ? "" : text;
        }
        ByteChunk chunk = header.getByteChunk();
        return view.of(chunk.getBytes(), chunk.getStart(), chunk.getLength());
    }
}
