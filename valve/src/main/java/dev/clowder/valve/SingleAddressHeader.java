package dev.clowder.valve;

import dev.clowder.valve.HeaderNames.Role;

/**
 * A header that holds one address, such as X-Real-IP or CF-Connecting-IP. A list or a second line is ambiguous: one of
 * them may be the client's own, so it is one malformed hop.
 */
final class SingleAddressHeader implements Hops {

    private final RequestHead head;
    private final HeaderScan scan;
    private final boolean portAlways;
    private boolean ambiguous;
    private int line = -1;

    /** @param portAlways as CloudFront-Viewer-Address writes it */
    SingleAddressHeader(RequestHead head, HeaderScan scan, boolean portAlways) {
        this.head = head;
        this.scan = scan;
        this.portAlways = portAlways;
    }

    @Override
    public void start() {
        line = scan.last(Role.CHAIN);
        ambiguous = scan.previous(Role.CHAIN, line) >= 0;
    }

    @Override
    public boolean next(Hop hop) {
        if (line < 0) {
            return false;
        }
        CharSequence text = head.headerValue(line);
        line = -1;
        int from = ListCursor.skipBlanks(text, 0, text.length());
        int to = ListCursor.dropBlanks(text, from, text.length());
        if (!ambiguous && from == to) {
            return false;
        }
        if (ambiguous) {
            hop.kind = Hop.Kind.MALFORMED;
        } else if (portAlways) {
            hop.readAddressWithPort(text, from, to);
        } else {
            hop.readMember(text, from, to);
        }
        return true;
    }

    @Override
    public CharSequence text() {
        int last = scan.last(Role.CHAIN);
        return last < 0 ? "" : head.headerValue(last).toString();
    }

    /** Not a chain: a count of proxies says nothing about its length. */
    @Override
    public int count() {
        return 0;
    }
}
