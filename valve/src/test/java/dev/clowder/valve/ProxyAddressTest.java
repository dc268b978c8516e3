package dev.clowder.valve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ProxyAddressTest {
    @ParameterizedTest
    @CsvSource(textBlock = """
                    2001:db8:0:0:0:0:0:1,      2001:db8::1
                    2001:DB8::1,               2001:db8::1
                    2001:0db8:0000:1:1:1:1:1,  2001:db8:0:1:1:1:1:1
                    2001:0:0:1:0:0:0:1,        2001:0:0:1::1
                    2001:db8:0:0:1:0:0:1,      2001:db8::1:0:0:1
                    ::,                        ::
                    ::1,                       ::1
                    1::,                       1::
                    1:2:3:4:5:6:7::,           1:2:3:4:5:6:7:0
                    ::2:3:4:5:6:7:8,           0:2:3:4:5:6:7:8
                    0:0:1::,                   0:0:1::
                    ::ffff:192.0.2.1,          192.0.2.1
                    ::ffff:c000:201,           192.0.2.1
                    64:ff9b::192.0.2.1,        64:ff9b::c000:201
                    1:2:3:4:5:6:1.2.3.4,       1:2:3:4:5:6:102:304
                    """)
    void oneAddressHasOneText(String text, String canonical) {
        InetAddress address = ProxyAddress.parseIpv6(text);
        assertThat(address).isNotNull();
        assertThat(ProxyAddress.text(address)).isEqualTo(canonical);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                ":",
                ":::",
                "1",
                "1:2:3:4:5:6:7",
                "1:2:3:4:5:6:7:8:9",
                "1:2:3:4:5:6:7:8::",
                "::1:2:3:4:5:6:7:8",
                "1::2::3",
                "1:",
                ":1",
                "1:::2",
                "12345::",
                "g::",
                "1.2.3.4",
                "::1.2.3",
                "::1.2.3.4.5",
                "::1.2.3.4:5",
                "1:2:3:4:5:6:7:1.2.3.4",
                "::01.2.3.4",
                "fe80::1%1",
                "[::1]",
                " ::1",
                "::1 ",
                "::-1",
                "::+1",
                "::٣",
            })
    void otherTextIsNoIpv6Address(String text) {
        assertThat(ProxyAddress.parseIpv6(text)).isNull();
    }

    @ParameterizedTest
    @ValueSource(strings = {"0.0.0.0", "127.0.0.1", "255.255.255.255", "10.20.30.40"})
    void ipv4AddressesKeepTheirText(String text) {
        InetAddress address = ProxyAddress.parseIpv4(text);
        assertThat(address).isNotNull();
        assertThat(ProxyAddress.text(address)).isEqualTo(text);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                ".",
                "...",
                "1",
                "1.2.3",
                "1.2.3.4.5",
                "1.2.3.",
                ".1.2.3",
                "1..2.3",
                "01.2.3.4",
                "1.2.3.04",
                "256.1.1.1",
                "1.2.3.256",
                "1.2.3.4 ",
                " 1.2.3.4",
                "+1.2.3.4",
                "0x7f.0.0.1",
                "2130706433",
                "localhost",
                "1.2.3.٣",
                "::1",
            })
    void otherTextIsNoIpv4Address(String text) {
        assertThat(ProxyAddress.parseIpv4(text)).isNull();
    }

    @ParameterizedTest
    @CsvSource({
        "192.0.2.1, 192.0.2.1",
        "2001:db8::1, 2001:db8::1",
        "::1, ::1",
        "127.0.0.1, 127.0.0.1",
    })
    void thePeerOfASocketIsItsAddress(String host, String text) throws Exception {
        IpAddress address = ProxyAddress.ip(new InetSocketAddress(InetAddress.getByName(host), 80));
        assertThat(address).hasToString(text);
        assertThat(address.isUnix()).isFalse();
    }

    @Test
    void thePeerOfAUnixSocketIsNoAddressAndAnUnknownOneIsNobody() {
        assertThat(ProxyAddress.ip(UnixDomainSocketAddress.of("/run/s")).isUnix())
                .isTrue();
        for (SocketAddress nobody : new SocketAddress[] {null, InetSocketAddress.createUnresolved("localhost", 80)}) {
            IpAddress address = ProxyAddress.ip(nobody);
            assertThat(address.isUnix()).isFalse();
            assertThat(address).hasToString("::");
        }
    }

    @Test
    void anAddressHasFourOrSixteenBytes() {
        assertThat(ProxyAddress.of(new byte[4])).hasToString("/0.0.0.0");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> ProxyAddress.of(new byte[5]))
                .withMessage("an address has 4 or 16 bytes, not 5");
    }
}
