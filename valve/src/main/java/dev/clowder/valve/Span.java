package dev.clowder.valve;

/** Where a value stands in the header lines of a request, without copying it. Mutable, not thread-safe. */
final class Span {

    private int line = -1;
    private int from;
    private int to;

    void clear() {
        line = -1;
    }

    void set(int newLine, int newFrom, int newTo) {
        line = newLine;
        from = newFrom;
        to = newTo;
    }

    void copyFrom(Span other) {
        set(other.line, other.from, other.to);
    }

    boolean isSet() {
        return line >= 0;
    }

    /** The line the value stands in; valid until the head is asked for another line. */
    CharSequence text(RequestHead head) {
        return head.headerValue(line);
    }

    int from() {
        return from;
    }

    int to() {
        return to;
    }
}
