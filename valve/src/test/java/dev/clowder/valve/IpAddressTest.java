package dev.clowder.valve;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Text to address and back: RFC 4291, section 2.2, and RFC 5952. */
class IpAddressTest {

    private final IpAddress address = new IpAddress();

    /** Parsed inside of a longer text, so that nothing outside of the range is read. */
    private boolean parse(String text) {
        return address.parse("1:" + text + ":1", 2, 2 + text.length());
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(textBlock = """
            1.2.3.4,                                       1.2.3.4,                      1.2.3.4
            255.255.255.255,                               255.255.255.255,              255.255.255.255
            0.0.0.0,                                       0.0.0.0,                      0.0.0.0
            100.200.100.200,                               100.200.100.200,              100.200.100.200
            ::,                                            ::,                           0:0:0:0:0:0:0:0
            ::1,                                           ::1,                          0:0:0:0:0:0:0:1
            1::,                                           1::,                          1:0:0:0:0:0:0:0
            1::2,                                          1::2,                         1:0:0:0:0:0:0:2
            1:2:3::4:5,                                    1:2:3::4:5,                   1:2:3:0:0:0:4:5
            1:2:3:4::5,                                    1:2:3:4::5,                   1:2:3:4:0:0:0:5
            1:2:3:4:5::6,                                  1:2:3:4:5::6,                 1:2:3:4:5:0:0:6
            1::3:4:5:6:7,                                  1::3:4:5:6:7,                 1:0:0:3:4:5:6:7
            1:2:3:4:5:6:7::,                               1:2:3:4:5:6:7:0,              1:2:3:4:5:6:7:0
            ::2:3:4:5:6:7:8,                               0:2:3:4:5:6:7:8,              0:2:3:4:5:6:7:8
            1:2:3:4:5:6:7:8,                               1:2:3:4:5:6:7:8,              1:2:3:4:5:6:7:8
            1:0:0:4:0:0:0:8,                               1:0:0:4::8,                   1:0:0:4:0:0:0:8
            1:0:0:4:0:0:7:8,                               1::4:0:0:7:8,                 1:0:0:4:0:0:7:8
            1:0:3:0:5:0:7:0,                               1:0:3:0:5:0:7:0,              1:0:3:0:5:0:7:0
            1:2:3:4:5:6:0:0,                               1:2:3:4:5:6::,                1:2:3:4:5:6:0:0
            FFFF:aBcD:00ef:0:0:0:0:1,                      ffff:abcd:ef::1,              ffff:abcd:ef:0:0:0:0:1
            ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255, ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff, ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
            64:ff9b::192.0.2.33,                           64:ff9b::c000:221,            64:ff9b:0:0:0:0:c000:221
            ::ffff:1.2.3.4,                                1.2.3.4,                      1.2.3.4
            0:0:0:0:0:ffff:0102:0304,                      1.2.3.4,                      1.2.3.4
            ::1.2.3.4,                                     ::102:304,                    0:0:0:0:0:0:102:304
            """)
    void everyAddressHasOneText(String text, String canonical, String ofTheJdk) {
        assertThat(parse(text)).isTrue();
        assertThat(address).hasToString(canonical);
        assertThat(address.longText()).isEqualTo(ofTheJdk);
        assertThat(parse(canonical)).isTrue();
        assertThat(address).hasToString(canonical);
        assertThat(address.isUnix()).isFalse();
    }

    @ParameterizedTest(name = "{0}")
    @ValueSource(
            strings = {
                "",
                "1",
                "1.2.3",
                "1.2.3.",
                ".1.2.3",
                "1.2.3.4.",
                "1.2.3.4.5",
                "1..2.3",
                "1.2.3.256",
                "1.2.3.1000",
                "01.2.3.4",
                "1.2.3.04",
                "1.2.3.00",
                "1.2.3.a",
                "1.2.3.-4",
                "+1.2.3.4",
                "1.2.3.4 ",
                "1,2,3,4",
                "0x1.2.3.4",
                "1111.1111.1111.1",
                ":",
                ":::",
                ":1",
                "1:",
                "1:2",
                ":1:2:3:4:5:6:7:8",
                "1:2:3:4:5:6:7",
                "1:2:3:4:5:6:7:8:9",
                "1:2:3:4:5:6:7:8:",
                "1::2::3",
                "::1::",
                "1:::2",
                "1:2:3:4::5:6:7:8",
                "::1:2:3:4:5:6:7:8",
                "12345::",
                "::12345",
                "g::",
                "::g",
                "1:2:3:4:5:6:7:1.2.3.4",
                "1:2:3:4:5:1.2.3.4",
                "::1.2.3",
                "::1.2.3.4:5",
                "::01.2.3.4",
                "[::1]",
                "::1%1",
                "::1/64",
                "\uff11::",
                "\u0661.2.3.4",
                "1234:1234:1234:1234:1234:1234:123.123.123.1233"
            })
    void whatIsNoAddressIsRefused(String text) {
        assertThat(parse(text)).isFalse();
    }

    @Test
    void whatWeWriteTheJdkReadsAndTheOtherWayRound() throws Exception {
        Random random = new Random(5952);
        for (int i = 0; i < 20_000; i++) {
            byte[] bytes = new byte[random.nextInt(4) == 0 ? 4 : 16];
            for (int k = 0; k < bytes.length; k++) {
                // Many zeros, so that there is something to shorten.
                bytes[k] = random.nextInt(3) == 0 ? (byte) random.nextInt(256) : 0;
            }
            InetAddress jdk = InetAddress.getByAddress(bytes);
            assertThat(parse(jdk.getHostAddress())).isTrue();
            assertThat(address.longText()).isEqualTo(jdk.getHostAddress());
            long high = address.high();
            long low = address.low();
            assertThat(parse(address.toString())).isTrue();
            assertThat(new long[] {address.high(), address.low()}).containsExactly(high, low);
        }
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(textBlock = """
            0.0.0.0, false
            0.0.0.1, true
            223.255.255.255, true
            224.0.0.0, false
            239.255.255.255, false
            240.0.0.0, true
            255.255.255.254, true
            255.255.255.255, false
            ::, false
            ::1, true
            1::, true
            feff::1, true
            ff00::, false
            ffff::1, false
            2001:db8::ff00, true
            """)
    void nobodyHasAnUnspecifiedBroadcastOrMulticastAddress(String text, boolean possible) {
        assertThat(parse(text)).isTrue();
        assertThat(address.canBeClient()).isEqualTo(possible);
    }

    @Test
    void aUnixSocketHasNoAddress() {
        assertThat(parse("1.2.3.4")).isTrue();
        address.setUnix();
        assertThat(address).hasToString("unix");
        assertThat(address.isUnix()).isTrue();
        assertThat(address.isV4()).isFalse();
        assertThat(address.high() | address.low()).isZero();
        assertThat(parse("1.2.3.4")).isTrue();
        assertThat(address.isUnix()).isFalse();
        assertThat(address.isV4()).isTrue();
    }
}
