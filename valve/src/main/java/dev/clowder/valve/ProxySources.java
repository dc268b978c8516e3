package dev.clowder.valve;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Who may send a PROXY header, decided by the address of the socket alone. Immutable. */
interface ProxySources {

    boolean contains(SocketAddress peer);

    /**
     * Compiles a comma list of addresses, CIDR ranges and the names {@code loopback}, {@code linklocal},
     * {@code uniquelocal} and {@code unix}, in any case.
     *
     * @throws IllegalArgumentException with the attribute and the text that is wrong
     */
    static ProxySources compile(String attribute, String text) {
        List<Range> ranges = new ArrayList<>();
        boolean unix = false;
        for (String rule : text.split(",", -1)) {
            switch (rule.strip().toLowerCase(Locale.ROOT)) {
                case "unix" -> unix = true;
                case "loopback" -> Range.add(ranges, attribute, "127.0.0.0/8", "::1/128");
                case "linklocal" -> Range.add(ranges, attribute, "169.254.0.0/16", "fe80::/10");
                case "uniquelocal" ->
                    Range.add(ranges, attribute, "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7");
                default -> Range.add(ranges, attribute, rule.strip());
            }
        }
        boolean unixToo = unix;
        List<Range> compiled = List.copyOf(ranges);
        return peer -> {
            if (peer instanceof UnixDomainSocketAddress) {
                return unixToo;
            }
            InetAddress address = peer instanceof InetSocketAddress inet ? inet.getAddress() : null;
            return address != null && compiled.stream().anyMatch(range -> range.contains(address.getAddress()));
        };
    }

    /** An address and the number of its leading bits that count. */
    final class Range {
        private final byte[] address;
        private final int bits;

        private Range(byte[] address, int bits) {
            this.address = address;
            this.bits = bits;
        }

        static void add(List<Range> ranges, String attribute, String... rules) {
            for (String rule : rules) {
                Range range = parse(rule);
                if (range == null) {
                    throw new IllegalArgumentException(
                            attribute + ": \"" + rule + "\" is no address, range or name of a range");
                }
                ranges.add(range);
            }
        }

        private static @Nullable Range parse(String rule) {
            int slash = rule.indexOf('/');
            String text = slash < 0 ? rule : rule.substring(0, slash);
            InetAddress parsed = ProxyAddress.parseIpv4(text);
            InetAddress address = parsed == null ? ProxyAddress.parseIpv6(text) : parsed;
            if (address == null) {
                return null;
            }
            byte[] bytes = address.getAddress();
            int all = bytes.length * 8;
            int bits = slash < 0 ? all : ProxyAddress.parseDecimal(rule, slash + 1, rule.length(), all);
            return bits < 1 ? null : new Range(bytes, bits);
        }

        boolean contains(byte[] other) {
            if (other.length != address.length) {
                return false;
            }
            for (int bit = 0; bit < bits; bit++) {
                if (((address[bit / 8] ^ other[bit / 8]) >> (7 - bit % 8) & 1) != 0) {
                    return false;
                }
            }
            return true;
        }
    }
}
