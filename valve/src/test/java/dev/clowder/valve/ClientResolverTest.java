package dev.clowder.valve;

import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.valve.Forwarded.Reason;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is decided about a request beside its client: which headers go, whether it is refused, what may be set. */
class ClientResolverTest {

    private static final String PROXY = "127.0.0.1";

    private static final String[] ALL = {
        "Accept", "*/*",
        "Forwarded", "for=203.0.113.7",
        "X-Forwarded-For", "203.0.113.7",
        "X-Forwarded-Host", "shop.example",
        "X-Forwarded-By", "192.0.2.9",
        "X-Forwarded-Ssl", "on",
        "X-Forwarded-Client-Cert", "Hash=1",
        "X-Real-IP", "203.0.113.7",
        "X_Forwarded_For", "6.6.6.6"
    };

    @ParameterizedTest(name = "{0} from {1}: {2}")
    @CsvSource(delimiter = '|', nullValues = "-", textBlock = """
            headers=x-forwarded | 127.0.0.1 | Forwarded, X-Forwarded-Ssl, X-Real-IP, X_Forwarded_For
            headers=forwarded   | 127.0.0.1 | X-Forwarded-For, X-Forwarded-Host, X-Forwarded-By, X-Forwarded-Ssl, X-Real-IP, X_Forwarded_For
            headers=x-real-ip   | 127.0.0.1 | Forwarded, X-Forwarded-For, X-Forwarded-Host, X-Forwarded-By, X-Forwarded-Ssl, X_Forwarded_For
            trust=2             | 127.0.0.1 | Forwarded, X-Forwarded-For, X-Forwarded-Host, X-Forwarded-Ssl, X-Real-IP, X_Forwarded_For
            hosts=other.example | 127.0.0.1 | Forwarded, X-Forwarded-Host, X-Forwarded-Ssl, X-Real-IP, X_Forwarded_For
            protoHeader=X-Forwarded-Ssl | 127.0.0.1 | Forwarded, X-Forwarded-Ssl, X-Real-IP, X_Forwarded_For
            protocolHeader=X-Forwarded-Ssl;protocolHeaderHttpsValue=on;strip=true | 127.0.0.1 | Forwarded, X-Forwarded-Host, X-Real-IP, X_Forwarded_For
            trust=loopback      | 192.0.2.1 | Forwarded, X-Forwarded-For, X-Forwarded-Host, X-Forwarded-By, X-Forwarded-Ssl, X-Forwarded-Client-Cert, X-Real-IP, X_Forwarded_For
            strip=false         | 192.0.2.1 | -
            internalProxies=127.0.0.1;hostHeader=X-Forwarded-Host;hosts=other.example;strip=true | 127.0.0.1 | Forwarded, X-Forwarded-Host, X-Forwarded-Ssl, X-Real-IP, X_Forwarded_For
            """)
    void headersThatWereNotBelievedAreStripped(String settings, String peer, String stripped) {
        ClientResolver resolver = resolver(settings, peer, ALL);
        resolver.resolve();
        List<String> names = new ArrayList<>();
        for (int at = resolver.strippedBefore(ALL.length); at >= 0; at = resolver.strippedBefore(at)) {
            names.add(0, ALL[2 * at]);
        }
        assertThat(names).isEqualTo(stripped == null ? List.of() : List.of(stripped.split(", ", -1)));
    }

    @ParameterizedTest
    @CsvSource({"<b>,true", "203.0.113.7,false", "'<b>, 127.0.0.2',false"})
    void aChainIsStrippedIfNothingOfItWasBelieved(String chain, boolean stripped) {
        ClientResolver resolver = resolver("malformed=stop", PROXY, "X-Forwarded-For", chain);
        resolver.resolve();
        assertThat(resolver.strippedBefore(1)).isEqualTo(stripped ? 0 : -1);
    }

