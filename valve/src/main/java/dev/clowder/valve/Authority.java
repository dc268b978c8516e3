package dev.clowder.valve;

/**
 * Checks a host with an optional port, as a Host header has it: letters, digits, {@code -}, {@code _} and {@code .}
 * without an empty label, or an IPv4 or bracketed IPv6 address. Whatever else a header says (user names, paths, blanks,
 * zones) never becomes a host name. Overwritten by each parse, not thread-safe.
 */
final class Authority {

    /** As RFC 1035, section 2.3.4, has it; without the dot at the end. */
    static final int LONGEST_NAME = 253;

    private final IpAddress literal = new IpAddress();
    private int nameEnd;
    private int port;

    /** Reads {@code text[from, to)}; false if it is no host. */
    boolean parse(CharSequence text, int from, int to) {
        if (from == to) {
            return false;
        }
        nameEnd = text.charAt(from) == '[' ? literalEnd(text, from, to) : nameEnd(text, from, to);
        if (nameEnd <= from) {
            return false;
        }
        port = 0;
        if (nameEnd == to) {
            return true;
        }
        if (text.charAt(nameEnd) != ':') {
            return false;
        }
        port = Decimal.port(text, nameEnd + 1, to);
        return port > 0;
    }

    /** Where the name ended in the text that was parsed last. */
    int nameEnd() {
        return nameEnd;
    }

    /** The port that was parsed last, 0 if there was none. */
    int port() {
        return port;
    }

    private int literalEnd(CharSequence text, int from, int to) {
        int at = from;
        while (at < to && text.charAt(at) != ']') {
            at++;
        }
        boolean isV6 = at < to && text.charAt(Math.min(at, from + 1)) != ']' && hasColon(text, from, at);
        return isV6 && literal.parse(text, from + 1, at) ? at + 1 : -1;
    }

    private static boolean hasColon(CharSequence text, int from, int to) {
        for (int i = from; i < to; i++) {
            if (text.charAt(i) == ':') {
                return true;
            }
        }
        return false;
    }

    private static int nameEnd(CharSequence text, int from, int to) {
        int label = from;
        int at = from;
        for (; at < to && text.charAt(at) != ':'; at++) {
            char c = text.charAt(at);
            if (c == '.') {
                if (at == label) {
                    return -1;
                }
                label = at + 1;
            } else if (!Hop.isLetterOrDigit(c) && c != '-' && c != '_') {
                return -1;
            }
        }
        return at == label || at - from > LONGEST_NAME ? -1 : at;
    }
}
