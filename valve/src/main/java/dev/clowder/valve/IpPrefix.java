package dev.clowder.valve;

/**
 * A range of addresses from the configuration: an address with a prefix length. IPv4 is kept in the mapped form of
 * {@link IpAddress}, so its length is 96 more than the one that was written.
 */
record IpPrefix(long high, long low, int length) {

    private static final int V4_BITS = 96;

    /**
     * Reads {@code 10.0.0.1}, {@code 10.0.0.0/8}, {@code 10.0.0.0/255.0.0.0}, {@code 2001:db8::/32}. Host bits may be
     * set and are cleared.
     *
     * @throws IllegalArgumentException with the reason; the caller knows which attribute it stood in
     */
    static IpPrefix parse(String rule) {
        int slash = rule.indexOf('/');
        String text = slash < 0 ? rule : rule.substring(0, slash);
        IpAddress address = new IpAddress();
        if (!address.parse(text, 0, text.length())) {
            throw new IllegalArgumentException("'" + rule + "' is no address, range or known name");
        }
        boolean writtenAsV4 = text.indexOf(':') < 0;
        int length = slash < 0 ? 128 : length(rule, rule.substring(slash + 1), writtenAsV4);
        if (address.isV4() && length <= V4_BITS) {
            throw new IllegalArgumentException("'" + rule + "' covers every IPv4 address"
                    + (writtenAsV4 ? "" : "; did you mean " + text(address, length)));
        }
        if (length == 0) {
            throw new IllegalArgumentException("'" + rule + "' covers every address");
        }
        IpPrefix prefix = new IpPrefix(address.high() & highMask(length), address.low() & lowMask(length), length);
        if (prefix.holdsNobody()) {
            throw new IllegalArgumentException("'" + rule + "' can never match: no peer has such an address");
        }
        return prefix;
    }

    /** The IPv4 rule that somebody may have meant who wrote an IPv4-mapped address with an IPv4 length. */
    private static String text(IpAddress address, int length) {
        return address + (length >= 8 && length <= 32 ? "/" + length : "") + "?";
    }

    private static int length(String rule, String text, boolean writtenAsV4) {
        if (writtenAsV4 && text.indexOf('.') >= 0) {
            long mask = IpAddress.parseV4(text, 0, text.length());
            int bits = Long.bitCount(mask);
            if (mask < 0 || mask != (0xffffffffL << (32 - bits) & 0xffffffffL)) {
                throw new IllegalArgumentException("'" + rule + "' has a mask with holes, or none at all");
            }
            return V4_BITS + bits;
        }
        int most = writtenAsV4 ? 32 : 128;
        int bits = Decimal.parse(text, 0, text.length(), 0, most);
        if (bits < 0) {
            throw new IllegalArgumentException("'" + rule + "' has no prefix length from 1 to " + most);
        }
        return writtenAsV4 ? V4_BITS + bits : bits;
    }

    /** IPv4 addresses belong to IPv4 rules only. */
    boolean contains(IpAddress address) {
        return !address.isUnix()
                && address.isV4() == isV4()
                && (address.high() & highMask(length)) == high
                && (address.low() & lowMask(length)) == low;
    }

    boolean isV4() {
        return length > V4_BITS && IpAddress.isV4(high, low);
    }

    long lastHigh() {
        return high | ~highMask(length);
    }

    long lastLow() {
        return low | ~lowMask(length);
    }

    private boolean holdsNobody() {
        IpAddress first = new IpAddress();
        first.set(high, low);
        boolean multicast =
                isV4() ? length >= V4_BITS + 4 && (low >>> 28 & 0xf) == 0xe : length >= 8 && high >>> 56 == 0xff;
        return multicast || (length == 128 && !first.canBeClient());
    }

    private static long highMask(int length) {
        return length >= 64 ? -1 : ~(-1L >>> length);
    }

    private static long lowMask(int length) {
        return length <= 64 ? 0 : length == 128 ? -1 : ~(-1L >>> (length - 64));
    }

    @Override
    public String toString() {
        return IpAddress.text(high, low) + "/" + (isV4() ? length - V4_BITS : length);
    }
}
