package dev.clowder.valve;

import dev.clowder.valve.HeaderNames.Role;

/**
 * The chain of RFC 7239 {@code Forwarded}, its elements from right to left.
 *
 * <p>A quoted string may hold commas, and the left part of a line may come from the client. So each line is first
 * checked as a whole: a line whose quotes do not pair up is one malformed hop, and is never picked up again at a later
 * comma. In a line that passed, every quote is where the grammar has it and walking backwards is safe.
 *
 * <p>Lenient (rule F4): blanks around {@code ;} and {@code ,}, a node that should have been quoted. Not accepted:
 * blanks around {@code =}, an empty value, one of the four parameters twice in an element. Not thread-safe.
 */
final class ForwardedHeader implements Hops {

    private final RequestHead head;
    private final HeaderScan scan;
    private final Role role;
    private int line = -1;
    private CharSequence text = "";
    private boolean broken;
    private int end;
    private int from;
    private int to;

    // Of the element that is being read.
    private final Span node = new Span();
    private boolean by;
    private final StringBuilder unquoted = new StringBuilder();

    /** @param role which header is read: the configured one, or Forwarded to compare with it */
    ForwardedHeader(RequestHead head, HeaderScan scan, Role role) {
        this.head = head;
        this.scan = scan;
        this.role = role;
    }

    @Override
    public void start() {
        open(scan.last(role));
    }

    @Override
    public boolean next(Hop hop) {
        if (!previousElement()) {
            return false;
        }
        hop.proto.clear();
        hop.host.clear();
        node.clear();
        by = false;
        if (broken || !readPairs(hop)) {
            hop.kind = Hop.Kind.MALFORMED;
            hop.proto.clear();
            hop.host.clear();
        } else if (!node.isSet()) {
            hop.kind = Hop.Kind.HIDDEN; // its writer did not name its client
        } else {
            readNode(hop);
        }
        return true;
    }

    @Override
    public CharSequence text() {
        return broken ? text.toString() : text.subSequence(from, to);
    }

    @Override
    public int count() {
        int count = 0;
        while (previousElement()) {
            count++;
        }
        return count;
    }

    private void open(int newLine) {
        line = newLine;
        text = newLine >= 0 ? head.headerValue(newLine) : "";
        end = text.length();
        broken = !quotesPairUp(text);
    }

    private boolean previousElement() {
        while (line >= 0) {
            if (broken && end >= 0) {
                end = -1;
                return true;
            }
            while (end >= 0) {
                int stop = end;
                end = commaBefore(stop);
                from = ListCursor.skipBlanks(text, end + 1, stop);
                to = ListCursor.dropBlanks(text, from, stop);
                if (from < to) {
                    return true;
                }
            }
            open(scan.previous(role, line));
        }
        return false;
    }

    /** The last comma outside of quotes before {@code stop}, -1 if there is none. Only for lines that are not broken. */
    private int commaBefore(int stop) {
        boolean quoted = false;
        for (int i = stop - 1; i >= 0; i--) {
            char c = text.charAt(i);
            if (c == ',' && !quoted) {
                return i;
            }
            if (c == '"' && !isEscaped(i)) {
                quoted = !quoted;
            }
        }
        return -1;
    }

    private boolean isEscaped(int quote) {
        int backslash = quote;
        while (backslash > 0 && text.charAt(backslash - 1) == '\\') {
            backslash--;
        }
        return (quote - backslash) % 2 == 1;
    }

    /**
     * Whether every quoted string of the line begins right after a {@code =}, is closed, and is followed by a separator;
     * and nothing outside of them is a backslash, which would make a quote look escaped from behind.
     */
    private static boolean quotesPairUp(CharSequence line) {
        int at = 0;
        while (at < line.length()) {
            char c = line.charAt(at);
            if (c == '\\') {
                return false;
            }
            if (c == '"') {
                if (at == 0 || line.charAt(at - 1) != '=') {
                    return false;
                }
                at = closingQuote(line, at + 1);
                if (at < 0) {
                    return false;
                }
                int next = ListCursor.skipBlanks(line, at + 1, line.length());
                if (next < line.length() && line.charAt(next) != ';' && line.charAt(next) != ',') {
                    return false;
                }
            }
            at++;
        }
        return true;
    }

