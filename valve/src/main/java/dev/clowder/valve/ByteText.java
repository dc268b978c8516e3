package dev.clowder.valve;

import java.nio.charset.StandardCharsets;
import org.apache.tomcat.util.buf.ByteChunk;
import org.apache.tomcat.util.buf.MessageBytes;

/**
 * The bytes of a header read as text without copying them, one char for each byte. Overwritten by each {@link #of}; not
 * thread-safe.
 */
final class ByteText implements CharSequence {

    private byte[] bytes = {};
    private int start;
    private int length;

    /** A view of the bytes; for a header that was decoded already (HTTP/2) its own String. */
    @SuppressWarnings("ReferenceEquality") // It is a matter of saving a store, not of what the arrays hold.
    CharSequence of(MessageBytes header) {
        if (header.getType() != MessageBytes.T_BYTES) {
            String text = header.toString();
            return text == null ? "" : text;
        }
        ByteChunk chunk = header.getByteChunk();
        if (bytes != chunk.getBytes()) {
            bytes = chunk.getBytes(); // All headers of a connection are in one array; see RequestRewriter.
        }
        start = chunk.getStart();
        length = chunk.getLength();
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

    @Override
    public CharSequence subSequence(int from, int to) {
        return new String(bytes, start + from, to - from, StandardCharsets.ISO_8859_1);
    }

    @Override
    public String toString() {
        return new String(bytes, start, length, StandardCharsets.ISO_8859_1);
    }
}
