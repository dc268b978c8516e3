package dev.clowder.valve;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What an operator reads who asks why. */
class ExplanationTest {

    @ParameterizedTest(name = "{0}, {1}, {2}")
    @CsvSource(delimiter = '|', textBlock = """
            loopback   | 127.0.0.1 | 6.6.6.6, 203.0.113.7, 127.0.0.5 | 203.0.113.7 CLIENT: peer 127.0.0.1 is trusted by 127.0.0.0/8; X-Forwarded-For from the right: 127.0.0.5 is trusted by 127.0.0.0/8, 203.0.113.7 is trusted by no rule
            10.0.0.0/8 | 127.0.0.1 | 6.6.6.6            | 127.0.0.1 UNTRUSTED_PEER: peer 127.0.0.1 is trusted by no rule, no header counts
            10.0.0.0/8, ::1 | ::1  | 203.0.113.7:99     | 203.0.113.7 CLIENT: peer ::1 is trusted by ::1/128; X-Forwarded-For from the right: 203.0.113.7:99 is trusted by no rule
            loopback   | 127.0.0.1 | 127.0.0.5          | 127.0.0.5 END_OF_CHAIN: peer 127.0.0.1 is trusted by 127.0.0.0/8; X-Forwarded-For from the right: 127.0.0.5 is trusted by 127.0.0.0/8, nothing more
            loopback   | 127.0.0.1 | <b>, 127.0.0.5     | 127.0.0.5 MALFORMED: peer 127.0.0.1 is trusted by 127.0.0.0/8; X-Forwarded-For from the right: 127.0.0.5 is trusted by 127.0.0.0/8, <b> is no address
            loopback   | 127.0.0.1 | unknown            | 127.0.0.1 UNKNOWN: peer 127.0.0.1 is trusted by 127.0.0.0/8; X-Forwarded-For from the right: unknown hides its address
            2          | 127.0.0.1 | 203.0.113.7        | 127.0.0.1 TOO_SHORT: peer 127.0.0.1 is trusted by 2; X-Forwarded-For has fewer members than trust announces
            1; loopback | 127.0.0.1 | 127.0.0.5         | 127.0.0.5 CLIENT: peer 127.0.0.1 is trusted by 127.0.0.0/8; X-Forwarded-For from the right: 127.0.0.5 is trusted by no rule (at most 1)
            unix       | unix      | 203.0.113.7        | 203.0.113.7 CLIENT: peer unix is trusted by unix; X-Forwarded-For from the right: 203.0.113.7 is trusted by no rule
            true       | 127.0.0.1 | 203.0.113.7        | 203.0.113.7 END_OF_CHAIN: peer 127.0.0.1 is trusted by true; X-Forwarded-For from the right: 203.0.113.7 is trusted by true, nothing more
            """)
    void theDecisionNamesPeerHeaderMembersAndRules(String trust, String peer, String chain, String explanation) {
        assertThat(explain(Map.of("trust", trust), peer, "X-Forwarded-For", chain))
                .isEqualTo(explanation);
    }

    @Test
    void ofSeveralExpressionsTheOneThatMatchesIsNamed() {
        Map<String, String> attributes =
                Map.of("internalProxies", "127\\.0\\.0\\.\\d+|x", "trustedProxies", "192\\.0\\.2\\.\\d+|y");
        assertThat(explain(attributes, "127.0.0.1", "X-Forwarded-For", "203.0.113.7, 192.0.2.1, 127.0.0.5"))
                .isEqualTo(
                        "203.0.113.7 CLIENT: peer 127.0.0.1 is trusted by 127\\.0\\.0\\.\\d+|x; X-Forwarded-For from "
                                + "the right: 127.0.0.5 is trusted by 127\\.0\\.0\\.\\d+|x, "
                                + "192.0.2.1 is trusted by 192\\.0\\.2\\.\\d+|y, 203.0.113.7 is trusted by no rule");
    }

    @Test
    void theOtherFamiliesAreNamedToo() {
        assertThat(explain(
                        Map.of("headers", "forwarded"), "127.0.0.1", "Forwarded", "for=\"[2001:db8::1]\";proto=https"))
                .endsWith("forwarded from the right: for=\"[2001:db8::1]\";proto=https is trusted by no rule");
        assertThat(explain(Map.of("headers", "X-Real-IP"), "127.0.0.1", "X-Real-IP", "1.2.3.4, 1.2.3.5"))
                .endsWith("X-Real-IP from the right: 1.2.3.4, 1.2.3.5 is no address");
        assertThat(explain(
                        Map.of("conflict", "reject"),
                        "127.0.0.1",
                        "X-Forwarded-For",
                        "1.2.3.4",
                        "Forwarded",
                        "for=1.2.3.5"))
                .endsWith("CONFLICT: peer 127.0.0.1 is trusted by 127.0.0.0/8; "
                        + "X-Forwarded-For and the other family of headers name different clients");
    }

    @Test
    void aClientCanNeitherForgeALineNorFillTheLog() {
        assertThat(explain(Map.of(), "127.0.0.1", "X-Forwarded-For", "a\r\n\u001bFAKE\u00e9"))
                .endsWith("a???FAKE? is no address");
        assertThat(explain(Map.of(), "127.0.0.1", "X-Forwarded-For", "x".repeat(5000)))
                .hasSizeLessThan(300);
        assertThat(explain(Map.of(), "127.0.0.1", "X-Forwarded-For", "127.0.0.5,".repeat(10_000)))
                .endsWith(" and so on")
                .hasSizeLessThan(1000);
    }

    @Test
    void whatFitsIsShownWhole() {
        assertThat(explain(Map.of(), "127.0.0.1", "X-Forwarded-For", "a " + "x".repeat(62)))
                .endsWith(": a " + "x".repeat(62) + " is no address");
        assertThat(explain(Map.of(), "127.0.0.1", "X-Forwarded-For", "a " + "x".repeat(63)))
                .endsWith(": a " + "x".repeat(62) + "... is no address");
        assertThat(explain(Map.of(), "127.0.0.1", "X-Forwarded-For", "203.0.113.7" + ",127.0.0.5".repeat(15)))
                .endsWith("203.0.113.7 is trusted by no rule");
    }

    @Test
    void aBalancerThatNamedNobodyIsToldFromAnUntrustedPeer() {
        GivenHead head = new GivenHead("127.0.0.1", false, "http", false, "app.internal", 8080, List.of());
        ClientResolver resolver = new ClientResolver(
                ForwardedPolicy.compile(Map.of(), List.of(), ExplanationTest.class.getClassLoader()), head);
        assertThat(resolver.explain(resolver.resolve()))
                .startsWith("127.0.0.1 UNTRUSTED_PEER: peer 127.0.0.1 named no client in its PROXY header, or Tomcat");
    }

    private static String explain(Map<String, String> attributes, String peer, String... headers) {
        ForwardedPolicy policy =
                ForwardedPolicy.compile(new HashMap<>(attributes), List.of(), ExplanationTest.class.getClassLoader());
        ClientResolver resolver = new ClientResolver(policy, GivenHead.from(peer, headers));
        return resolver.explain(resolver.resolve());
    }
}