    private static int closingQuote(CharSequence line, int from) {
        for (int i = from; i < line.length(); i++) {
            char c = line.charAt(i);
            if (c == '"') {
                return i;
            }
            if (c == '\\') {
                i++;
            }
        }
        return -1;
    }

    /** Reads {@code [pair] *(";" [pair])}; false if the element is not of that form. */
    private boolean readPairs(Hop hop) {
        int at = from;
        while (at < to) {
            int start = ListCursor.skipBlanks(text, at, to);
            if (start == to) {
                return true;
            }
            if (text.charAt(start) == ';') {
                at = start + 1;
                continue;
            }
            int equals = tokenEnd(start);
            if (equals == start || equals == to || text.charAt(equals) != '=') {
                return false;
            }
            int value = equals + 1;
            int valueEnd = valueEnd(value);
            if (valueEnd == value) {
                return false;
            }
            int next = ListCursor.skipBlanks(text, valueEnd, to);
            if (next < to && text.charAt(next) != ';') {
                return false;
            }
            if (!keep(hop, start, equals, value, valueEnd)) {
                return false;
            }
            at = next + 1;
        }
        return true;
    }

    /** Remembers where a known parameter stands; false if the element had it already. */
    private boolean keep(Hop hop, int name, int nameEnd, int value, int valueEnd) {
        boolean quoted = text.charAt(value) == '"';
        int first = quoted ? value + 1 : value;
        int last = quoted ? valueEnd - 1 : valueEnd;
        if (Hop.equalsIgnoreCase(text, name, nameEnd, "for")) {
            return setOnce(node, first, last);
        }
        if (Hop.equalsIgnoreCase(text, name, nameEnd, "proto")) {
            return setOnce(hop.proto, first, last);
        }
        if (Hop.equalsIgnoreCase(text, name, nameEnd, "host")) {
            return setOnce(hop.host, first, last);
        }
        if (Hop.equalsIgnoreCase(text, name, nameEnd, "by")) {
            boolean repeated = by;
            by = true;
            return !repeated;
        }
        return true;
    }

    private boolean setOnce(Span span, int first, int last) {
        if (span.isSet()) {
            return false;
        }
        span.set(line, first, last);
        return true;
    }

    private int tokenEnd(int start) {
        int at = start;
        while (at < to && isTokenChar(text.charAt(at))) {
            at++;
        }
        return at;
    }

    /** The end of a quoted string or of a run of visible characters; the latter may hold more than a token does. */
    private int valueEnd(int start) {
        if (start < to && text.charAt(start) == '"') {
            return closingQuote(text, start + 1) + 1;
        }
        int at = start;
        while (at < to && text.charAt(at) > ' ' && text.charAt(at) < 0x7f && text.charAt(at) != ';') {
            at++;
        }
        return at;
    }

    /** RFC 9110, section 5.6.2. */
    static boolean isTokenChar(char c) {
        return Hop.isLetterOrDigit(c) || "!#$%&'*+-.^_`|~".indexOf(c) >= 0;
    }

    @SuppressWarnings("ReferenceEquality") // unquote gives back the very text if there was nothing to do.
    private void readNode(Hop hop) {
        CharSequence value = unquote(text, node.from(), node.to(), unquoted);
        if (value == text) {
            hop.readNode(text, node.from(), node.to());
        } else {
            hop.readNode(value, 0, value.length());
        }
    }

    /** {@code text} itself if there is no quoted pair in the range, otherwise the range with them undone. */
    static CharSequence unquote(CharSequence text, int from, int to, StringBuilder buffer) {
        int backslash = from;
        while (backslash < to && text.charAt(backslash) != '\\') {
            backslash++;
        }
        if (backslash == to) {
            return text;
        }
        buffer.setLength(0);
        for (int i = from; i < to; i++) {
            if (text.charAt(i) == '\\' && i + 1 < to) {
                i++;
            }
            buffer.append(text.charAt(i));
        }
        return buffer;
    }
}
