package dev.clowder.valve;

import dev.clowder.valve.ProxyHeader.Family;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Reads PROXY protocol headers, versions 1 and 2 (HAProxy {@code doc/proxy-protocol.txt}). Pure functions: no I/O, no
 * look-up of names, no state; they never throw and never change the buffer.
 *
 * <p>Legal order for a caller: {@link #parse} whatever has arrived; after {@link NeedMore} read at most that many bytes
 * more and parse all of it again; stop at {@link Done} or {@link Malformed}. Who reads no more than asked never takes a
 * byte that belongs to TLS or HTTP. The result does not depend on how the bytes were cut.
 */
final class ProxyHeaderParser {
    /** Greatest length of a header, the fixed part included; the specification allows 65551 in version 2. */
    static final int MAX_LENGTH = 4096;

    /** What the bytes so far amount to. */
    sealed interface Outcome {}

    /**
     * The header goes on.
     *
     * @param atLeast a lower bound of the bytes that are missing, 1 or more
     */
    record NeedMore(int atLeast) implements Outcome {}

    /**
     * A whole header.
     *
     * @param length its bytes; what follows is not part of it
     */
    record Done(ProxyHeader header, int length) implements Outcome {}

    /**
     * No header, and more bytes could not make it one.
     *
     * @param reason begins with the section of the specification; holds no text of the sender
     */
    record Malformed(String reason) implements Outcome {}

    private static final byte[] V1_SIGNATURE = "PROXY ".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] V2_SIGNATURE = {0x0d, 0x0a, 0x0d, 0x0a, 0, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};

    private static final int V1_MIN = 15;
    private static final int V1_MAX = 107;
    private static final int V1_FIELDS = 6;
    private static final int V2_FIXED = 16;
    private static final int UNIX_PATH = 108;

    private static final String BAD_V1_LINE = "2.1: not exactly six fields with single spaces";

    private ProxyHeaderParser() {}

    /** Judges the bytes from position to limit. */
    static Outcome parse(ByteBuffer input) {
        ByteBuffer bytes = input.slice();
        int length = bytes.limit();
        if (length == 0) {
            return new NeedMore(V1_MIN);
        }
        boolean v1 = bytes.get(0) == V1_SIGNATURE[0];
        byte[] signature = v1 ? V1_SIGNATURE : V2_SIGNATURE;
        for (int i = 0; i < Math.min(length, signature.length); i++) {
            if (bytes.get(i) != signature[i]) {
                return new Malformed("2: no signature of version 1 or 2");
            }
        }
        return v1 ? parseV1(bytes) : parseV2(bytes);
    }

    // ------------------------------------------------------------------------------------------------ version 1

    private static Outcome parseV1(ByteBuffer bytes) {
        int length = Math.min(bytes.limit(), V1_MAX);
        for (int i = V1_SIGNATURE.length; i < length; i++) {
            byte b = bytes.get(i);
            if (b == '\n') {
                return new Malformed("2.1: LF without CR");
            }
            if (b == '\r' && i + 1 < length) {
                if (bytes.get(i + 1) != '\n') {
                    return new Malformed("2.1: CR without LF");
                }
                byte[] line = new byte[i];
                bytes.get(0, line);
                return parseLine(new String(line, StandardCharsets.ISO_8859_1), i + 2);
            }
        }
        if (length == V1_MAX) {
            return new Malformed("2.1: no CRLF in the first 107 bytes");
        }
        return new NeedMore(missingInV1(bytes));
    }

    /** The fewest bytes that can complete this line; only a bound that is never too great matters. */
    private static int missingInV1(ByteBuffer bytes) {
        int length = bytes.limit();
        if (length < V1_MIN) {
            return V1_MIN - length;
        }
        byte last = bytes.get(length - 1);
        if (last == '\r') {
            return 1;
        }
        if (bytes.get(V1_SIGNATURE.length) == 'U') {
            return 2;
        }
        int spaces = 0;
        for (int i = 0; i < length; i++) {
            if (bytes.get(i) == ' ') {
                spaces++;
            }
        }
        // Each field that has not begun needs a space and a character, and the line its CRLF.
        int fieldsToCome = Math.max(0, V1_FIELDS - 1 - spaces);
        return 2 * fieldsToCome + (last == ' ' ? 1 : 0) + 2;
    }

    private static Outcome parseLine(String line, int length) {
        String rest = line.substring(V1_SIGNATURE.length);
        if (rest.equals("UNKNOWN") || rest.startsWith("UNKNOWN ")) {
            return new Done(new ProxyHeader.Unknown(1, Family.UNKNOWN, List.of()), length);
        }
        String[] fields = rest.split(" ", -1);
        if (fields.length != V1_FIELDS - 1) {
            return new Malformed(BAD_V1_LINE);
        }
        Family family;
        if (fields[0].equals("TCP4")) {
            family = Family.TCP4;
        } else if (fields[0].equals("TCP6")) {
            family = Family.TCP6;
        } else {
            return new Malformed("2.1: neither TCP4, TCP6 nor UNKNOWN");
        }
        InetAddress source = parseAddress(family, fields[1]);
        InetAddress destination = parseAddress(family, fields[2]);
        if (source == null || destination == null) {
            return new Malformed("2.1: not an address of the stated family");
        }
        int sourcePort = Decimal.parse(fields[3], 0, fields[3].length(), 0, 0xffff);
        int destinationPort = Decimal.parse(fields[4], 0, fields[4].length(), 0, 0xffff);
        if (sourcePort < 0 || destinationPort < 0) {
            return new Malformed("2.1: not a port from 0 to 65535 without leading zeroes");
        }
        InetSocketAddress from = new InetSocketAddress(source, sourcePort);
        InetSocketAddress to = new InetSocketAddress(destination, destinationPort);
        return inet(1, family, from, to, List.of(), length);
    }

    private static @Nullable InetAddress parseAddress(Family family, String text) {
        return family == Family.TCP4 ? ProxyAddress.parseIpv4(text) : ProxyAddress.parseIpv6(text);
    }

    // ------------------------------------------------------------------------------------------------ version 2

    private static Outcome parseV2(ByteBuffer bytes) {
        int available = bytes.limit();
        int versionAndCommand = available > 12 ? bytes.get(12) & 0xff : 0x20;
        if (versionAndCommand >> 4 != 2) {
            return new Malformed("2.2: the binary header is not of version 2");
        }
        if ((versionAndCommand & 0x0f) > 1) {
            return new Malformed("2.2: a command other than LOCAL and PROXY");
        }
        if (available < V2_FIXED) {
            return new NeedMore(V2_FIXED - available);
        }
        boolean local = versionAndCommand == 0x20;
        int familyByte = bytes.get(13) & 0xff;
        Family family = familyOf(familyByte);
        if (!local && family == null) {
            return new Malformed("2.2: an address family or transport that HTTP has no use for");
        }
        // Judged before anything is allocated or awaited.
        int length = V2_FIXED + (bytes.getShort(14) & 0xffff);
        if (length > MAX_LENGTH) {
            return new Malformed("2.2: the stated length makes a header of more than 4096 bytes");
        }
        if (!local && family != null && length < V2_FIXED + addressLength(family)) {
            return new Malformed("2.2: the stated length is too short for the addresses of its family");
        }
        if (available < length) {
            return new NeedMore(length - available);
        }
        if (local || family == null) {
            // "Discard the protocol block including the family which is ignored."
            return new Done(new ProxyHeader.Local(family == null ? Family.UNSPEC : family), length);
        }
        return parseProxied(bytes.slice(0, length), family);
    }

    private static @Nullable Family familyOf(int familyByte) {
        return switch (familyByte) {
            case 0x00 -> Family.UNSPEC;
            case 0x11 -> Family.TCP4;
            case 0x21 -> Family.TCP6;
            case 0x31 -> Family.UNIX_STREAM;
            default -> null;
        };
    }

    private static int addressLength(Family family) {
        return switch (family) {
            case UNKNOWN, UNSPEC -> 0;
            case TCP4 -> 2 * 4 + 2 * 2;
            case TCP6 -> 2 * 16 + 2 * 2;
            case UNIX_STREAM -> 2 * UNIX_PATH;
        };
    }

    private static Outcome parseProxied(ByteBuffer header, Family family) {
        int length = header.limit();
        if (family == Family.UNSPEC) {
            // Such a header may hold addresses of a kind unknown here, so it is not known where its TLVs begin.
            return new Done(new ProxyHeader.Unknown(2, family, List.of()), length);
        }
        ProxyTlvReader reader = new ProxyTlvReader(header);
        String fault = reader.read(V2_FIXED + addressLength(family));
        if (fault != null) {
            return new Malformed(fault);
        }
        if (family == Family.UNIX_STREAM) {
            String source = path(header, V2_FIXED);
            String destination = path(header, V2_FIXED + UNIX_PATH);
            return new Done(new ProxyHeader.Unix(source, destination, reader.tlvs()), length);
        }
        int size = family == Family.TCP4 ? 4 : 16;
        int ports = V2_FIXED + 2 * size;
        InetSocketAddress source = endpoint(header, V2_FIXED, size, ports);
        InetSocketAddress destination = endpoint(header, V2_FIXED + size, size, ports + 2);
        return inet(2, family, source, destination, reader.tlvs(), length);
    }

    private static InetSocketAddress endpoint(ByteBuffer header, int at, int size, int portAt) {
        byte[] address = new byte[size];
        header.get(at, address);
        return new InetSocketAddress(ProxyAddress.of(address), header.getShort(portAt) & 0xffff);
    }

    /** A path ends at its first zero byte, or fills all 108 bytes. An abstract or unnamed socket has the empty path. */
    private static String path(ByteBuffer header, int at) {
        int end = at;
        while (end < at + UNIX_PATH && header.get(end) != 0) {
            end++;
        }
        byte[] path = new byte[end - at];
        header.get(at, path);
        return new String(path, StandardCharsets.UTF_8);
    }

    // ------------------------------------------------------------------------------------------------ both

    private static Outcome inet(
            int version,
            Family family,
            InetSocketAddress source,
            InetSocketAddress destination,
            List<ProxyTlv> tlvs,
            int length) {
        InetAddress address = source.getAddress();
        if (address.isAnyLocalAddress()) {
            return new Done(new ProxyHeader.Unknown(version, family, tlvs), length);
        }
        if (address.isMulticastAddress() || isBroadcast(address)) {
            return new Malformed((version == 1 ? "2.1" : "2.2") + ": the source is not the address of one host");
        }
        return new Done(new ProxyHeader.Inet(version, family, source, destination, tlvs), length);
    }

    private static boolean isBroadcast(InetAddress address) {
        byte[] bytes = address.getAddress();
        return bytes.length == 4 && (bytes[0] & bytes[1] & bytes[2] & bytes[3]) == -1;
    }
}