    @ParameterizedTest(name = "{0}: {1}, {2}")
    @CsvSource(delimiter = '|', nullValues = "-", textBlock = """
            x-forwarded | 203.0.113.7            | for=203.0.113.7            | false
            x-forwarded | 203.0.113.7            | for=6.6.6.6                | true
            x-forwarded | 203.0.113.7            | for=unknown                | false
            x-forwarded | 203.0.113.7            | for="                      | false
            x-forwarded | 203.0.113.7, 127.0.0.2 | for=203.0.113.7            | false
            x-forwarded | 203.0.113.7, 127.0.0.2 | for=6.6.6.6, for=127.0.0.2 | true
            x-forwarded | 127.0.0.2              | for=127.0.0.3, for=127.0.0.2 | true
            x-forwarded | -                      | for=6.6.6.6                | true
            x-forwarded | [2001:db8::7]          | for="[2001:db8:0::7]"      | false
            x-forwarded | [2001:db8:1::7]        | for="[2001:db8::7]"        | true
            x-forwarded | [2001:db8::7]          | for="[2001:db8::8]"        | true
            forwarded   | 203.0.113.7            | for=203.0.113.7            | false
            forwarded   | 6.6.6.6                | for=203.0.113.7            | true
            forwarded   | unknown                | for=203.0.113.7            | false
            forwarded   | 6.6.6.6                | -                          | true
            x-real-ip   | 6.6.6.6                | for=203.0.113.7            | true
            x-real-ip   | -                      | -                          | false
            """)
    void whoNamesAnotherClientInAnotherFamilyIsRefusedIfThatIsAskedFor(
            String headers, String xForwardedFor, String forwarded, boolean refused) {
        List<String> sent = new ArrayList<>(List.of("Accept", "*/*"));
        if (xForwardedFor != null) {
            sent.addAll(List.of("X-Forwarded-For", xForwardedFor));
        }
        if (forwarded != null) {
            sent.addAll(List.of("Forwarded", forwarded));
        }
        String[] lines = sent.toArray(new String[0]);
        ClientResolver rejecting = resolver("conflict=reject;headers=" + headers, PROXY, lines);
        assertThat(rejecting.resolve().getReason() == Reason.CONFLICT).isEqualTo(refused);
        assertThat(rejecting.isRejected()).isEqualTo(refused);

        ClientResolver ignoring = resolver("headers=" + headers, PROXY, lines);
        assertThat(ignoring.resolve().getReason()).isNotEqualTo(Reason.CONFLICT);
        assertThat(ignoring.isRejected()).isFalse();
    }

    @Test
    void whatForwardedSaidOfTheRequestBeforeIsForgotten() {
        List<Map.Entry<String, String>> lines = new ArrayList<>();
        ClientResolver resolver = new ClientResolver(
                policy("headers=forwarded"), new GivenHead(PROXY, true, "http", false, "app.internal", 8080, lines));
        lines.add(Map.entry("Forwarded", "for=203.0.113.7:4711;proto=https;host=shop.example"));
        assertThat(facts(resolver.resolve())).isEqualTo("203.0.113.7 4711 https://shop.example");
        lines.set(0, Map.entry("Forwarded", "for=203.0.113.8"));
        assertThat(facts(resolver.resolve())).isEqualTo("203.0.113.8 0 http://app.internal:8080");
        lines.set(0, Map.entry("Forwarded", "host=shop.example"));
        assertThat(facts(resolver.resolve())).isEqualTo("127.0.0.1 0 http://shop.example");
    }

    /** A list or a second line may hold the client's own; nothing at all names nobody. */
    @ParameterizedTest(name = "{0}: {1} {2}")
    @CsvSource(delimiter = '|', nullValues = "-", quoteCharacter = '"', textBlock = """
            "1.2.3.4"      | 1.2.3.4   | CLIENT
            " 1.2.3.4 "    | 1.2.3.4   | CLIENT
            ""             | 127.0.0.1 | NO_HEADER
            " "            | 127.0.0.1 | NO_HEADER
            -              | 127.0.0.1 | NO_HEADER
            "1.2.3.4;"     | 127.0.0.1 | MALFORMED
            ";1.2.3.4"     | 127.0.0.1 | MALFORMED
            ";"            | 127.0.0.1 | MALFORMED
            "1.2.3.4,"     | 127.0.0.1 | MALFORMED
            """)
    void aHeaderWithOneAddressNamesTheClientOnlyIfItIsAlone(String lines, String ip, Reason reason) {
        List<String> sent = new ArrayList<>(List.of("X-Forwarded-Proto", "https"));
        if (lines != null) {
            for (String line : lines.split(";", -1)) {
                sent.addAll(List.of("X-Real-IP", line));
            }
        }
        Forwarded forwarded = resolver("headers=x-real-ip", PROXY, sent.toArray(new String[0]))
                .resolve();
        assertThat(forwarded.getIp()).isEqualTo(ip);
        assertThat(forwarded.getReason()).isEqualTo(reason);
    }

