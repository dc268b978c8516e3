package dev.clowder.valve;

import java.net.InetSocketAddress;
import java.util.List;

/**
 * What one PROXY protocol header says. Immutable. Only {@link Inet} and {@link Unix} name a client; after the others the
 * addresses of the connection stay.
 */
sealed interface ProxyHeader {

    /** Address family and transport as they were on the wire. */
    enum Family {
        /** Version 1 {@code UNKNOWN}. */
        UNKNOWN,
        /** Version 2 without a family. */
        UNSPEC,
        TCP4,
        TCP6,
        UNIX_STREAM
    }

    /** 1 or 2. */
    int version();

    Family family();

    /** The TLVs in their order, without {@code NOOP}; empty in version 1 and after {@code LOCAL}. */
    List<ProxyTlv> tlvs();

    /** The proxy speaks for itself, as in a health check. */
    record Local(Family family) implements ProxyHeader {
        @Override
        public int version() {
            return 2;
        }

        @Override
        public List<ProxyTlv> tlvs() {
            return List.of();
        }
    }

    /** The proxy speaks for a client that it cannot name. */
    record Unknown(int version, Family family, List<ProxyTlv> tlvs) implements ProxyHeader {}

    /** The client by its address; an IPv4-mapped address is IPv4 here, whatever the family. */
    record Inet(
            int version, Family family, InetSocketAddress source, InetSocketAddress destination, List<ProxyTlv> tlvs)
            implements ProxyHeader {}

    /** The client came to the proxy over a Unix-domain socket; an unnamed socket has the empty path. */
    record Unix(String source, String destination, List<ProxyTlv> tlvs) implements ProxyHeader {
        @Override
        public int version() {
            return 2;
        }

        @Override
        public Family family() {
            return Family.UNIX_STREAM;
        }
    }
}
