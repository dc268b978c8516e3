package dev.clowder.valve;

import dev.clowder.valve.Forwarded.Reason;
import dev.clowder.valve.HeaderNames.Role;

/** A decision in one line for a log: the peer, the header and its members as far as they were read, and the rules. */
final class Explanation {

    private static final int MOST_MEMBERS = 16;
    private static final int LONGEST_MEMBER = 64;

    private Explanation() {}

    static String of(
            Forwarded forwarded, ForwardedPolicy policy, boolean peerMayVouch, IpAddress peerAddress, Hops hops) {
        StringBuilder line = new StringBuilder().append(forwarded).append(": peer ");
        append(line, forwarded.getPeer());
        if (!peerMayVouch) {
            return line.append(
                            " named no client in its PROXY header, or Tomcat refused the request before it had read all of it")
                    .toString();
        }
        line.append(" is trusted by ").append(policy.trust().ruleFor(peerAddress, 0));
        if (forwarded.getReason() == Reason.UNTRUSTED_PEER) {
            return line.append(", no header counts").toString();
        }
        line.append("; ").append(policy.names().nameOf(Role.CHAIN));
        switch (forwarded.getReason()) {
            case TOO_SHORT -> line.append(" has fewer members than trust announces");
            case CONFLICT -> line.append(" and the other family of headers name different clients");
            default -> walk(line, policy.trust(), hops);
        }
        return line.toString();
    }

    private static void walk(StringBuilder line, TrustedProxies trust, Hops hops) {
        line.append(" from the right:");
        Hop hop = new Hop();
        hops.start();
        for (int member = 1; ; member++) {
            if (!hops.next(hop)) {
                line.append(member == 1 ? " nothing" : ", nothing more");
                return;
            }
            if (member > MOST_MEMBERS) {
                line.append(" and so on");
                return;
            }
            line.append(member == 1 ? " " : ", ");
            append(line, hops.text());
            if (hop.kind == Hop.Kind.ADDRESS) {
                line.append(" is trusted by ").append(trust.ruleFor(hop.address, member));
                if (trust.trusts(hop.address, member)) {
                    continue;
                }
            } else {
                line.append(hop.kind == Hop.Kind.HIDDEN ? " hides its address" : " is no address");
            }
            return;
        }
    }

    /** What a client wrote must not end the line, or fill the disk. */
    private static void append(StringBuilder line, CharSequence text) {
        for (int i = 0; i < text.length() && i < LONGEST_MEMBER; i++) {
            char c = text.charAt(i);
            line.append(c >= ' ' && c < 0x7f ? c : '?');
        }
        if (text.length() > LONGEST_MEMBER) {
            line.append("...");
        }
    }
}
