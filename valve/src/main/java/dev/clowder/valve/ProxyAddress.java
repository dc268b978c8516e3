package dev.clowder.valve;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** Between the JDK's addresses, which sockets need, and {@link IpAddress}, which reads and writes their text. */
final class ProxyAddress {
    private ProxyAddress() {}

    /** The IPv4 address in the text, or null if it is none. */
    static @Nullable InetAddress parseIpv4(String text) {
        long address = IpAddress.parseV4(text, 0, text.length());
        return address < 0
                ? null
                : of(ByteBuffer.allocate(4).putInt((int) address).array());
    }

    /** The IPv6 address in the text, or null if it is none. A mapped one comes back as the IPv4 address that it is. */
    static @Nullable InetAddress parseIpv6(String text) {
        IpAddress address = new IpAddress();
        if (text.indexOf(':') < 0 || !address.parse(text, 0, text.length())) {
            return null;
        }
        return of(ByteBuffer.allocate(16)
                .putLong(address.high())
                .putLong(address.low())
                .array());
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
        return ip(address).toString();
    }

    /** The other end of a connection as the rules of trust see it; what has no address is one that no rule covers. */
    static IpAddress ip(SocketAddress peer) {
        IpAddress address = new IpAddress();
        if (peer instanceof UnixDomainSocketAddress) {
            address.setUnix();
        } else if (peer instanceof InetSocketAddress inet && inet.getAddress() != null) {
            return ip(inet.getAddress());
        }
        return address;
    }

    private static IpAddress ip(InetAddress address) {
        ByteBuffer bytes = ByteBuffer.wrap(address.getAddress());
        IpAddress ip = new IpAddress();
        if (bytes.remaining() == 4) {
            ip.setV4(bytes.getInt());
        } else {
            ip.set(bytes.getLong(), bytes.getLong());
        }
        return ip;
    }
}
