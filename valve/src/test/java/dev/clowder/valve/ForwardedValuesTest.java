package dev.clowder.valve;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which member of a list of values belongs to the accepted hop, and what becomes of a value that is none. */
class ForwardedValuesTest {

    private static final String PROXY = "127.0.0.1";
    private static final ForwardedPolicy POLICY = ForwardedPolicy.compile(
            Map.of("trust", "loopback", "prefix", "true"), List.of(), ForwardedValuesTest.class.getClassLoader());

    @ParameterizedTest(name = "{0}: {1} of {2}")
    @CsvSource(delimiter = '|', textBlock = """
            203.0.113.7                      | https       | https
            203.0.113.7                      | https, http | http
            203.0.113.7, 127.0.0.2           | https, http | https
            203.0.113.7, 127.0.0.2           | https       | https
            203.0.113.7, 127.0.0.2           | http, https, http | https
            6.6.6.6, 203.0.113.7, 127.0.0.2  | http, https, http | https
            6.6.6.6, 203.0.113.7, 127.0.0.2  | https, http | https
            203.0.113.7, 127.0.0.3, 127.0.0.2 | https, http | http
            127.0.0.3, 127.0.0.2             | https, http | https
            """)
    void aListIsReadAtThePlaceOfTheAcceptedHopFromTheRightAndAShorterOneAtItsRightEnd(
            String chain, String protocols, String expected) {
        Forwarded forwarded = resolver("X-Forwarded-For", chain, "X-Forwarded-Proto", protocols)
                .resolve();
        assertThat(forwarded.getProtocol()).isEqualTo(expected);
        assertThat(forwarded.isSecure()).isEqualTo(expected.equals("https"));
    }

    @ParameterizedTest(name = "{0}: {1}")
    @CsvSource(delimiter = '|', nullValues = "-", textBlock = """
            203.0.113.7            | -              | -
            203.0.113.7            | /shop          | /shop
            203.0.113.7            | /              | ''
            203.0.113.7            | /forged, /shop | /shop
            203.0.113.7, 127.0.0.2 | /a, /b         | /a/b
            203.0.113.7, 127.0.0.2 | /b             | /b
            203.0.113.7, 127.0.0.2 | /forged, /a, /b | /a/b
            203.0.113.7, 127.0.0.2 | //a, /b        | -
            -                      | /forged, /shop | /shop
            """)
    void thePrefixesOfTheBelievedHopsTogetherAreTheContextPath(String chain, String prefixes, String expected) {
        List<String> headers = new ArrayList<>();
        if (chain != null) {
            headers.addAll(List.of("X-Forwarded-For", chain));
        }
        if (prefixes != null) {
            headers.addAll(List.of("X-Forwarded-Prefix", prefixes));
        }
        Forwarded forwarded = resolver(headers.toArray(new String[0])).resolve();
        assertThat(forwarded.contextPath()).isEqualTo(expected);
        assertThat(forwarded.getPrefix()).isEqualTo(expected == null ? "" : expected);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            X-Forwarded-Proto  | https | false
            X-Forwarded-Proto  | ftp   | true
            X-Forwarded-Host   | a:80  | false
            X-Forwarded-Host   | a b   | true
            X-Forwarded-Port   | 1     | false
            X-Forwarded-Port   | 65535 | false
            X-Forwarded-Port   | 0     | true
            X-Forwarded-Port   | 65536 | true
            X-Forwarded-Prefix | /a    | false
            X-Forwarded-Prefix | a     | true
            """)
    void aValueThatIsNoneIsStripped(String header, String value, boolean stripped) {
        ClientResolver resolver = resolver("X-Forwarded-For", "203.0.113.7", "X-Real-IP", "6.6.6.6", header, value);
        resolver.resolve();
        int last = resolver.strippedBefore(3);
        assertThat(last).isEqualTo(stripped ? 2 : 1);
        assertThat(resolver.strippedBefore(last)).isEqualTo(stripped ? 1 : -1);
    }

    @Test
    void whatArrivedWithoutForwardingIsToldByOneObjectWhileItStaysTheSame() {
        List<Map.Entry<String, String>> lines = new ArrayList<>();
        ClientResolver resolver =
                new ClientResolver(POLICY, new GivenHead(PROXY, true, "http", false, "app.internal", 8080, lines));
        Forwarded first = resolver.resolve();
        assertThat(resolver.resolve()).isSameAs(first);
        lines.add(Map.entry("X-Forwarded-For", "203.0.113.7"));
        assertThat(resolver.resolve().getIp()).isEqualTo("203.0.113.7");
        lines.clear();
        assertThat(resolver.resolve()).isSameAs(first);
        assertThat(first.getIp()).isEqualTo(PROXY);
    }

    private static ClientResolver resolver(String... headers) {
        return new ClientResolver(POLICY, GivenHead.from(PROXY, headers));
    }
}
