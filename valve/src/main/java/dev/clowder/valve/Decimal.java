package dev.clowder.valve;

/** Numbers as protocols write them: ASCII digits, no sign, no leading zero. */
final class Decimal {

    private Decimal() {}

    /** The number in {@code text[from, to)}, or -1 if it is none or lies outside {@code [least, most]}. */
    static int parse(CharSequence text, int from, int to, int least, int most) {
        int digits = to - from;
        if (digits < 1 || digits > 9 || (digits > 1 && text.charAt(from) == '0')) {
            return -1;
        }
        int value = 0;
        for (int i = from; i < to; i++) {
            int digit = text.charAt(i) - '0';
            if (digit < 0 || digit > 9) {
                return -1;
            }
            value = value * 10 + digit;
        }
        return value >= least && value <= most ? value : -1;
    }

    /** A port that can be connected to, or -1. */
    static int port(CharSequence text, int from, int to) {
        return parse(text, from, to, 1, 65535);
    }
}
