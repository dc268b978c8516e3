package dev.clowder.valve;

/**
 * One IP address as two longs, overwritten by each parse so that a request needs no object per hop.
 *
 * <p>An IPv4 address is kept in its IPv4-mapped form, so both spellings of one address are equal from the start.
 * Parsing is strict and never asks a name service: a dotted quad or RFC 4291 text, no zone, no brackets, none of the
 * short, octal or hexadecimal forms of {@code inet_aton}. Not thread-safe.
 */
final class IpAddress {

    private static final long MAPPED = 0xffffL << 32;
    private static final int GROUPS = 8;

    /** Bytes of the longest canonical text: eight groups of four digits. */
    static final int LONGEST_TEXT = 39;

    private long high;
    private long low;
    private boolean unix;

    /** The peer of a Unix socket: no address rule covers it, only the keyword. */
    void setUnix() {
        set(0, 0);
        unix = true;
    }

    void set(long newHigh, long newLow) {
        high = newHigh;
        low = newLow;
        unix = false;
    }

    void setV4(int address) {
        set(0, MAPPED | (address & 0xffffffffL));
    }

    long high() {
        return high;
    }

    long low() {
        return low;
    }

    boolean isUnix() {
        return unix;
    }

    boolean isV4() {
        return isV4(high, low);
    }

    static boolean isV4(long high, long low) {
        return high == 0 && low >>> 32 == 0xffff;
    }

    /** False for addresses that nobody can have: unspecified, IPv4 broadcast, multicast. */
    boolean canBeClient() {
        if (isV4()) {
            long v4 = low & 0xffffffffL;
            return v4 != 0 && v4 != 0xffffffffL && v4 >>> 28 != 0xe;
        }
        return (high | low) != 0 && high >>> 56 != 0xff;
    }

    /** Reads {@code text[from, to)}; false leaves this address undefined. */
    boolean parse(CharSequence text, int from, int to) {
        unix = false;
        for (int i = from; i < to && i < from + 5; i++) {
            if (text.charAt(i) == ':') {
                return parseV6(text, from, to);
            }
        }
        long v4 = parseV4(text, from, to);
        high = 0;
        low = MAPPED | v4;
        return v4 >= 0;
    }

    /** The dotted quad in {@code text[from, to)} as an unsigned int, or -1. */
    static long parseV4(CharSequence text, int from, int to) {
        if (to - from < 7 || to - from > 15) {
            return -1;
        }
        long value = 0;
        int octets = 0;
        int at = from;
        while (true) {
            int octet = 0;
            int start = at;
            for (; at < to; at++) {
                int digit = text.charAt(at) - '0';
                if (digit < 0 || digit > 9) {
                    break;
                }
                octet = octet * 10 + digit;
            }
            int digits = at - start;
            if (digits == 0 || digits > 3 || octet > 255 || (digits > 1 && text.charAt(start) == '0')) {
                return -1;
            }
            value = value << 8 | octet;
            octets++;
            if (at == to) {
                return octets == 4 ? value : -1;
            }
            if (text.charAt(at++) != '.' || octets == 4) {
                return -1;
            }
        }
    }

    /**
     * Reads the dotted quad that ends before {@code end}, from right to left and in one pass; what stands to its left may
     * belong to it all the same and is for the caller to look at.
     *
     * @return where it begins; -1 if no dotted quad ends there, which leaves this address as it was
     */
    int readV4Backwards(CharSequence text, int end) {
        int v4 = 0;
        int at = end;
        for (int shift = 0; shift < 32; shift += 8) {
            int octet = digit(text, --at);
            int tens = octet < 0 ? -1 : digit(text, at - 1);
            if (tens >= 0) {
                octet += 10 * tens;
                int hundreds = digit(text, --at - 1);
                if (hundreds >= 0) {
                    octet += 100 * hundreds;
                    at--;
                }
                if (octet > 255 || hundreds == 0 || (hundreds < 0 && tens == 0)) {
                    return -1;
                }
            }
            if (octet < 0 || (shift < 24 && (at == 0 || text.charAt(--at) != '.'))) {
                return -1;
            }
            v4 |= octet << shift;
        }
        setV4(v4);
        return at;
    }

    /** The digit at a place, -1 if there is none. */
    private static int digit(CharSequence text, int at) {
        int digit = at < 0 ? -1 : text.charAt(at) - '0';
        return digit > 9 ? -1 : digit;
    }

    /** RFC 4291, section 2.2: eight groups, one {@code ::} at most, the last two groups possibly as a dotted quad. */
    private boolean parseV6(CharSequence text, int from, int to) {
        high = 0;
        low = 0;
        if (to - from < 2 || to - from > 45) {
            return false;
        }
        int groups = 0;
        int gap = -1;
        int at = from;
        if (text.charAt(at) == ':') {
            if (text.charAt(at + 1) != ':') {
                return false;
            }
            gap = 0;
            at += 2;
        }
        while (at < to) {
            if (groups == GROUPS) {
                return false;
            }
            int end = endOfGroup(text, at, to);
            if (end < to && text.charAt(end) == '.') {
                long v4 = groups <= GROUPS - 2 ? parseV4(text, at, to) : -1;
                if (v4 < 0) {
                    return false;
                }
                push(v4 >>> 16);
                push(v4 & 0xffff);
                groups += 2;
                at = to;
                break;
            }
            if (end == at || end - at > 4) {
                return false;
            }
            push(hex(text, at, end));
            groups++;
            if (end == to) {
                at = to;
                break;
            }
            if (text.charAt(end) != ':' || end + 1 == to) {
                return false;
            }
            at = end + 1;
            if (text.charAt(at) == ':') {
                if (gap >= 0) {
                    return false;
                }
                gap = groups;
                at++;
            }
        }
        return gap < 0 ? groups == GROUPS : groups < GROUPS && openGap(gap, groups);
    }

