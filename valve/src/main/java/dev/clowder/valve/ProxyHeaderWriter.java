package dev.clowder.valve;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Writes PROXY protocol headers, versions 1 and 2 (HAProxy {@code doc/proxy-protocol.txt}, sections 2.1 and 2.2). Pure
 * functions, safe for any number of threads. Each result is one complete header, to be sent before anything else.
 *
 * <p>If only one of two addresses is IPv6, the other is written as an IPv4-mapped IPv6 address. A zone is left out.
 */
public final class ProxyHeaderWriter {
    private static final byte[] V2_START = {
        0x0d, 0x0a, 0x0d, 0x0a, 0, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a,
    };
    private static final int FIXED = 16;
    private static final int UNIX_PATH = 108;
    private static final byte LOCAL = 0x20;
    private static final byte PROXY = 0x21;

    private ProxyHeaderWriter() {}

    /**
     * The text header of version 1.
     *
     * @throws IllegalArgumentException if an address is unresolved
     */
    public static byte[] v1(InetSocketAddress source, InetSocketAddress destination) {
        boolean v4 = isIpv4(source) && isIpv4(destination);
        String line = "PROXY " + (v4 ? "TCP4 " : "TCP6 ") + v1Text(source, v4) + ' ' + v1Text(destination, v4) + ' '
                + source.getPort() + ' ' + destination.getPort() + "\r\n";
        return line.getBytes(StandardCharsets.US_ASCII);
    }

    /** The text header of version 1 for a client that cannot be named. */
    public static byte[] v1Unknown() {
        return "PROXY UNKNOWN\r\n".getBytes(StandardCharsets.US_ASCII);
    }

    /**
     * The binary header of version 2 for a TCP connection.
     *
     * @param tlvs written in this order
     * @throws IllegalArgumentException if an address is unresolved or the header would be longer than 4096 bytes
     */
    public static byte[] v2(InetSocketAddress source, InetSocketAddress destination, ProxyTlv... tlvs) {
        boolean v4 = isIpv4(source) && isIpv4(destination);
        int size = v4 ? 4 : 16;
        ByteBuffer header = start(PROXY, v4 ? 0x11 : 0x21, 2 * size + 4, tlvs);
        header.put(bytes(source, v4)).put(bytes(destination, v4));
        header.putShort((short) source.getPort()).putShort((short) destination.getPort());
        return finish(header, tlvs);
    }

    /**
     * The binary header of version 2 for a connection over a Unix-domain socket.
     *
     * @param source path of the client's socket, empty if it has none; at most 108 bytes in UTF-8
     * @param destination path of the socket it connected to
     * @throws IllegalArgumentException if a path or the header is too long
     */
    public static byte[] v2Unix(String source, String destination, ProxyTlv... tlvs) {
        ByteBuffer header = start(PROXY, 0x31, 2 * UNIX_PATH, tlvs);
        header.put(path(source)).put(path(destination));
        return finish(header, tlvs);
    }

    /** The binary header of version 2 for a client that cannot be named: {@code UNSPEC}. */
    public static byte[] v2Unspec() {
        return finish(start(PROXY, 0x00, 0));
    }

    /** The binary header of version 2 for a connection of the sender itself, such as a health check. */
    public static byte[] local() {
        return finish(start(LOCAL, 0x00, 0));
    }

    /**
     * The same header of version 2 with a CRC32C checksum at its end (section 2.2.3).
     *
     * @throws IllegalArgumentException if {@code header} is not one header of version 2, or has no place for 7 bytes more
     */
    public static byte[] withChecksum(byte[] header) {
        ByteBuffer old = ByteBuffer.wrap(header);
        if (header.length < FIXED
                || header.length != FIXED + (old.getShort(14) & 0xffff)
                || !ByteBuffer.wrap(V2_START).equals(old.slice(0, V2_START.length))) {
            throw new IllegalArgumentException("not a whole PROXY header of version 2");
        }
        int length = header.length + ProxyTlv.HEAD + Integer.BYTES;
        ByteBuffer summed = ByteBuffer.allocate(checkLength(length)).put(header);
        summed.putShort(14, (short) (length - FIXED));
        summed.put((byte) ProxyTlv.CRC32C).putShort((short) Integer.BYTES);
        int field = summed.position();
        summed.putInt(field, ProxyTlvReader.checksum(summed, field));
        return summed.array();
    }

    /**
     * The TLV that tells about the client's TLS (section 2.2.6).
     *
     * @param client bits: 1 the client uses TLS, 2 it sent a certificate on this connection, 4 in this session
     * @param verify 0 if the certificate was verified
     * @param fields sub-TLVs: 0x21 version, 0x22 common name, 0x23 cipher, and so on
     */
    public static ProxyTlv ssl(int client, int verify, ProxyTlv... fields) {
        ByteBuffer value = ByteBuffer.allocate(ProxyTlvReader.SSL_HEAD + length(fields));
        value.put((byte) client).putInt(verify);
        put(value, fields);
        return new ProxyTlv(ProxyTlv.SSL, value.array());
    }

    private static ByteBuffer start(byte command, int family, int addresses, ProxyTlv... tlvs) {
        int rest = addresses + length(tlvs);
        ByteBuffer header = ByteBuffer.allocate(checkLength(FIXED + rest));
        return header.put(V2_START).put(command).put((byte) family).putShort((short) rest);
    }

    private static byte[] finish(ByteBuffer header, ProxyTlv... tlvs) {
        put(header, tlvs);
        byte[] bytes = new byte[header.position()];
        header.get(0, bytes);
        return bytes;
    }

    private static void put(ByteBuffer into, ProxyTlv... tlvs) {
        for (ProxyTlv tlv : tlvs) {
            byte[] value = tlv.getValue();
            into.put((byte) tlv.getType()).putShort((short) value.length).put(value);
        }
    }

    private static int length(ProxyTlv... tlvs) {
        int length = 0;
        for (ProxyTlv tlv : tlvs) {
            length += ProxyTlv.HEAD + tlv.getValue().length;
        }
        return length;
    }

    private static int checkLength(int length) {
        if (length > ProxyHeaderParser.MAX_LENGTH) {
            throw new IllegalArgumentException(
                    "a PROXY header of " + length + " bytes; receivers take " + ProxyHeaderParser.MAX_LENGTH);
        }
        return length;
    }

    private static byte[] path(String path) {
        byte[] text = path.getBytes(StandardCharsets.UTF_8);
        if (text.length > UNIX_PATH) {
            throw new IllegalArgumentException("a socket path of " + text.length + " bytes; at most 108 fit");
        }
        return Arrays.copyOf(text, UNIX_PATH);
    }

    private static boolean isIpv4(InetSocketAddress address) {
        return address(address) instanceof Inet4Address;
    }

    private static InetAddress address(InetSocketAddress socket) {
        InetAddress address = socket.getAddress();
        if (address == null) {
            throw new IllegalArgumentException("unresolved address " + socket);
        }
        return address;
    }

    private static String v1Text(InetSocketAddress socket, boolean v4) {
        String text = ProxyAddress.text(address(socket));
        return v4 || !isIpv4(socket) ? text : "::ffff:" + text;
    }

    private static byte[] bytes(InetSocketAddress socket, boolean v4) {
        byte[] address = address(socket).getAddress();
        if (v4 || address.length == 16) {
            return address;
        }
        byte[] mapped = new byte[16];
        mapped[10] = -1;
        mapped[11] = -1;
        System.arraycopy(address, 0, mapped, 12, 4);
        return mapped;
    }
}
