package dev.clowder.valve;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * The header lines that decide about a request, as one run of bytes with a hash: what {@link RecentClients} knows a request
 * by. Two requests have the same bytes exactly if they have the same values in the same roles and order. Overwritten by
 * each {@link #read}; not thread-safe.
 */
final class DecidingLines {

    /** Room for some proxies, a protocol, a host and a port; what is longer is judged each time. */
    static final int LONGEST = 160;

    private static final VarHandle EIGHT = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.nativeOrder());

    /** Role and length stand before each value. */
    private static final int BEFORE_VALUE = 2;

    private static final long ODD = 0x9E3779B97F4A7C15L;

    private final byte[] bytes = new byte[LONGEST];
    private int length;
    private int hash;

    /**
     * Takes the lines of the request that is in the head now.
     *
     * @param roles the bits of the roles that decide, each below 128
     * @return false if they are too long, then nothing else may be asked
     */
    boolean read(RequestHead head, HeaderScan scan, int roles) {
        int at = 0;
        for (int line = scan.previous(roles, Integer.MAX_VALUE); line >= 0; line = scan.previous(roles, line)) {
            CharSequence value = head.headerValue(line);
            int size = value.length();
            if (size > LONGEST - BEFORE_VALUE - at) {
                return false;
            }
            bytes[at] = (byte) scan.role(line);
            bytes[at + 1] = (byte) size;
            at += BEFORE_VALUE;
            if (value instanceof ByteText text) {
                text.copyTo(bytes, at);
            } else if (!copy(value, at)) {
                return false;
            }
            at += size;
        }
        length = at;
        hash = hash(bytes, at);
        return true;
    }

    /** False for a character that stands for no byte: two values would look the same. */
    private boolean copy(CharSequence value, int at) {
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            if (c > 0xff) {
                return false;
            }
            bytes[at + i] = (byte) c;
        }
        return true;
    }

    /** By eights, the last ones overlapping. Whoever makes two alike gains that one of them is judged each time. */
    private static int hash(byte[] bytes, int length) {
        long hash = length;
        int last = length - Long.BYTES;
        for (int at = 0; at < last; at += Long.BYTES) {
            hash = (hash ^ (long) EIGHT.get(bytes, at)) * ODD;
        }
        if (last >= 0) {
            hash = (hash ^ (long) EIGHT.get(bytes, last)) * ODD;
        } else {
            for (int at = 0; at < length; at++) {
                hash = (hash ^ bytes[at]) * ODD;
            }
        }
        return (int) (hash >>> 32);
    }

    /** The same for the same bytes; its highest bits depend on all of them. */
    int hash() {
        return hash;
    }

    boolean are(byte[] others) {
        return Arrays.equals(bytes, 0, length, others, 0, others.length);
    }

    byte[] copy() {
        return Arrays.copyOf(bytes, length);
    }
}
