package dev.clowder.valve;

import dev.clowder.valve.HeaderNames.Role;

/** The chain of X-Forwarded-For: a comma-separated list over all its lines. */
final class XForwardedHeaders implements Hops {

    private final ListCursor members;
    private final Role role;

    /** @param role which header is read: the configured one, or X-Forwarded-For to compare with it */
    XForwardedHeaders(RequestHead head, HeaderScan scan, Role role) {
        this.members = new ListCursor(head, scan);
        this.role = role;
    }

    @Override
    public void start() {
        members.start(role);
    }

    @Override
    public boolean next(Hop hop) {
        if (members.previousV4(hop.address)) {
            hop.acceptV4(members.line(), members.from(), members.to());
            return true;
        }
        if (!members.previous()) {
            return false;
        }
        hop.readMember(members.text(), members.from(), members.to());
        return true;
    }

    @Override
    public CharSequence text() {
        return members.text().subSequence(members.from(), members.to());
    }

    @Override
    public int count() {
        return members.countRest();
    }
}
