package dev.clowder.valve;

import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.valve.HeaderNames.Role;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Rule V11: which header lines matter. */
class HeaderNamesTest {
    private final HeaderNames names =
            new HeaderNames(Map.of(Role.CHAIN, "X-Forwarded-For", Role.PROTO, "X-Forwarded-Proto", Role.PREFIX, "-Z"));

    @ParameterizedTest
    @CsvSource({
        "x-forwarded-for, CHAIN",
        "X-FORWARDED-FOR, CHAIN",
        "x-forwarded-proto, PROTO",
        "X_Forwarded_For, ALIAS",
        "x.forwarded-for, ALIAS",
        "x-forwarded_proto, ALIAS",
        "X-REAL_IP, ALIAS",
        "forwarded, OTHER_FORWARDED",
        "Forwarded, OTHER_FORWARDED",
        "FORWARDED, OTHER_FORWARDED",
        "x-forwarded-host, OTHER",
        "x-forwarded-port, OTHER",
        "x-forwarded-prefix, OTHER",
        "x-real-ip, OTHER",
        "x-forwarded-by, COMPANION",
        "x-forwarded-server, COMPANION",
        "x-forwarded-ssl, OTHER",
        "x-forwarded-client-cert, CERTIFICATE",
        "client-cert, CERTIFICATE",
        "client-cert-chain, CERTIFICATE",
        "-z, PREFIX",
        "-Z, PREFIX",
        "_z, ALIAS",
        ".Z, ALIAS",
    })
    @DisplayName("a name is known in any case, and with _ or . in the place of - as an alias that never counts")
    void aNameIsKnownInAnyCase(String name, Role role) {
        assertThat(names.roleOf(name)).isEqualTo(role.bit());
        assertThat(names.roleOf(inBuffer(name))).as("as bytes").isEqualTo(role.bit());
    }

    @ParameterizedTest
    @CsvSource({
        "x-forwarded-fo", "x-forwarded-fos", "x-forwarded-forx", "y-forwarded-for", "x+forwarded+for", "forwardee",
        "forward_d", "host", "z-", "x-forwarded-client-certificate", "X-F\u00d0RWARDED-FOR", "x-for@arded-for",
        "x-f[rwarded-for", "''"
    })
    @DisplayName("a name that only looks like one does not matter")
    void aNameThatOnlyLooksLikeOneDoesNotMatter(String name) {
        assertThat(names.roleOf(name)).isZero();
        assertThat(names.roleOf(inBuffer(name))).as("as bytes").isZero();
    }

    @Test
    @DisplayName("a name that differs in one letter, wherever that is, is another name")
    void aNameThatDiffersInOneLetterIsAnotherName() {
        for (String known :
                List.of("-z", "forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-client-cert")) {
            for (int i = 0; i < known.length(); i++) {
                String other = known.substring(0, i) + '#' + known.substring(i + 1);
                assertThat(names.roleOf(inBuffer(other))).as(other).isZero();
            }
        }
    }

    /** As it stands between others in the buffer of a connection. */
    private static CharSequence inBuffer(String name) {
        byte[] buffer = ("GET / HTTP/1.1 " + name + ": 127.0.0.1").getBytes(StandardCharsets.ISO_8859_1);
        return new ByteText().of(buffer, 15, name.length());
    }

    @Test
    @DisplayName("a header that is read in one role has no other, and the one that it stands in for is a stranger")
    void aHeaderThatIsReadHasNoOtherRole() {
        HeaderNames single = new HeaderNames(Map.of(Role.CHAIN, "X-Real-IP"));
        assertThat(single.roleOf("x-real-ip")).isEqualTo(Role.CHAIN.bit());
        assertThat(single.roleOf("x-forwarded-for")).isEqualTo(Role.OTHER_FOR.bit());
        assertThat(single.nameOf(Role.CHAIN)).isEqualTo("X-Real-IP");
        assertThat(single.nameOf(Role.PROTO)).isNull();
    }
}
