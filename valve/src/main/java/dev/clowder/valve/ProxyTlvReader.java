package dev.clowder.valve;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * Reads the TLVs of one complete v2 header and checks its checksum. Not thread-safe; one instance per header.
 *
 * <p>All bounds come from length fields inside the header, never from what else the buffer holds.
 */
final class ProxyTlvReader {
    private static final int CHECKSUM_LENGTH = 4;
    private static final int MAX_UNIQUE_ID = 128;

    /** Bytes of {@code client} and {@code verify} at the start of the SSL TLV. */
    static final int SSL_HEAD = 5;

    private final ByteBuffer header;
    private final List<ProxyTlv> tlvs = new ArrayList<>();
    private int checksumAt = -1;

    /** @param header exactly the header, from position 0 to the limit; it is not changed */
    ProxyTlvReader(ByteBuffer header) {
        this.header = header;
    }

    /** What was read, without {@code NOOP}; valid after {@link #read} has returned null. */
    List<ProxyTlv> tlvs() {
        return List.copyOf(tlvs);
    }

    /** Reads from {@code offset} to the end of the header; returns what is wrong with it, or null. */
    @Nullable
    String read(int offset) {
        int at = offset;
        int end = header.limit();
        while (at < end) {
            int next = next(at, end);
            if (next < 0) {
                return "2.2: a TLV that reaches beyond its header";
            }
            String fault = take(header.get(at) & 0xff, at + ProxyTlv.HEAD, next);
            if (fault != null) {
                return fault;
            }
            at = next;
        }
        return checksumAt < 0 || checksumIsRight() ? null : "2.2.3: the CRC32C checksum is wrong";
    }

    /**
     * The fields in the rest of an SSL TLV that {@link #read} has found right. Numbers mean something else in there, and none
     * is left out.
     */
    static List<ProxyTlv> fields(ByteBuffer ssl) {
        List<ProxyTlv> fields = new ArrayList<>();
        while (ssl.hasRemaining()) {
            int type = ssl.get() & 0xff;
            byte[] value = new byte[ssl.getShort() & 0xffff];
            ssl.get(value);
            fields.add(new ProxyTlv(type, value));
        }
        return List.copyOf(fields);
    }

    private @Nullable String take(int type, int from, int to) {
        switch (type) {
            case ProxyTlv.NOOP -> {
                return null;
            }
            case ProxyTlv.CRC32C -> {
                if (to - from != CHECKSUM_LENGTH) {
                    return "2.2.3: a CRC32C checksum that has not 4 bytes";
                }
                if (checksumAt >= 0) {
                    return "2.2.3: two CRC32C checksums";
                }
                checksumAt = from;
            }
            case ProxyTlv.UNIQUE_ID -> {
                if (to - from > MAX_UNIQUE_ID) {
                    return "2.2.5: a unique ID longer than 128 bytes";
                }
            }
            case ProxyTlv.SSL -> {
                String fault = checkSsl(from, to);
                if (fault != null) {
                    return fault;
                }
            }
            default -> {
                // Unassigned and private types are kept for those who know them.
            }
        }
        byte[] value = new byte[to - from];
        header.get(from, value);
        tlvs.add(new ProxyTlv(type, value));
        return null;
    }

    private @Nullable String checkSsl(int from, int to) {
        if (to - from < SSL_HEAD) {
            return "2.2.6: an SSL TLV shorter than 5 bytes";
        }
        int at = from + SSL_HEAD;
        while (at < to) {
            int next = next(at, to);
            if (next < 0) {
                return "2.2.6: a TLV that reaches beyond the SSL TLV around it";
            }
            if ((header.get(at) & 0xff) == ProxyTlv.SSL) {
                return "2.2.6: an SSL TLV inside another";
            }
            at = next;
        }
        return null;
    }

    /** Where the TLV at {@code at} ends, or -1 if that is beyond {@code end}. */
    private int next(int at, int end) {
        if (end - at < ProxyTlv.HEAD) {
            return -1;
        }
        int next = at + ProxyTlv.HEAD + (header.getShort(at + 1) & 0xffff);
        return next > end ? -1 : next;
    }

    private boolean checksumIsRight() {
        return header.getInt(checksumAt) == checksum(header, checksumAt);
    }

    /** CRC32C of the whole header with the four bytes at {@code field} taken as zero (section 2.2.3). */
    static int checksum(ByteBuffer header, int field) {
        CRC32C crc = new CRC32C();
        crc.update(header.duplicate().position(0).limit(field));
        crc.update(new byte[CHECKSUM_LENGTH]);
        crc.update(header.duplicate().position(field + CHECKSUM_LENGTH));
        return (int) crc.getValue();
    }
}
