package dev.clowder.valve;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Strict reading and canonical writing of addresses, for the PROXY protocol. Nothing is ever looked up: what is no
 * address in the exact form gives null.
 */
final class ProxyAddress {
    private ProxyAddress() {}

    /** Four decimal numbers up to 255 without leading zeroes, or null. */
    static @Nullable InetAddress parseIpv4(String text) {
        byte[] bytes = new byte[4];
        return parseQuad(text, 0, bytes, 0) ? of(bytes) : null;
    }

    /**
     * IPv6 text (RFC 4291, section 2.2) without zone or brackets, or null. An IPv4-mapped address comes back as the IPv4
     * address that it is.
     */
    static @Nullable InetAddress parseIpv6(String text) {
        byte[] bytes = new byte[16];
        int filled = 0;
        int gap = -1;
        int at = 0;
        if (text.startsWith("::")) {
            gap = 0;
            at = 2;
        }
        while (at < text.length()) {
            if (filled == 16) {
                return null;
            }
            int end = at;
            while (end < text.length() && text.charAt(end) != ':' && text.charAt(end) != '.') {
                end++;
            }
            if (end < text.length() && text.charAt(end) == '.') {
                if (filled > 12 || !parseQuad(text, at, bytes, filled)) {
                    return null;
                }
                filled += 4;
                break;
            }
            int group = parseGroup(text, at, end);
            if (group < 0) {
                return null;
            }
            bytes[filled++] = (byte) (group >> 8);
            bytes[filled++] = (byte) group;
            at = end;
            if (at < text.length()) {
                at++;
                if (at == text.length()) {
                    return null;
                }
                if (text.charAt(at) == ':') {
                    if (gap >= 0) {
                        return null;
                    }
                    gap = filled;
                    at++;
                }
            }
        }
        return spread(bytes, filled, gap) ? of(bytes) : null;
    }

    /** Moves what follows the double colon to the end; false if the groups are too few or too many. */
    private static boolean spread(byte[] bytes, int filled, int gap) {
        if (gap < 0 || filled == 16) {
            // A double colon stands for at least one group.
            return filled == 16 && gap < 0;
        }
        int tail = filled - gap;
        System.arraycopy(bytes, gap, bytes, 16 - tail, tail);
        Arrays.fill(bytes, gap, 16 - tail, (byte) 0);
        return true;
    }

    private static int parseGroup(String text, int from, int to) {
        if (to == from || to - from > 4) {
            return -1;
        }
        int value = 0;
        for (int i = from; i < to; i++) {
            int digit = text.charAt(i) < 128 ? Character.digit(text.charAt(i), 16) : -1;
            if (digit < 0) {
                return -1;
            }
            value = (value << 4) | digit;
        }
        return value;
    }

    private static boolean parseQuad(String text, int from, byte[] into, int offset) {
        int at = from;
        for (int part = 0; part < 4; part++) {
            int end = part == 3 ? text.length() : text.indexOf('.', at);
            int value = end < 0 ? -1 : parseDecimal(text, at, end, 255);
            if (value < 0) {
                return false;
            }
            into[offset + part] = (byte) value;
            at = end + 1;
        }
        return true;
    }

    /** A decimal number from 0 to {@code max} without sign or leading zero, or -1. */
    static int parseDecimal(String text, int from, int to, int max) {
        if (to <= from || to - from > 5 || (text.charAt(from) == '0' && to - from > 1)) {
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
        return value > max ? -1 : value;
    }

    /** The address of 4 or 16 bytes; a mapped one becomes IPv4. */
    static InetAddress of(byte[] bytes) {
        try {
            return InetAddress.getByAddress(bytes);
        } catch (UnknownHostException e) {
            throw new IllegalArgumentException("an address has 4 or 16 bytes, not " + bytes.length, e);
        }
    }

    /** Canonical text: dotted quad, or RFC 5952 without brackets and zone. */
    static String text(InetAddress address) {
        byte[] bytes = address.getAddress();
        if (address instanceof Inet4Address) {
            return (bytes[0] & 0xff) + "." + (bytes[1] & 0xff) + "." + (bytes[2] & 0xff) + "." + (bytes[3] & 0xff);
        }
        int[] groups = new int[8];
        for (int i = 0; i < 8; i++) {
            groups[i] = ((bytes[2 * i] & 0xff) << 8) | (bytes[2 * i + 1] & 0xff);
        }
        int start = -1;
        int length = 1;
        for (int i = 0; i < 8; i++) {
            int end = i;
            while (end < 8 && groups[end] == 0) {
                end++;
            }
            // RFC 5952, section 4.2: the longest run, the first of equals, never a single group.
            if (end - i > length) {
                start = i;
                length = end - i;
            }
            i = Math.max(i, end - 1);
        }
        StringBuilder text = new StringBuilder(39);
        for (int i = 0; i < 8; i++) {
            if (i == start) {
                text.append("::");
                i += length - 1;
                continue;
            }
            if (i > 0 && i != start + length) {
                text.append(':');
            }
            text.append(Integer.toHexString(groups[i]));
        }
        return text.toString();
    }
}
