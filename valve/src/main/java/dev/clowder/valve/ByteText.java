package dev.clowder.valve;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * The bytes of a header read as text without copying them, one char for each byte. Overwritten by each {@link #of}; not
 * thread-safe.
 */
final class ByteText implements CharSequence {

    private static final VarHandle EIGHT = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.nativeOrder());

    private byte[] bytes = {};
    private int start;
    private int length;

    /** Makes this the text of other bytes. */
    @SuppressWarnings("ReferenceEquality") // It is a matter of saving a store, not of what the arrays hold.
    CharSequence of(byte[] newBytes, int newStart, int newLength) {
        if (bytes != newBytes) {
            bytes = newBytes; // All headers of a connection are in one array; see RequestRewriter.
        }
        start = newStart;
        length = newLength;
        return this;
    }

    @Override
    public int length() {
        return length;
    }

    @Override
    public char charAt(int index) {
        return (char) (bytes[start + index] & 0xff);
    }

    /** Whether the text is these bytes and no others; the name of a header is compared in each request, so by eights. */
    boolean is(byte[] others) {
        int last = length - Long.BYTES;
        if (length != others.length || last < 0) {
            return Arrays.equals(bytes, start, start + length, others, 0, others.length);
        }
        for (int at = 0; at < last; at += Long.BYTES) {
            if (!areEightAlike(others, at)) {
                return false;
            }
        }
        return areEightAlike(others, last);
    }

    /** Writes all bytes into {@code target}, the first one at {@code at}. */
    void copyTo(byte[] target, int at) {
        System.arraycopy(bytes, start, target, at, length);
    }

    private boolean areEightAlike(byte[] others, int at) {
        return (long) EIGHT.get(bytes, start + at) == (long) EIGHT.get(others, at);
    }

    @Override
    @SuppressWarnings("deprecation") // For bytes that are the low halves of chars it is right, and see IpAddress.
    public String subSequence(int from, int to) {
        return new String(bytes, 0, start + from, to - from);
    }

    @Override
    public String toString() {
        return subSequence(0, length);
    }
}
