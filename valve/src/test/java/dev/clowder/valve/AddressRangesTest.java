package dev.clowder.valve;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AddressRangesTest {

    private static final int ASKED = 2_000;

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3, 4, 5, 7, 8, 9, 100, 1000})
    void coverWhatOneOfTheirPrefixesCovers(int size) {
        Random random = new Random(4 + size);
        for (int round = 0; round < 5; round++) {
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
