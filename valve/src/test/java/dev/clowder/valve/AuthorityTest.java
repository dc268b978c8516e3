package dev.clowder.valve;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What becomes a host name, and what never does. */
class AuthorityTest {
    private final Authority authority = new Authority();

    @ParameterizedTest
    @CsvSource({
        "example, example, 0",
        "a, a, 0",
        "shop.example, shop.example, 0",
        "shop.example:8443, shop.example, 8443",
        "x:1, x, 1",
        "my_host-1.example:65535, my_host-1.example, 65535",
        "192.0.2.1:80, 192.0.2.1, 80",
        "[::1], [::1], 0",
        "[::], [::], 0",
        "[2001:db8::1]:443, [2001:db8::1], 443",
    })
    @DisplayName("a host, with or without a port, is found wherever it stands in a text")
    void aHostIsFound(String text, String name, int port) {
        assertThat(authority.parse(text, 0, text.length())).isTrue();
        assertThat(text.substring(0, authority.nameEnd())).isEqualTo(name);
        assertThat(authority.port()).isEqualTo(port);

        String inside = "\"" + text + "\",";
        assertThat(authority.parse(inside, 1, 1 + text.length())).isTrue();
        assertThat(inside.substring(1, authority.nameEnd())).isEqualTo(name);
        assertThat(authority.port()).isEqualTo(port);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                ":80",
                "host:",
                "host:0",
                "host:65536",
                "host:8o",
                "host:80:80",
                ".example",
                "shop..example",
                "shop.example.",
                "user@host",
                "host/path",
                "ho st",
                "h\u00f6st",
                "[::1",
                "[]",
                "[",
                "[]:",
                "[:]",
                "[192.0.2.1]",
                "[abc]",
                "[::1%eth0]",
                "[::1]x",
                "[::1]:",
                "::1",
                "2001:db8::1",
            })
    @DisplayName("whatever else a header says is no host, also in the middle of a text")
    void whateverElseIsNoHost(String text) {
        assertThat(authority.parse(text, 0, text.length())).isFalse();
        assertThat(authority.parse("::" + text + "]:", 2, 2 + text.length())).isFalse();
    }

    @Test
    @DisplayName("a name has at most 253 letters (RFC 1035)")
    void aNameHasAMostLength() {
        String longest = "a".repeat(253);
        assertThat(authority.parse(longest, 0, 253)).isTrue();
        assertThat(authority.parse("-" + longest, 1, 254)).isTrue();
        assertThat(authority.parse(longest + "b", 0, 254)).isFalse();
    }
}
