package dev.clowder.valve;

import dev.clowder.valve.Forwarded.Reason;
import dev.clowder.valve.ForwardedPolicy.Family;
import dev.clowder.valve.HeaderNames.Role;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * From the head of a request and the policy to what the application should see. The outcome depends on nothing else.
 *
 * <p>Legal order for each request: {@link #resolve}, then {@link #isRejected} and {@link #strippedBefore}. One resolver belongs
 * to one request object and is reused for each request in it, so that a request without a header costs no memory. It
 * never throws, whatever the headers hold, and its work is linear in their length. Not thread-safe.
 */
final class ClientResolver {

    private static final int READ =
            Role.CHAIN.bit() | Role.PROTO.bit() | Role.HOST.bit() | Role.PORT.bit() | Role.PREFIX.bit();
    private static final int NEVER_READ =
            Role.OTHER.bit() | Role.OTHER_FOR.bit() | Role.OTHER_FORWARDED.bit() | Role.ALIAS.bit();
    private static final int ALL = READ | NEVER_READ | Role.COMPANION.bit() | Role.CERTIFICATE.bit();

    private final ForwardedPolicy policy;
    private final RequestHead head;
    private final HeaderScan scan = new HeaderScan();
    private final DecidingLines lines = new DecidingLines();
    private final Hops hops;
    private final Walk walk;
    private final ForwardedValues values;
    private final @Nullable RemoteIpReading remoteIp;

    private @Nullable String lastPeer;
    private String peer = "";
    private final IpAddress peerAddress = new IpAddress();
    private boolean peerIsTrusted;

    private boolean believed;
    private boolean targetTold;
    private boolean rejected;
    private int refused;

    ClientResolver(ForwardedPolicy policy, RequestHead head) {
        this.policy = policy;
        this.head = head;
        this.hops = hops(policy.family());
        this.walk = new Walk(policy.trust());
        this.values = new ForwardedValues(policy, head, scan);
        RemoteIpRules rules = policy.remoteIp();
        this.remoteIp = rules == null ? null : new RemoteIpReading(policy, rules, head, scan);
    }

    private Hops hops(Family family) {
        return switch (family) {
            case X_FORWARDED -> new XForwardedHeaders(head, scan, Role.CHAIN);
            case FORWARDED -> new ForwardedHeader(head, scan, Role.CHAIN);
            case SINGLE -> new SingleAddressHeader(head, scan, false);
            case SINGLE_WITH_PORT -> new SingleAddressHeader(head, scan, true);
        };
    }

    ForwardedPolicy policy() {
        return policy;
    }

    /** Judges the request that is in the head now. */
    Forwarded resolve() {
        scan.scan(head, policy.names());
        judgePeer();
        believed = false;
        rejected = false;
        refused = NEVER_READ;
        if (remoteIp != null) {
            remoteIp.clear();
        }
        if (!head.peerMayVouch() || !peerIsTrusted) {
            refused = ALL;
            return values.asReceived(peer, Reason.UNTRUSTED_PEER);
        }
        if (policy.family() != Family.X_FORWARDED) {
            refused |= Role.COMPANION.bit();
        }
        boolean compares = policy.rejectConflict() && scan.hasAny(Role.OTHER_FOR.bit() | Role.OTHER_FORWARDED.bit());
        if (!compares && !scan.hasAny(READ)) {
            return values.asReceived(peer, Reason.NO_HEADER);
        }
        RecentClients recent = policy.recent();
        return recent == null || compares || !lines.read(head, scan, READ) ? judge(compares) : recall(recent);
    }

    /** As {@link #judge}, which is asked only if the answer is not known from another request with the same lines. */
    private Forwarded recall(RecentClients recent) {
        RecentClients.Answer known = recent.find(lines, head, peer);
        if (known != null) {
            believed = true;
            targetTold = known.isTargetTold();
            return known.forwarded();
        }
        int refusedAnyway = refused;
        Forwarded forwarded = judge(false);
        if (believed && !rejected && refused == refusedAnyway) {
            recent.add(lines, head, targetTold, forwarded);
        }
        return forwarded;
    }

    private Forwarded judge(boolean compares) {
        int announced = policy.trust().announcedHops();
        if (announced > 1 && isShorterThan(announced)) {
            refused |= READ;
            return values.asReceived(peer, Reason.TOO_SHORT);
        }
        hops.start();
        Reason reason = walk.run(hops);
        if (compares && anotherClientIsNamed()) {
            rejected = true;
            return values.asReceived(peer, Reason.CONFLICT);
        }
        if (reason == Reason.MALFORMED) {
            rejected = policy.rejectMalformed();
            refused |= walk.believed() == 0 ? Role.CHAIN.bit() : 0;
        }
        believed = true;
        if (remoteIp != null) {
            Forwarded forwarded = remoteIp.believed(peer, peerAddress, reason, walk);
            refused |= remoteIp.refused();
            return forwarded;
        }
        Forwarded forwarded = values.believed(peer, reason, walk);
        refused |= values.refused();
        targetTold = values.isTargetTold();
        return forwarded;
    }

    private boolean isShorterThan(int announced) {
        hops.start();
        int count = hops.count();
        return count >= 1 && count < announced;
    }

    private boolean anotherClientIsNamed() {
        return names(new XForwardedHeaders(head, scan, Role.OTHER_FOR))
                || names(new ForwardedHeader(head, scan, Role.OTHER_FORWARDED));
    }

    private boolean names(Hops others) {
        others.start();
        Walk other = new Walk(policy.trust());
        other.run(others);
        return other.believed() > 0 && !other.endsLike(walk);
    }

    /** The text of a socket address is the same object for all requests of a connection: it is judged once. */
    @SuppressWarnings("ReferenceEquality")
    private void judgePeer() {
        String text = head.peer();
        if (text != lastPeer) {
            lastPeer = text;
            readPeer(text);
        } else if (!policy.trust().mayChange()) {
            return;
        }
        peerIsTrusted = policy.trust().trusts(peerAddress, 0);
    }

    private void readPeer(String text) {
        if (text.equals("unix")) {
            peerAddress.setUnix();
            peer = text;
            return;
        }
        int zone = text.indexOf('%');
        int end = zone < 0 ? text.length() : zone;
        if (peerAddress.parse(text, 0, end)) {
            String canonical = zone < 0 ? peerAddress.toString() : peerAddress + text.substring(zone);
            peer = canonical.equals(text) ? text : canonical;
        } else {
            peerAddress.set(0, 0); // "::", which no rule covers
            peer = text;
        }
    }

    /** Why the last request was judged so, for people; before any of its headers is removed. */
    String explain(Forwarded forwarded) {
        return Explanation.of(forwarded, policy, head.peerMayVouch(), peerAddress, hops);
    }

    /** What else RemoteIpValve would tell of the last request; null in the own form of the settings. */
    @Nullable
    RemoteIpReading remoteIp() {
        return remoteIp;
    }

    /** Whether any header of the last request may have changed its protocol, host or port. */
    boolean believesHeaders() {
        return believed && !rejected && (remoteIp != null || targetTold);
    }

    /** Whether the last request is to be answered with 400. */
    boolean isRejected() {
        return rejected;
    }

    /**
     * The next header line to the front of {@code line} that was not believed in the last request and is not for the
     * application's eyes; -1 if there is none.
     */
    int strippedBefore(int line) {
        return policy.strip() && scan.hasAny(refused) ? scan.previous(refused, line) : -1;
    }

    /** The walk through the chain: hop by hop away from the peer, for as long as the speaker is trusted. */
    static final class Walk {

        private final TrustedProxies trust;
        private final Hop hop = new Hop();
        private final Span proto = new Span();
        private final Span host = new Span();
        private final byte[] text = new byte[IpAddress.LONGEST_TEXT];
        private long[] chain = new long[8];
        private long[] lastProxies = {};
        private int believed;
        private int port;

        Walk(TrustedProxies trust) {
            this.trust = trust;
        }

        /** Begins at the peer, who is trusted. */
        Reason run(Hops hops) {
            believed = 0;
            port = 0;
            proto.clear();
            host.clear();
            do {
                if (!hops.next(hop)) {
                    return believed == 0 ? Reason.NO_HEADER : Reason.END_OF_CHAIN;
                }
                if (hop.kind == Hop.Kind.MALFORMED) {
                    return Reason.MALFORMED;
                }
                believe();
                if (hop.kind == Hop.Kind.HIDDEN) {
                    return Reason.UNKNOWN;
                }
            } while (trust.trusts(hop.address, believed));
            return Reason.CLIENT;
        }

        /** Protocol and host are those of the last hop that has them: the accepted one, or the next to its right. */
        private void believe() {
            if (hop.proto.isSet()) {
                proto.copyFrom(hop.proto);
            }
            if (hop.host.isSet()) {
                host.copyFrom(hop.host);
            }
            if (hop.kind == Hop.Kind.ADDRESS) {
                if (chain.length == 2 * believed) {
                    chain = Arrays.copyOf(chain, 4 * believed);
                }
                chain[2 * believed] = hop.address.high();
                chain[2 * believed + 1] = hop.address.low();
                port = hop.port;
                believed++;
            }
        }

        boolean endsLike(Walk other) {
            return other.believed > 0
                    && chain[2 * believed - 2] == other.chain[2 * other.believed - 2]
                    && chain[2 * believed - 1] == other.chain[2 * other.believed - 1];
        }

        /** How many hops were believed. */
        int believed() {
            return believed;
        }

        /** The client's port, 0 if unknown. */
        int port() {
            return port;
        }

        /** The text of the last believed hop; that of a header is copied and not written anew wherever that is the same. */
        String client(RequestHead head) {
            Span written = hop.asWritten;
            if (hop.kind == Hop.Kind.ADDRESS && written.isSet()) {
                return written.text(head)
                        .subSequence(written.from(), written.to())
                        .toString();
            }
            return IpAddress.text(chain[2 * believed - 2], chain[2 * believed - 1], text);
        }

        /** Puts a believed hop into {@code address}; 0 is the closest. */
        void read(int hop, IpAddress address) {
            address.set(chain[2 * hop], chain[2 * hop + 1]);
        }

        /**
         * The believed hops but the client, two longs for each, closest first; null if none was believed. Most likely the
         * same as in the request before, then also the same array.
         */
        long @Nullable [] proxies() {
            if (believed == 0) {
                return null;
            }
            int length = 2 * believed - 2;
            if (!Arrays.equals(chain, 0, length, lastProxies, 0, lastProxies.length)) {
                lastProxies = Arrays.copyOf(chain, length);
            }
            return lastProxies;
        }

        Span proto() {
            return proto;
        }

        Span host() {
            return host;
        }
    }
}
