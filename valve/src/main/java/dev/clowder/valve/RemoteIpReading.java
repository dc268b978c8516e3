package dev.clowder.valve;

import dev.clowder.valve.ClientResolver.Walk;
import dev.clowder.valve.Forwarded.Reason;
import dev.clowder.valve.HeaderNames.Role;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Protocol, host and port as Tomcat's {@code RemoteIpValve} takes them from their headers, and the two headers that it
 * leaves to the application. Reused from request to request, not thread-safe.
 */
final class RemoteIpReading {

    private final ForwardedPolicy policy;
    private final RemoteIpRules rules;
    private final String chainHeader;
    private final RequestHead head;
    private final HeaderScan scan;
    private final ListCursor members;
    private final Authority authority = new Authority();
    private final IpAddress proxy = new IpAddress();
    private int refused;
    private @Nullable String host;
    private boolean protocolTold;
    private boolean clientTold;
    private @Nullable String unreadChain;
    private @Nullable String proxies;

    RemoteIpReading(ForwardedPolicy policy, RemoteIpRules rules, RequestHead head, HeaderScan scan) {
        this.policy = policy;
        this.rules = rules;
        this.chainHeader = Objects.requireNonNull(policy.names().nameOf(Role.CHAIN));
        this.head = head;
        this.scan = scan;
        this.members = new ListCursor(head, scan);
    }

    /** Forgets the request before. */
    void clear() {
        refused = 0;
        host = null;
        protocolTold = false;
        clientTold = false;
        unreadChain = null;
        proxies = null;
    }

    /** The request as a trusted peer tells it. */
    Forwarded believed(String peer, IpAddress peerAddress, Reason reason, Walk walk) {
        clientTold = walk.believed() > 0;
        if (clientTold) {
            unreadChain = unreadChain(walk.believed());
            proxies = proxies(walk, peerAddress);
        }
        protocolTold = scan.has(Role.PROTO);
        boolean secure = protocolTold ? everyMemberSaysHttps() : head.secure();
        host = host();
        return new Forwarded(
                clientTold ? walk.client(head) : peer,
                peer,
                reason,
                protocolTold ? (secure ? "https" : "http") : head.scheme(),
                secure,
                host == null ? head.hostname() : host,
                protocolTold ? port(secure) : head.port(),
                null,
                walk.port(),
                policy.subdomainOffset(),
                walk.proxies());
    }

    /**
     * All of them: one hop without TLS is enough to call the way insecure. An empty member does not say it; only commas
     * at the right end are no members, as in Tomcat.
     */
    private boolean everyMemberSaysHttps() {
        members.start(Role.PROTO);
        int count = 0;
        while (members.previousOrEmpty()) {
            if (count == 0 && members.isNothing()) {
                continue;
            }
            count++;
            if (!Hop.equalsIgnoreCase(members.text(), members.from(), members.to(), rules.httpsValue())) {
                return false;
            }
        }
        return count > 0;
    }

    /** A list, in one line or in several, names no host. The port in it does not count. */
    private @Nullable String host() {
        if (!isSingle(Role.HOST) || !authority.parse(members.text(), members.from(), members.to())) {
            refused |= scan.has(Role.HOST) ? Role.HOST.bit() : 0;
            return null;
        }
        String name =
                members.text().subSequence(members.from(), authority.nameEnd()).toString();
        if (policy.hosts() != null && !policy.hosts().allow(name)) {
            refused |= Role.HOST.bit();
            return null;
        }
        return name;
    }

    private int port(boolean secure) {
        int port = isSingle(Role.PORT) ? Decimal.port(members.text(), members.from(), members.to()) : -1;
        if (port < 0) {
            refused |= scan.has(Role.PORT) ? Role.PORT.bit() : 0;
            return secure ? rules.httpsPort() : rules.httpPort();
        }
        return port;
    }

    /** Leaves the cursor at the only member of a header. */
    private boolean isSingle(Role role) {
        members.start(role);
        if (!members.previous() || members.countRest() > 0) {
            return false;
        }
        members.start(role);
        return members.previous();
    }

    private @Nullable String unreadChain(int believed) {
        members.start(Role.CHAIN);
        for (int i = 0; i < believed; i++) {
            members.previous();
        }
        if (!members.previous()) {
            return null;
        }
        List<String> rest = new ArrayList<>();
        do {
            rest.add(members.text().subSequence(members.from(), members.to()).toString());
        } while (members.previous());
        return joinReversed(rest);
    }

    private @Nullable String proxies(Walk walk, IpAddress peerAddress) {
        List<String> named = new ArrayList<>(0); // Most likely it stays empty: internal proxies have no name.
        if (!rules.internal().trusts(peerAddress, 0)) {
            named.add(peerAddress.toString());
        }
        for (int hop = 0; hop < walk.believed(); hop++) {
            walk.read(hop, proxy);
            if (!rules.internal().trusts(proxy, 0) && rules.trusted().trusts(proxy, 0)) {
                named.add(proxy.toString());
            }
        }
        return joinReversed(named);
    }

    private static @Nullable String joinReversed(List<String> closestFirst) {
        Collections.reverse(closestFirst);
        return closestFirst.isEmpty() ? null : String.join(",", closestFirst);
    }

    /** The bits of the roles whose value was there and was not believed. */
    int refused() {
        return refused;
    }

    RemoteIpRules rules() {
        return rules;
    }

    /** Name of the header with the chain. */
    String chainHeader() {
        return chainHeader;
    }

    /** The host that was believed, without port; null if none was. */
    @Nullable
    String hostTold() {
        return host;
    }

    boolean isProtocolTold() {
        return protocolTold;
    }

    /** Whether the client is known from the header; only then the two headers change. */
    boolean isClientTold() {
        return clientTold;
    }

    /** What is left of the chain to the left of the client; null for nothing. */
    @Nullable
    String chainLeft() {
        return unreadChain;
    }

    /** The trusted proxies that are not internal, those next to the client first; null for none. */
    @Nullable
    String proxiesNamed() {
        return proxies;
    }
}
