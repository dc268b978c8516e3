package dev.clowder.valve;

import java.util.List;

/**
 * A rule of your own about who may speak for a client: {@code trust="class:com.example.MyPolicy"}.
 *
 * <p>The class needs a public constructor without arguments and is created once, when the valve starts. It is called
 * on request threads, several at a time, and must answer at once: no look-ups, no locks. An exception counts as
 * {@code false}.
 */
@FunctionalInterface
public interface TrustPolicy {

    /**
     * Whether what this peer or proxy says about the next address is believed.
     *
     * @param address the address as canonical text (IPv4-mapped addresses as IPv4, IPv6 as in RFC 5952, no zone), or
     *     {@code unix} for the peer of a Unix socket
     * @param hop 0 for the peer of the connection, 1 for the rightmost address in the header, and so on to the left
     * @return true to go on with the next address to the left, false if this address is the client
     */
    boolean trusts(String address, int hop);

    /**
     * Checks the text of a {@code trust} attribute without starting anything, for programs that take it from a user.
     *
     * @throws IllegalArgumentException naming the part of the text that cannot be right
     */
    static void check(String trust) {
        TrustedProxies.compile(trust, List.of(), TrustPolicy.class.getClassLoader());
    }
}
