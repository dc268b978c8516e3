package dev.clowder.valve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.InetAddress;
import java.util.SplittableRandom;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The ranges of {@code trust}. */
class IpPrefixTest {
    private static IpAddress address(String text) {
        IpAddress address = new IpAddress();
        assertThat(address.parse(text, 0, text.length())).as(text).isTrue();
        return address;
    }

    @ParameterizedTest
    @CsvSource({
        "10.0.0.1, 10.0.0.1/32",
        "10.1.2.3/8, 10.0.0.0/8",
        "10.1.2.3/255.255.0.0, 10.1.0.0/16",
        "10.1.2.3/255.255.255.255, 10.1.2.3/32",
        "10.1.2.3/128.0.0.0, 0.0.0.0/1",
        "::1, ::1/128",
        "2001:db8:1:2:3::/32, 2001:db8::/32",
        "2001:db8:1:2:ffff::/64, 2001:db8:1:2::/64",
        "2001:db8:1:2:ffff::/65, 2001:db8:1:2:8000::/65",
        "2001:db8:1:2:ffff::/63, 2001:db8:1:2::/63",
        "::ffff:10.1.2.3/104, 10.0.0.0/8",
        "::ffff:10.1.2.3/97, 0.0.0.0/1",
        "8000::/1, 8000::/1",
        "fe80::/10, fe80::/10",
    })
    @DisplayName("a range is shown with its host bits cleared, mapped addresses as the IPv4 that they are")
    void aRangeIsShownInItsCanonicalForm(String rule, String shown) {
        assertThat(IpPrefix.parse(rule)).hasToString(shown);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "10.0.0 | is no address, range or known name",
                "10.0.0.0/33 | has no prefix length from 1 to 32",
                "10.0.0.0/ | has no prefix length from 1 to 32",
                "10.0.0.0/-1 | has no prefix length from 1 to 32",
                "2001:db8::/129 | has no prefix length from 1 to 128",
                "10.0.0.0/255.0.255.0 | has a mask with holes, or none at all",
                "10.0.0.0/0.0.0.255 | has a mask with holes, or none at all",
                "10.0.0.0/255.0.0 | has a mask with holes, or none at all",
                "10.0.0.0/0 | covers every IPv4 address",
                "10.0.0.0/0.0.0.0 | covers every IPv4 address",
                "::ffff:10.0.0.0/96 | covers every IPv4 address; did you mean 10.0.0.0?",
                "::ffff:10.0.0.0/8 | covers every IPv4 address; did you mean 10.0.0.0/8?",
                "::ffff:10.0.0.0/32 | covers every IPv4 address; did you mean 10.0.0.0/32?",
                "::ffff:10.0.0.0/7 | covers every IPv4 address; did you mean 10.0.0.0?",
                "::ffff:10.0.0.0/33 | covers every IPv4 address; did you mean 10.0.0.0?",
                "2001:db8::/0 | covers every address",
                "224.0.0.0/4 | can never match: no peer has such an address",
                "239.1.2.3 | can never match: no peer has such an address",
                "ff02::1 | can never match: no peer has such an address",
                "ff00::/8 | can never match: no peer has such an address",
                "0.0.0.0 | can never match: no peer has such an address",
                ":: | can never match: no peer has such an address",
                "255.255.255.255 | can never match: no peer has such an address",
            })
    @DisplayName("a range that cannot be meant is refused, with the rule and the reason")
    void aRangeThatCannotBeMeantIsRefused(String rule, String reason) {
        assertThatThrownBy(() -> IpPrefix.parse(rule))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("'" + rule + "' " + reason);
    }

    @ParameterizedTest
    @CsvSource({"192.0.0.0/2", "224.0.0.0/3", "0.0.0.0/8", "fe00::/7", "feff::/16", "::/127", "e000::/128"})
    @DisplayName("a range that holds others too, or looks like multicast in the other family, is accepted")
    void aRangeThatHoldsOthersTooIsAccepted(String rule) {
        assertThat(IpPrefix.parse(rule)).isNotNull();
    }

    @ParameterizedTest
    @CsvSource({
        "10.0.0.0/8, 10.0.0.0, true",
        "10.0.0.0/8, 10.255.255.255, true",
        "10.0.0.0/8, 11.0.0.0, false",
        "10.0.0.0/8, 9.255.255.255, false",
        "10.0.0.0/8, ::ffff:10.1.2.3, true",
        "10.0.0.0/8, 2001:db8::a00:1, false",
        "2001:db8::/64, 2001:db8::ffff:ffff:ffff:ffff, true",
        "2001:db8::/64, 2001:db8:0:1::, false",
        "2001:db8::/65, 2001:db8::7fff:ffff:ffff:ffff, true",
        "2001:db8::/65, 2001:db8::8000:0:0:0, false",
        "::/1, 7fff::, true",
        "::/1, 8000::, false",
        "::/1, 10.0.0.1, false",
    })
    @DisplayName("a range holds its addresses, and IPv4 belongs to IPv4 rules only")
    void aRangeHoldsItsAddresses(String rule, String address, boolean held) {
        assertThat(IpPrefix.parse(rule).contains(address(address))).isEqualTo(held);
    }

    @Test
    @DisplayName("a socket file is in no range")
    void aSocketFileIsInNoRange() {
        IpAddress unix = new IpAddress();
        unix.setUnix();
        assertThat(IpPrefix.parse("::/1").contains(unix)).isFalse();
    }

    @Test
    @DisplayName("at every length the first and the last address are held, and those beside them are not")
    void theBordersAreExactAtEveryLength() throws Exception {
        SplittableRandom random = new SplittableRandom(7);
        for (int length = 1; length <= 128; length++) {
            byte[] bytes = new byte[16];
            random.nextBytes(bytes);
            bytes[0] = 0x20;
            String text = InetAddress.getByAddress(bytes).getHostAddress();
            IpPrefix prefix = IpPrefix.parse(text + "/" + length);
            IpAddress address = address(text);
            IpAddress flipped = new IpAddress();
            for (int bit = 0; bit < 128; bit++) {
                long high = address.high() ^ (bit < 64 ? Long.MIN_VALUE >>> bit : 0);
                long low = address.low() ^ (bit < 64 ? 0 : Long.MIN_VALUE >>> (bit - 64));
                flipped.set(high, low);
                assertThat(prefix.contains(flipped))
                        .as("bit %d of /%d", bit, length)
                        .isEqualTo(bit >= length);
            }
            assertThat(prefix.lastHigh() | address.high()).isEqualTo(prefix.lastHigh());
            assertThat(prefix.lastLow() | address.low()).isEqualTo(prefix.lastLow());
        }
    }
}