    private static int endOfGroup(CharSequence text, int from, int to) {
        int at = from;
        while (at < to && Character.digit(asciiOrNul(text.charAt(at)), 16) >= 0) {
            at++;
        }
        return at;
    }

    /** {@link Character#digit} also knows full-width digits, which are no digits here. */
    private static char asciiOrNul(char c) {
        return c < 0x80 ? c : 0;
    }

    private static long hex(CharSequence text, int from, int to) {
        long value = 0;
        for (int i = from; i < to; i++) {
            value = value << 4 | Character.digit(text.charAt(i), 16);
        }
        return value;
    }

    private void push(long group) {
        high = high << 16 | low >>> 48;
        low = low << 16 | group;
    }

    /** Moves the groups before the {@code ::} to the left; they were pushed without it. */
    private boolean openGap(int gap, int groups) {
        int tail = (groups - gap) * 16;
        long tailHigh = tail > 64 ? high & mask(tail - 64) : 0;
        long tailLow = tail >= 64 ? low : low & mask(tail);
        long headHigh = high;
        long headLow = low;
        for (int i = groups; i < GROUPS; i++) {
            headHigh = headHigh << 16 | headLow >>> 48;
            headLow <<= 16;
        }
        int rest = 128 - gap * 16;
        high = (rest >= 128 ? 0 : rest <= 64 ? headHigh : headHigh & ~mask(rest - 64)) | tailHigh;
        low = (rest >= 64 ? 0 : headLow & ~mask(rest)) | tailLow;
        return true;
    }

    /** The lowest {@code bits} bits, 0 to 64. */
    private static long mask(int bits) {
        return bits == 0 ? 0 : -1L >>> (64 - bits);
    }

    @Override
    public String toString() {
        return unix ? "unix" : text(high, low);
    }

    static String text(long high, long low) {
        return text(high, low, new byte[LONGEST_TEXT]);
    }

    /**
     * Canonical text: IPv4 for mapped addresses, otherwise RFC 5952.
     *
     * @param buffer where it is written first, {@link #LONGEST_TEXT} bytes
     */
    static String text(long high, long low, byte[] buffer) {
        int length = isV4(high, low) ? writeV4((int) low, buffer) : writeV6(high, low, buffer);
        return ascii(buffer, length);
    }

    /** The constructor that asks for a charset is too long to be inlined, which costs a request more than all of this. */
    @SuppressWarnings("deprecation") // It is right for ASCII, and nothing else is in the buffer.
    private static String ascii(byte[] buffer, int length) {
        return new String(buffer, 0, 0, length);
    }

    private static int writeV4(int address, byte[] text) {
        int at = 0;
        for (int shift = 24; shift >= 0; shift -= 8) {
            int octet = address >>> shift & 0xff;
            if (octet >= 100) {
                text[at++] = (byte) ('0' + octet / 100);
            }
            if (octet >= 10) {
                text[at++] = (byte) ('0' + octet / 10 % 10);
            }
            text[at++] = (byte) ('0' + octet % 10);
            if (shift > 0) {
                text[at++] = '.';
            }
        }
        return at;
    }

    private static int writeV6(long high, long low, byte[] text) {
        int gapStart = -1;
        int gapLength = 1; // RFC 5952, section 4.2.2: a single zero group is not shortened
        for (int i = 0; i < GROUPS; i++) {
            int run = 0;
            while (i + run < GROUPS && group(high, low, i + run) == 0) {
                run++;
            }
            if (run > gapLength) {
                gapStart = i;
                gapLength = run;
            }
            i += run;
        }
        int at = 0;
        for (int i = 0; i < GROUPS; i++) {
            if (i == gapStart) {
                text[at++] = ':';
                text[at++] = ':';
                i += gapLength - 1;
                continue;
            }
            if (i > 0 && i != gapStart + gapLength) {
                text[at++] = ':';
            }
            int group = (int) group(high, low, i);
            for (int shift = group > 0xfff ? 12 : group > 0xff ? 8 : group > 0xf ? 4 : 0; shift >= 0; shift -= 4) {
                text[at++] = (byte) Character.forDigit(group >>> shift & 0xf, 16);
            }
        }
        return at;
    }

    /** The text that the JDK gives an address: eight groups without {@code ::}, or IPv4. */
    String longText() {
        if (isV4()) {
            return toString();
        }
        StringBuilder text = new StringBuilder(39).append(Long.toHexString(group(high, low, 0)));
        for (int i = 1; i < GROUPS; i++) {
            text.append(':').append(Long.toHexString(group(high, low, i)));
        }
        return text.toString();
    }

    private static long group(long high, long low, int index) {
        long half = index < 4 ? high : low;
        return half >>> (48 - (index % 4) * 16) & 0xffff;
    }
}
