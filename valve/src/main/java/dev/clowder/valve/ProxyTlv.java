package dev.clowder.valve;

import java.util.Arrays;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/**
 * One type-length-value field of a PROXY protocol v2 header (HAProxy {@code doc/proxy-protocol.txt}, section 2.2).
 * Immutable.
 */
public final class ProxyTlv {
    /** Application protocol of the connection, such as {@code h2} (section 2.2.1). */
    public static final int ALPN = 0x01;
    /** Host name asked for by the client, for TLS its SNI (section 2.2.2). */
    public static final int AUTHORITY = 0x02;
    /** Checksum of the whole header (section 2.2.3). */
    public static final int CRC32C = 0x03;
    /** Padding, without meaning (section 2.2.4). */
    public static final int NOOP = 0x04;
    /** Opaque name of the connection, up to 128 bytes (section 2.2.5). */
    public static final int UNIQUE_ID = 0x05;
    /** What is known of the client's TLS, with fields of its own (section 2.2.6). */
    public static final int SSL = 0x20;
    /** Name of the network namespace (section 2.2.7). */
    public static final int NETNS = 0x30;

    static final int SSL_VERSION = 0x21;
    static final int SSL_COMMON_NAME = 0x22;
    static final int SSL_CIPHER = 0x23;

    /** Bytes of type and length before each value. */
    static final int HEAD = 3;

    private final int type;
    private final byte[] value;

    /**
     * Copies {@code value}.
     *
     * @param type 0 to 255
     * @param value at most 65535 bytes
     * @throws IllegalArgumentException if either is out of range
     */
    public ProxyTlv(int type, byte[] value) {
        if (type < 0 || type > 0xff) {
            throw new IllegalArgumentException("TLV type " + type + " is not between 0 and 255");
        }
        if (value.length > 0xffff) {
            throw new IllegalArgumentException("TLV value of " + value.length + " bytes is longer than 65535");
        }
        this.type = type;
        this.value = value.clone();
    }

    /** The type, 0 to 255. */
    public int getType() {
        return type;
    }

    /** A copy of the value. */
    public byte[] getValue() {
        return value.clone();
    }

    /** The value in lower-case hexadecimal digits. */
    public String getHex() {
        return HexFormat.of().formatHex(value);
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof ProxyTlv tlv && tlv.type == type && Arrays.equals(tlv.value, value);
    }

    @Override
    public int hashCode() {
        return 31 * type + Arrays.hashCode(value);
    }

    @Override
    public String toString() {
        return HexFormat.of().toHexDigits((byte) type) + "=" + getHex();
    }
}
