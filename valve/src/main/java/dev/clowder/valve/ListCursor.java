package dev.clowder.valve;

import dev.clowder.valve.HeaderNames.Role;

/**
 * The members of a comma-separated header from right to left, over all its lines: one list, in the order of the lines
 * (RFC 9110, section 5.3). Empty members are passed over unless somebody asks for them. Reads nothing that nobody asked
 * for. Not thread-safe.
 */
final class ListCursor {

    private final RequestHead head;
    private final HeaderScan scan;
    private Role role = Role.CHAIN;
    private int line = -1;
    private CharSequence text = "";
    private int end;
    private int from;
    private int to;

    ListCursor(RequestHead head, HeaderScan scan) {
        this.head = head;
        this.scan = scan;
    }

    /** Begins at the right end of another header. */
    void start(Role newRole) {
        if (role != newRole) {
            role = newRole;
        }
        open(scan.last(newRole));
    }

    /** Moves to the next member on the left; false if there is none. */
    boolean previous() {
        while (previousOrEmpty()) {
            if (from < to) {
                return true;
            }
        }
        return false;
    }

    /** As {@link #previous}, but stops at empty members too. */
    boolean previousOrEmpty() {
        while (line >= 0) {
            if (end >= 0) {
                int stop = end;
                int comma = stop - 1;
                while (comma >= 0 && text.charAt(comma) != ',') {
                    comma--;
                }
                end = comma;
                from = skipBlanks(text, comma + 1, stop);
                to = dropBlanks(text, from, stop);
                return true;
            }
            open(scan.previous(role, line));
        }
        return false;
    }

    /** Whether the member has not even a blank. */
    boolean isNothing() {
        return from == to && (from == 0 || !isBlank(text.charAt(from - 1)));
    }

    /**
     * Moves to the next member on the left if that is a dotted quad and nothing else, and reads it: what
     * {@link #previous} and a parser do for every member, in one pass for almost all of them.
     *
     * @return false if it is not; then the cursor stays
     */
    boolean previousV4(IpAddress address) {
        if (line < 0 || end < 0) {
            return false;
        }
        int stop = dropBlanks(text, 0, end);
        int start = address.readV4Backwards(text, stop);
        if (start < 0) {
            return false;
        }
        int comma = dropBlanks(text, 0, start) - 1;
        if (comma >= 0 && text.charAt(comma) != ',') {
            return false;
        }
        from = start;
        to = stop;
        end = comma;
        return true;
    }

    /** Goes through the rest of the list and says how many members it had. */
    int countRest() {
        int count = 0;
        while (previous()) {
            count++;
        }
        return count;
    }

    @SuppressWarnings("ReferenceEquality") // Most likely the same view of other bytes; see RequestRewriter.
    private void open(int newLine) {
        line = newLine;
        if (newLine < 0) {
            return;
        }
        CharSequence value = head.headerValue(newLine);
        if (text != value) {
            text = value;
        }
        end = value.length();
    }

    CharSequence text() {
        return text;
    }

    int line() {
        return line;
    }

    int from() {
        return from;
    }

    int to() {
        return to;
    }

    /** Optional white space is blank and tab (RFC 9110, section 5.6.3). */
    static boolean isBlank(char c) {
        return c == ' ' || c == '\t';
    }

    static int skipBlanks(CharSequence text, int from, int to) {
        int at = from;
        while (at < to && isBlank(text.charAt(at))) {
            at++;
        }
        return at;
    }

    static int dropBlanks(CharSequence text, int from, int to) {
        int at = to;
        while (at > from && isBlank(text.charAt(at - 1))) {
            at--;
        }
        return at;
    }
}
