package dev.clowder.valve;

import dev.clowder.valve.ClientResolver.Walk;
import dev.clowder.valve.Forwarded.Reason;
import dev.clowder.valve.ForwardedPolicy.Family;
import dev.clowder.valve.HeaderNames.Role;
import org.jspecify.annotations.Nullable;

/**
 * Protocol, host, port and prefix of the accepted hop, never of the left end that the client could have written. Reused
 * from request to request, not thread-safe.
 */
final class ForwardedValues {

    /** The headers that tell protocol, host or port each by themselves. */
    private static final int TARGET = Role.PROTO.bit() | Role.HOST.bit() | Role.PORT.bit();

    private final ForwardedPolicy policy;
    private final RequestHead head;
    private final HeaderScan scan;
    private final ListCursor members;
    private final Span span = new Span();
    private final Authority authority = new Authority();
    private final StringBuilder buffer = new StringBuilder();
    private int refused;
    private boolean targetTold;
    private @Nullable Forwarded lastAsReceived;

    ForwardedValues(ForwardedPolicy policy, RequestHead head, HeaderScan scan) {
        this.policy = policy;
        this.head = head;
        this.scan = scan;
        this.members = new ListCursor(head, scan);
    }

    /** The request without any forwarding; most likely the same as the one before on its connection, so kept. */
    Forwarded asReceived(String peer, Reason reason) {
        String scheme = head.scheme();
        boolean secure = head.secure();
        String hostname = head.hostname();
        int port = head.port();
        Forwarded kept = lastAsReceived;
        if (kept == null || !kept.isAsReceived(peer, reason, scheme, secure, hostname, port)) {
            kept = new Forwarded(
                    peer, peer, reason, scheme, secure, hostname, port, null, 0, policy.subdomainOffset(), null);
            lastAsReceived = kept;
        }
        return kept;
    }

    /** The request as the believed hops tell it. */
    Forwarded believed(String peer, Reason reason, Walk walk) {
        refused = 0;
        int accepted = walk.believed();
        Scheme scheme = null;
        String hostname = null;
        int port = 0;
        targetTold = scan.hasAny(TARGET) || walk.proto().isSet() || walk.host().isSet();
        if (targetTold) {
            scheme = scheme(walk, accepted);
            hostname = hostname(walk, accepted);
            port = port(scheme, hostname, accepted);
        }
        return new Forwarded(
                accepted == 0 ? peer : walk.client(head),
                peer,
                reason,
                scheme == null ? head.scheme() : scheme.text,
                scheme == null ? head.secure() : scheme.secure,
                hostname == null ? head.hostname() : hostname,
                port == 0 ? head.port() : port,
                prefix(accepted),
                walk.port(),
                policy.subdomainOffset(),
                walk.proxies());
    }

    /** The bits of the roles whose value was there and was not believed. */
    int refused() {
        return refused;
    }

    /** Whether the last believed hops told anything of protocol, host or port, believed or not. */
    boolean isTargetTold() {
        return targetTold;
    }

    private @Nullable Scheme scheme(Walk walk, int accepted) {
        if (!locate(Role.PROTO, walk.proto(), accepted)) {
            return null;
        }
        CharSequence text = located();
        Scheme scheme = Scheme.parse(text, from(text), to(text));
        if (scheme == null) {
            refused |= Role.PROTO.bit();
        }
        return scheme;
    }

    private @Nullable String hostname(Walk walk, int accepted) {
        if (!locate(Role.HOST, walk.host(), accepted)) {
            return null;
        }
        CharSequence text = located();
        if (authority.parse(text, from(text), to(text))) {
            String name = text.subSequence(from(text), authority.nameEnd()).toString();
            if (policy.hosts() == null || policy.hosts().allow(name)) {
                return name;
            }
        }
        refused |= Role.HOST.bit();
        return null;
    }

    /** The port that was told, or follows from what was told; 0 if it stays as it is. */
    private int port(@Nullable Scheme scheme, @Nullable String hostname, int accepted) {
        int hostPort = hostname == null ? 0 : authority.port();
        int port = toldPort(accepted);
        if (port != 0 || hostPort != 0) {
            return port != 0 ? port : hostPort;
        }
        String protocol = scheme == null ? head.scheme() : scheme.text;
        return hostname == null && protocol.equals(head.scheme()) ? 0 : Scheme.defaultPort(protocol);
    }

    private int toldPort(int accepted) {
        if (!select(Role.PORT, accepted)) {
            return 0;
        }
        int port = Decimal.port(span.text(head), span.from(), span.to());
        if (port < 0) {
            refused |= Role.PORT.bit();
        }
        return Math.max(port, 0);
    }

    /** A value of the accepted element (RFC 7239), or the right member of a header of its own. */
    private boolean locate(Role role, Span ofElement, int accepted) {
        if (policy.family() != Family.FORWARDED) {
            return select(role, accepted);
        }
        if (ofElement.isSet()) {
            span.copyFrom(ofElement);
        }
        return ofElement.isSet();
    }

    /** The text that {@link #locate} found, from {@link #from} to {@link #to}; quoted pairs exist only in RFC 7239. */
    private CharSequence located() {
        CharSequence text = span.text(head);
        return policy.family() == Family.FORWARDED
                ? ForwardedHeader.unquote(text, span.from(), span.to(), buffer)
                : text;
    }

    private int from(CharSequence located) {
        return located == buffer ? 0 : span.from();
    }

    private int to(CharSequence located) {
        return located == buffer ? buffer.length() : span.to();
    }

    /**
     * The member that belongs to the accepted hop: the one at its place counted from the right, as each proxy on the way
     * appended one, whatever a client has written further left. Of a list that is shorter, the rightmost, which the peer
     * wrote; a single member is that too: inner proxies pass on the edge's value.
     */
    private boolean select(Role role, int accepted) {
        if (!scan.has(role)) {
            return false;
        }
        members.start(role);
        if (!members.previous()) {
            return false;
        }
        span.set(members.line(), members.from(), members.to());
        for (int hop = 2; hop <= accepted; hop++) {
            if (!members.previous()) {
                return true;
            }
        }
        span.set(members.line(), members.from(), members.to());
        return true;
    }

    /** The prefixes that the believed proxies removed, the outermost first. One bad one spoils them all. */
    private @Nullable String prefix(int accepted) {
        if (!scan.has(Role.PREFIX)) {
            return null;
        }
        members.start(Role.PREFIX);
        String prefix = null;
        for (int hop = 0; hop < Math.max(accepted, 1) && members.previous(); hop++) {
            int end = PathPrefix.end(members.text(), members.from(), members.to());
            if (end < 0) {
                refused |= Role.PREFIX.bit();
                return null;
            }
            CharSequence part = members.text().subSequence(members.from(), end);
            prefix = prefix == null ? part.toString() : part + prefix;
        }
        return prefix;
    }
}
