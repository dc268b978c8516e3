package dev.clowder.valve;

/**
 * What one proxy claimed about the one before it: the address and port it saw, and for RFC 7239 the protocol and host
 * it was asked with. Overwritten by each read. Not thread-safe.
 */
final class Hop {

    enum Kind {
        /** A usable address. */
        ADDRESS,
        /** The proxy legally hid the address ({@code unknown}, {@code _name}) or gave none: nothing more is known. */
        HIDDEN,
        /** Not what a proxy writes. */
        MALFORMED
    }

    final IpAddress address = new IpAddress();
    /** 0 if unknown. */
    int port;

    Kind kind = Kind.MALFORMED;
    /** Where the address stands, if it is written as we write it; unset otherwise. */
    final Span asWritten = new Span();
    /** What RFC 7239 says beside the address; always unset in the other families. */
    final Span proto = new Span();

    final Span host = new Span();

    /**
     * A member of X-Forwarded-For: an address, {@code v4:port}, {@code [v6]} or {@code [v6]:port}, or {@code unknown}.
     * {@code 2001:db8::7:4711} is an address without a port.
     */
    void readMember(CharSequence text, int from, int to) {
        asWritten.clear();
        become(member(text, from, to) ? Kind.ADDRESS : equalsUnknown(text, from, to) ? Kind.HIDDEN : Kind.MALFORMED);
    }

    /** A member of X-Forwarded-For that is nothing but the IPv4 address that was read into {@link #address}. */
    void acceptV4(int line, int from, int to) {
        asWritten.set(line, from, to);
        port = 0;
        become(address.canBeClient() ? Kind.ADDRESS : Kind.MALFORMED);
    }

    private void become(Kind read) {
        if (kind != read) {
            kind = read; // Most likely it is an address again; see RequestRewriter.
        }
    }

    private boolean member(CharSequence text, int from, int to) {
        port = 0;
        int end = addressEnd(text, from, to);
        if (end < 0 || !readAddress(text, from, end)) {
            return false;
        }
        if (end == to) {
            return true;
        }
        port = Decimal.port(text, end + 1, to);
        return port > 0;
    }

    /**
     * A node of RFC 7239, section 6: {@code v4}, {@code [v6]}, {@code unknown} or {@code _name}, each with an optional
     * port that may be {@code _hidden} too.
     */
    void readNode(CharSequence text, int from, int to) {
        asWritten.clear();
        kind = Kind.MALFORMED;
        port = 0;
        if (from == to) {
            return;
        }
        int end = nodeEnd(text, from, to);
        if (end < to && (text.charAt(end) != ':' || !readNodePort(text, end + 1, to))) {
            return;
        }
        if (equalsUnknown(text, from, end) || isObfuscated(text, from, end)) {
            kind = Kind.HIDDEN;
        } else if (end > from && readAddress(text, from, end) && (address.isV4() || text.charAt(from) == '[')) {
            kind = Kind.ADDRESS;
        }
    }

    /** IPv6 needs its brackets here, so the first colon outside of them starts the port. */
    private static int nodeEnd(CharSequence text, int from, int to) {
        int at = from;
        if (text.charAt(from) == '[') {
            while (at < to && text.charAt(at) != ']') {
                at++;
            }
        }
        while (at < to && text.charAt(at) != ':') {
            at++;
        }
        return at;
    }

    /** Five digits are inside the grammar even above 65535: such a port is unknown, the address still counts. */
    private boolean readNodePort(CharSequence text, int from, int to) {
        if (isObfuscated(text, from, to)) {
            return true;
        }
        if (from == to || to - from > 5) {
            return false;
        }
        int value = 0;
        for (int i = from; i < to; i++) {
            int digit = text.charAt(i) - '0';
            if (digit < 0 || digit > 9) {
                return false;
            }
            value = value * 10 + digit;
        }
        port = value <= 65535 ? value : 0;
        return true;
    }

    /** CloudFront-Viewer-Address: always with a port, and IPv6 without brackets, so the last group is the port. */
    void readAddressWithPort(CharSequence text, int from, int to) {
        asWritten.clear();
        kind = Kind.MALFORMED;
        int colon = to - 1;
        while (colon > from && text.charAt(colon) != ':') {
            colon--;
        }
        if (colon <= from || !readAddress(text, from, colon)) {
            return;
        }
        port = Decimal.port(text, colon + 1, to);
        if (port > 0) {
            kind = Kind.ADDRESS;
        }
    }

    /** The end of the address in a member, where a port may follow; -1 if there cannot be one. */
    private static int addressEnd(CharSequence text, int from, int to) {
        int colon = -1;
        for (int i = from; i < to; i++) {
            char c = text.charAt(i);
            if (c == ']') {
                return i + 1 == to || text.charAt(i + 1) == ':' ? i + 1 : -1;
            }
            if (c == ':' && text.charAt(from) != '[') {
                if (colon >= 0) {
                    return to; // two colons without brackets: IPv6
                }
                colon = i;
            }
        }
        return colon >= 0 ? colon : to;
    }

    /** An address with brackets exactly if it is written as IPv6 and bracketed; never one that nobody can have. */
    private boolean readAddress(CharSequence text, int from, int to) {
        if (from < to && text.charAt(from) == '[') {
            return text.charAt(to - 1) == ']'
                    && indexOf(text, ':', from, to) >= 0
                    && address.parse(text, from + 1, to - 1)
                    && address.canBeClient();
        }
        return address.parse(text, from, to) && address.canBeClient();
    }

    private static int indexOf(CharSequence text, char wanted, int from, int to) {
        for (int i = from; i < to; i++) {
            if (text.charAt(i) == wanted) {
                return i;
            }
        }
        return -1;
    }

    private static boolean equalsUnknown(CharSequence text, int from, int to) {
        return equalsIgnoreCase(text, from, to, "unknown");
    }

    static boolean equalsIgnoreCase(CharSequence text, int from, int to, String lowerCase) {
        if (to - from != lowerCase.length()) {
            return false;
        }
        for (int i = 0; i < lowerCase.length(); i++) {
            char c = text.charAt(from + i);
            if (c != lowerCase.charAt(i) && (c < 'A' || c > 'Z' || c + 32 != lowerCase.charAt(i))) {
                return false;
            }
        }
        return true;
    }

    /** {@code obfnode} and {@code obfport}: an underscore and at least one more character. */
    private static boolean isObfuscated(CharSequence text, int from, int to) {
        if (to - from < 2 || text.charAt(from) != '_') {
            return false;
        }
        for (int i = from + 1; i < to; i++) {
            char c = text.charAt(i);
            boolean legal = isLetterOrDigit(c) || c == '.' || c == '_' || c == '-';
            if (!legal) {
                return false;
            }
        }
        return true;
    }

    static boolean isLetterOrDigit(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    }
}