    @Test
    void theClientIsFoundHoweverManyHeadersThereAre() {
        List<Map.Entry<String, String>> lines = new ArrayList<>();
        ClientResolver resolver = new ClientResolver(
                policy("trust=loopback"), new GivenHead(PROXY, true, "http", false, "app.internal", 8080, lines));
        for (int headers = 1; headers <= 200; headers++) {
            lines.add(0, Map.entry("X-Forwarded-For", "203.0.113." + headers));
            assertThat(resolver.resolve().getIp()).as("%d headers", headers).isEqualTo("203.0.113." + headers);
            lines.set(0, Map.entry("Accept", "*/*"));
        }
    }

    private static String facts(Forwarded forwarded) {
        return forwarded.getIp() + " " + forwarded.remotePort() + " " + forwarded.getProtocol() + "://"
                + forwarded.getHost();
    }

    /** {@code ::1x} begins as an address that is trusted. */
    @ParameterizedTest
    @ValueSource(strings = {"", "somebody", "%", "%lo", "::1x", "[::1]", "127.0.0.1:80"})
    void aPeerThatIsNoAddressIsTrustedByNoRule(String peer) {
        ClientResolver resolver = resolver("trust=loopback", peer, "X-Forwarded-For", "203.0.113.7");
        Forwarded forwarded = resolver.resolve();
        assertThat(forwarded.getReason()).isEqualTo(Reason.UNTRUSTED_PEER);
        assertThat(forwarded.getPeer()).isEqualTo(peer);
        assertThat(forwarded.getIp()).isEqualTo(peer);
    }

    /** Changes its mind, which the rules of a list never do. */
    public static final class Fickle implements TrustPolicy {

        private static boolean yes;

        @Override
        public boolean trusts(String address, int hop) {
            return yes && hop == 0;
        }
    }

    @Test
    void aPolicyOfYourOwnIsAskedAboutThePeerInEachRequest() {
        ClientResolver resolver =
                resolver("trust=class:" + Fickle.class.getName(), PROXY, "X-Forwarded-For", "203.0.113.7");
        for (boolean yes : new boolean[] {false, true, false}) {
            Fickle.yes = yes;
            assertThat(resolver.resolve().getReason()).isEqualTo(yes ? Reason.CLIENT : Reason.UNTRUSTED_PEER);
        }
    }

    /** Only then protocol, host and port of Tomcat's request may be written. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', nullValues = "-", textBlock = """
            trust=loopback               | 127.0.0.1 | X-Forwarded-Proto | https           | true
            trust=loopback               | 127.0.0.1 | X-Forwarded-For   | 203.0.113.7     | false
            trust=loopback               | 127.0.0.1 | Accept            | */*             | false
            trust=loopback               | 192.0.2.1 | X-Forwarded-Proto | https           | false
            trust=loopback;malformed=reject | 127.0.0.1 | X-Forwarded-For | <b>            | false
            headers=forwarded            | 127.0.0.1 | Forwarded | for=203.0.113.7;proto=https | true
            headers=forwarded            | 127.0.0.1 | Forwarded | for=203.0.113.7;host=a  | true
            headers=forwarded            | 127.0.0.1 | Forwarded | for=203.0.113.7         | false
            headers=forwarded;malformed=reject | 127.0.0.1 | Forwarded | proto=https, for=127.0.0.2;host=a, <b> | false
            internalProxies=127.0.0.1    | 127.0.0.1 | X-Forwarded-For   | 203.0.113.7     | true
            internalProxies=127.0.0.1    | 192.0.2.1 | X-Forwarded-For   | 203.0.113.7     | false
            internalProxies=127.0.0.1;malformed=reject | 127.0.0.1 | X-Forwarded-For | <b> | false
            """)
    void protocolHostAndPortMayChangeIfAnyBelievedHeaderTellsThem(
            String settings, String peer, String header, String value, boolean believes) {
        ClientResolver resolver = resolver(settings, peer, header, value);
        resolver.resolve();
        assertThat(resolver.believesHeaders()).isEqualTo(believes);
    }

    private static ClientResolver resolver(String settings, String peer, String... headers) {
        return new ClientResolver(policy(settings), GivenHead.from(peer, headers));
    }

    private static ForwardedPolicy policy(String settings) {
        Map<String, String> attributes = new LinkedHashMap<>();
        for (String setting : settings.split(";", -1)) {
            attributes.put(setting.substring(0, setting.indexOf('=')), setting.substring(setting.indexOf('=') + 1));
        }
        return ForwardedPolicy.compile(attributes, List.of(), ClientResolverTest.class.getClassLoader());
    }
}
