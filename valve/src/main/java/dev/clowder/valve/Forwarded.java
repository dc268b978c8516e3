package dev.clowder.valve;

import jakarta.servlet.ServletRequest;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What is known about the client of a request, and why: the value of the request attribute {@code forwarded}. In a JSP
 * {@code ${requestScope.forwarded.ip}}, in Java {@code Forwarded.of(request).getIp()}.
 *
 * <p>Immutable and thread-safe; may be kept after the request.
 */
public final class Forwarded {

    /** Name of the request attribute. */
    public static final String ATTRIBUTE = "forwarded";

    /** Why the walk through the chain of addresses stopped, or was never begun. */
    public enum Reason {
        /** The peer of the connection is not trusted: no header counts. */
        UNTRUSTED_PEER,
        /** The peer is trusted, but its header names no address. */
        NO_HEADER,
        /** The normal end: an address was reached that is no trusted proxy. */
        CLIENT,
        /** Every address is trusted: the leftmost is the client. */
        END_OF_CHAIN,
        /** A member is no address: the one before it counts. */
        MALFORMED,
        /** A proxy hid the address before it ({@code unknown}, or RFC 7239 without {@code for}). */
        UNKNOWN,
        /** Fewer hops than {@code trust} announces, so a proxy was bypassed: the peer counts, and no value. */
        TOO_SHORT,
        /** The other family of headers names another client, and {@code conflict="reject"}. */
        CONFLICT
    }

    /**
     * Checks the text of a {@code headers} attribute without starting anything, for programs that take it from a user.
     *
     * @throws IllegalArgumentException if it is neither a family of headers nor the name of a header with one address
     */
    public static void checkHeaders(String headers) {
        AttributeReader reader = new AttributeReader(Map.of("headers", headers));
        new HeaderNames(reader.names(reader.family()));
    }

    private final String ip;
    private final String peer;
    private final Reason reason;
    private final String protocol;
    private final boolean secure;
    private final String hostname;
    private final int port;
    private final @Nullable String prefix;
    private final int remotePort;
    private final int subdomainOffset;
    private final long @Nullable [] proxies;

    /**
     * @param prefix null if none was told; empty if the outside path begins at the root
     * @param proxies two longs for each believed hop but the client, closest first; null if the client is the peer. The
     *     array is shared and never changed
     */
    Forwarded(
            String ip,
            String peer,
            Reason reason,
            String protocol,
            boolean secure,
            String hostname,
            int port,
            @Nullable String prefix,
            int remotePort,
            int subdomainOffset,
            long @Nullable [] proxies) {
        this.ip = ip;
        this.peer = peer;
        this.reason = reason;
        this.protocol = protocol;
        this.secure = secure;
        this.hostname = hostname;
        this.port = port;
        this.prefix = prefix;
        this.remotePort = remotePort;
        this.subdomainOffset = subdomainOffset;
        this.proxies = proxies;
    }

    /**
     * The details of a request; also finds them behind wrappers, after a dispatch and on asynchronous threads.
     *
     * @return null if no {@link ForwardedValve} has seen the request
     */
    public static @Nullable Forwarded of(ServletRequest request) {
        return request.getAttribute(ATTRIBUTE) instanceof Forwarded forwarded ? forwarded : null;
    }

    /** The client: the first address from the right that is not trusted, or the peer. Canonical text. */
    public String getIp() {
        return ip;
    }

    /** The believed part of the chain: client first, then the trusted proxies that spoke, without the peer. */
    public List<String> getIps() {
        if (proxies == null) {
            return List.of();
        }
        List<String> ips = new ArrayList<>(1 + proxies.length / 2);
        ips.add(ip);
        for (int i = proxies.length - 2; i >= 0; i -= 2) {
            ips.add(IpAddress.text(proxies[i], proxies[i + 1]));
        }
        return Collections.unmodifiableList(ips);
    }

    /** {@code http} or {@code https}, as the client used it. */
    public String getProtocol() {
        return protocol;
    }

    /** Whether the client used TLS. */
    public boolean isSecure() {
        return secure;
    }

    /** The host the client asked for, with {@code :port} unless that is the default of the protocol. */
    public String getHost() {
        return port <= 0 || port == (protocol.equals("https") ? 443 : 80) ? hostname : hostname + ":" + port;
    }

    /** The host without port; an IPv6 address keeps its brackets. */
    public String getHostname() {
        return hostname;
    }

    /** The port the client asked for. */
    public int getPort() {
        return port;
    }

    /**
     * The labels of the host name from right to left, without the first {@code subdomainOffset} (2): for
     * {@code tobi.ferrets.example.com} these are {@code ferrets, tobi}. An IP address is one label.
     */
    public List<String> getSubdomains() {
        List<String> labels = new ArrayList<>();
        if (hostname.startsWith("[") || IpAddress.parseV4(hostname, 0, hostname.length()) >= 0) {
            labels.add(hostname);
        } else {
            int end = hostname.length();
            for (int dot = hostname.lastIndexOf('.'); end > 0; dot = hostname.lastIndexOf('.', end - 1)) {
                labels.add(hostname.substring(dot + 1, end));
                end = dot;
            }
        }
        return List.copyOf(labels.subList(Math.min(subdomainOffset, labels.size()), labels.size()));
    }

    /** The path that a proxy removed, such as {@code /shop}; empty if there is none. */
    public String getPrefix() {
        return prefix == null ? "" : prefix;
    }

    /** The address of the socket, or of the PROXY header; {@code unix} for a Unix socket. */
    public String getPeer() {
        return peer;
    }

    /** Why the walk stopped where it did. */
    public Reason getReason() {
        return reason;
    }

    /** Whether this is what a request without believed headers would become that has these facts. */
    boolean isAsReceived(
            String itsPeer, Reason itsReason, String scheme, boolean isSecure, String itsHostname, int itsPort) {
        return proxies == null
                && prefix == null
                && reason == itsReason
                && port == itsPort
                && secure == isSecure
                && ip.equals(itsPeer)
                && protocol.equals(scheme)
                && hostname.equals(itsHostname);
    }

    /** The same for another host; for null this one. */
    Forwarded withHostname(@Nullable String newHostname) {
        return newHostname == null
                ? this
                : new Forwarded(
                        ip,
                        peer,
                        reason,
                        protocol,
                        secure,
                        newHostname,
                        port,
                        prefix,
                        remotePort,
                        subdomainOffset,
                        proxies);
    }

    /** What takes the place of the context path, empty for the root; null to leave it as it is. */
    @Nullable
    String contextPath() {
        return prefix;
    }

    /** Whether the client is known from a header; otherwise it is the peer. */
    boolean fromHeader() {
        return proxies != null;
    }

    /** Port of the client if it is known from the header, 0 if the header gave none; only if {@link #fromHeader}. */
    int remotePort() {
        return remotePort;
    }

    /** For logs: {@code 203.0.113.7 CLIENT}. */
    @Override
    public String toString() {
        return ip + " " + reason;
    }
}
