package dev.clowder.valve;

/**
 * Checks one member of X-Forwarded-Prefix. A prefix ends up in links and redirects, so nothing passes that a browser or
 * a router could read as something else than a plain path (CVE-2021-41267).
 */
final class PathPrefix {

    private PathPrefix() {}

    /** The end of the prefix in {@code text[from, to)} without a trailing slash, or -1 if it is none. */
    static int end(CharSequence text, int from, int to) {
        if (from == to || text.charAt(from) != '/') {
            return -1;
        }
        int end = text.charAt(to - 1) == '/' ? to - 1 : to;
        int segment = from + 1;
        for (int i = from + 1; i <= end && end > from; i++) {
            if (i == end || text.charAt(i) == '/') {
                if (!isSegment(text, segment, i)) {
                    return -1;
                }
                segment = i + 1;
            }
        }
        return end;
    }

    private static boolean isSegment(CharSequence text, int from, int to) {
        if (from == to || isDots(text, from, to)) {
            return false;
        }
        for (int i = from; i < to; i++) {
            char c = text.charAt(i);
            if (c == '%') {
                if (i + 2 >= to || !isPlainEscape(text.charAt(i + 1), text.charAt(i + 2))) {
                    return false;
                }
            } else if (!Hop.isLetterOrDigit(c) && "-._~!$&()*+=:@".indexOf(c) < 0) {
                return false;
            }
        }
        return true;
    }

    private static boolean isDots(CharSequence text, int from, int to) {
        return text.charAt(from) == '.' && (to - from == 1 || (to - from == 2 && text.charAt(from + 1) == '.'));
    }

    /** Two hexadecimal digits that are not a dot, a slash, a backslash, a percent sign or a control character. */
    private static boolean isPlainEscape(char first, char second) {
        int high = first < 0x80 ? Character.digit(first, 16) : -1;
        int low = second < 0x80 ? Character.digit(second, 16) : -1;
        int value = high << 4 | low;
        return high >= 0 && low >= 0 && value >= 0x20 && value != 0x7f && "./\\%".indexOf(value) < 0;
    }
}
