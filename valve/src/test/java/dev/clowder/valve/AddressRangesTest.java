package dev.clowder.valve;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class AddressRangesTest {

    private static final int ASKED = 2_000;

    /** A bit without which no IPv6 address begins with ff, as those that no peer has. */
    private static final long MULTICAST = 1L << 56;

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3, 4, 5, 7, 8, 9, 100, 1000})
    void coverWhatOneOfTheirPrefixesCovers(int size) {
        Random random = new Random(4 + size);
        for (int round = 0; round < 3; round++) {
            List<IpPrefix> prefixes = new ArrayList<>();
            for (int i = 0; i < size; i++) {
                prefixes.add(prefix(random));
            }
            AddressRanges ranges = new AddressRanges(prefixes);
            IpAddress address = new IpAddress();
            for (int i = 0; i < ASKED; i++) {
                choose(address, prefixes, random);
                assertThat(ranges.contains(address))
                        .as("%s in %s", address, prefixes)
                        .isEqualTo(prefixes.stream().anyMatch(prefix -> prefix.contains(address)));
            }
        }
    }

    /** Many that do not touch each other, also some that begin in one half of an address and end in another. */
    @ParameterizedTest
    @ValueSource(ints = {250, 260, 3000})
    void manyCoverWhatOneOfThemCovers(int size) {
        Random random = new Random(size);
        List<IpPrefix> prefixes = new ArrayList<>(List.of(
                IpPrefix.parse("1.0.0.0/16"),
                IpPrefix.parse("9.254.0.0/15"),
                IpPrefix.parse("127.255.255.255/32"),
                IpPrefix.parse("128.0.0.0/31"),
                IpPrefix.parse("240.0.0.0/5")));
        while (prefixes.size() < size) {
            int first = ((1 + random.nextInt(200)) << 24) | random.nextInt(1 << 24);
            prefixes.add(IpPrefix.parse(
                    IpAddress.text(0, (0xffffL << 32) | (first & 0xffff_ffffL)) + "/" + (22 + random.nextInt(11))));
        }
        AddressRanges ranges = new AddressRanges(prefixes);
        IpAddress address = new IpAddress();
        for (int i = 0; i < 4 * ASKED; i++) {
            choose(address, prefixes, random);
            assertThat(ranges.contains(address))
                    .as("%s", address)
                    .isEqualTo(prefixes.stream().anyMatch(prefix -> prefix.contains(address)));
        }
    }

    /** IPv6 ones that begin with more and more the same bits, also beyond the middle of an address and up to its end. */
    @ParameterizedTest
    @CsvSource({
        "0, 0", "1, 0", "4, 2", "40, 0", "48, 2", "56, 0", "63, 0", "64, 0", "65, 2", "90, 0", "110, 2", "112, 0"
    })
    void manyV6CoverWhatOneOfThemCovers(int common, int farAway) {
        Random random = new Random(common);
        long high = 0x2aff_ffff_f8c3_81a5L;
        long low = 0x7e5a_c33c_f00f_a5ffL;
        List<IpPrefix> prefixes = new ArrayList<>();
        // With these nothing is common to all, only within the crowd.
        List.of("::1", "fc00::/7").subList(0, farAway).forEach(rule -> prefixes.add(IpPrefix.parse(rule)));
        for (int i = 0; i < 1_000; i++) {
            int length = common + 9 + random.nextInt(random.nextBoolean() ? 8 : 120 - common);
            long ownHigh = common >= 64 ? 0 : -1L >>> common;
            long ownLow = common <= 64 ? -1 : -1L >>> (common - 64);
            prefixes.add(IpPrefix.parse(longText(
                            (high & ~ownHigh) | (random.nextLong() & ownHigh & ~MULTICAST),
                            (low & ~ownLow) | (random.nextLong() & ownLow))
                    + "/" + length));
        }
        AddressRanges ranges = new AddressRanges(prefixes);
        IpAddress address = new IpAddress();
        int covered = 0;
        for (int i = 0; i < 4 * ASKED; i++) {
            choose(address, prefixes, random);
            boolean wanted = prefixes.stream().anyMatch(prefix -> prefix.contains(address));
            covered += wanted ? 1 : 0;
            if (ranges.contains(address) != wanted) {
                assertThat(ranges.contains(address)).as("%s", address).isEqualTo(wanted);
            }
        }
        assertThat(covered).isBetween(ASKED / 2, 4 * ASKED - ASKED / 2);
    }

    /** A network that is named machine by machine, beside one that is a rule, one that is almost full, and one that is empty. */
    @ParameterizedTest
    @ValueSource(ints = {255, 256, 257, 258, 2000})
    void aCrowdedNetworkCoversWhatItsMachinesAre(int size) {
        Random random = new Random(size);
        List<IpPrefix> prefixes = new ArrayList<>(
                List.of(IpPrefix.parse("10.0.0.0/16"), IpPrefix.parse("10.2.0.0/17"), IpPrefix.parse("10.2.128.0/18")));
        for (int i = 0; i < size; i++) {
            // Each a machine of its own: an even one, and now and then its neighbour with it.
            int first = (10 << 24) | (1 << 16) | (i * 32);
            prefixes.add(IpPrefix.parse(IpAddress.text(0, (0xffffL << 32) | first) + "/" + (31 + random.nextInt(2))));
        }
        AddressRanges ranges = new AddressRanges(prefixes);
        IpAddress address = new IpAddress();
        for (int at = (10 << 24) - 3; at < (10 << 24) + (3 << 16) + 3; at++) {
            address.set(0, (0xffffL << 32) | at);
            int low = at & 0xffff;
            int rule = 3 + low / 32;
            boolean wanted = switch (at >>> 16) {
                case 10 << 8 -> true;
                case (10 << 8) + 1 ->
                    rule < prefixes.size() && prefixes.get(rule).contains(address);
                case (10 << 8) + 2 -> low < 0xc000;
                default -> false;
            };
            if (ranges.contains(address) != wanted) {
                assertThat(ranges.contains(address)).as("%s", address).isEqualTo(wanted);
            }
        }
    }

    @Test
    void coverAllIfNothingIsLeftOut() {
        assertThat(of("0.0.0.0/1", "128.0.0.0/1").coverAllOfV4()).isTrue();
        assertThat(of("0.0.0.0/1", "128.0.0.0/2", "192.0.0.0/2", "10.0.0.0/8").coverAllOfV4())
                .isTrue();
        assertThat(of("0.0.0.0/1", "128.0.0.0/2", "192.0.0.0/3").coverAllOfV4()).isFalse();
        assertThat(of("128.0.0.0/1", "64.0.0.0/2").coverAllOfV4()).isFalse();
        assertThat(of("0.0.0.0/2", "128.0.0.0/1").coverAllOfV4()).isFalse();
        assertThat(of().coverAllOfV4()).isFalse();
        assertThat(of("::/1", "8000::/1").coverAllOfV6()).isTrue();
        assertThat(of("::/1", "8000::/65", "8000:0:0:0:8000::/65", "8000:0:0:1::/64")
                        .coverAllOfV6())
                .isFalse();
        assertThat(of("::/1", "c000::/2", "8000::/2").coverAllOfV6()).isTrue();
        assertThat(of("::/1", "c000::/2").coverAllOfV6()).isFalse();
        assertThat(of("8000::/1").coverAllOfV6()).isFalse();
        assertThat(of(split(128)).coverAllOfV6()).isTrue();
        String[] withHole = split(128);
        withHole[100] = "2001:db8::/32";
        assertThat(of(withHole).coverAllOfV6()).isFalse();
        assertThat(of("::/1", "8000::/1").coverAllOfV4()).isFalse();
        assertThat(of("0.0.0.0/1", "128.0.0.0/1").coverAllOfV6()).isFalse();
    }

    /** All of IPv6 as ever smaller halves: {@code 8000::/1, 4000::/2, ...} and the two last addresses. */
    private static String[] split(int depth) {
        String[] rules = new String[depth];
        for (int bit = 0; bit < depth - 1; bit++) {
            long high = bit < 64 ? 1L << (63 - bit) : 0;
            long low = bit < 64 ? 0 : 1L << (127 - bit);
            rules[bit] = longText(high, low) + "/" + (bit + 1);
        }
        rules[depth - 1] = "::/" + (depth - 1);
        return rules;
    }

    private static String longText(long high, long low) {
        StringBuilder text = new StringBuilder();
        for (long half : new long[] {high, low}) {
            for (int shift = 48; shift >= 0; shift -= 16) {
                text.append(text.length() == 0 ? "" : ":").append(Long.toHexString((half >>> shift) & 0xffff));
            }
        }
        return text.toString();
    }

    private static AddressRanges of(String... rules) {
        return new AddressRanges(Stream.of(rules).map(IpPrefix::parse).toList());
    }

    private static IpPrefix prefix(Random random) {
        return random.nextBoolean()
                ? IpPrefix.parse(IpAddress.text(0, (0xffffL << 32) | v4(random)) + "/" + (1 + random.nextInt(32)))
                : IpPrefix.parse(IpAddress.text(v6(random), random.nextLong()) + "/" + (1 + random.nextInt(128)));
    }

    /** Close together, so that they nest; a short prefix reaches the end of the space. */
    private static long v4(Random random) {
        long[] near = {0x0100_0000L, 0x7fff_ff00L, 0x8000_0000L, 0xcb00_7100L, 0xffff_f000L};
        return near[random.nextInt(near.length)] + random.nextInt(256);
    }

    private static long v6(Random random) {
        long[] near = {1, 2, Long.MAX_VALUE, Long.MIN_VALUE, 0x2001_0db8_0000_0000L};
        return near[random.nextInt(near.length)];
    }

    /** An end of a range, the address before or behind it, or any other. */
    private static void choose(IpAddress address, List<IpPrefix> prefixes, Random random) {
        if (prefixes.isEmpty() || random.nextInt(4) == 0) {
            boolean v4 = random.nextBoolean();
            address.set(v4 ? 0 : v6(random), v4 ? (0xffffL << 32) | v4(random) : random.nextLong());
            return;
        }
        IpPrefix prefix = prefixes.get(random.nextInt(prefixes.size()));
        boolean last = random.nextBoolean();
        int step = random.nextInt(3) - 1;
        address.set(last ? prefix.lastHigh() : prefix.high(), (last ? prefix.lastLow() : prefix.low()) + step);
    }
}
