package dev.clowder.valve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The settings of Tomcat's RemoteIpValve without a server. What Tomcat's own valve makes of the same requests is in
 * {@link RemoteIpValveTest}.
 */
class RemoteIpReadingTest {

    private static final String ALL = "trustedProxies=192.0.2.0/24;hostHeader=X-Forwarded-Host;"
            + "portHeader=X-Forwarded-Port;protocolHeader=X-Forwarded-Proto";

    /** {@code chain} is what is left of the chain, {@code by} the proxies that the application is told of. */
    @ParameterizedTest(name = "{0} {1}")
    @CsvSource(delimiter = '|', nullValues = "-", textBlock = """
            # peer       | X-Forwarded-For                          | ip          | chain            | by
            10.0.0.1     | 203.0.113.7                              | 203.0.113.7 | -                | -
            10.0.0.1     | 6.6.6.6, 203.0.113.7, 10.9.9.9           | 203.0.113.7 | 6.6.6.6          | -
            10.0.0.1     | a, 6.6.6.6, 203.0.113.7, 192.0.2.1       | 203.0.113.7 | a,6.6.6.6        | 192.0.2.1
            192.0.2.9    | 203.0.113.7, 192.0.2.1, 10.0.0.2         | 203.0.113.7 | -                | 192.0.2.1,192.0.2.9
            192.0.2.9    | 192.0.2.1, 192.0.2.2                     | 192.0.2.1   | -                | 192.0.2.1,192.0.2.2,192.0.2.9
            172.31.0.1   | 203.0.113.7, 192.168.7.7, 169.254.1.1    | 203.0.113.7 | -                | -
            100.64.0.1   | 203.0.113.7, ::1, fe80::1, fd00::1       | 203.0.113.7 | -                | -
            10.0.0.1     | ' '                                      | 10.0.0.1    | -                | -
            203.0.113.99 | 203.0.113.7                              | 203.0.113.99 | -               | -
            172.32.0.1   | 203.0.113.7                              | 172.32.0.1  | -                | -
            """)
    void theChainIsWalkedAndTheRestIsToldAsTomcatDoes(String peer, String value, String ip, String chain, String by) {
        ClientResolver resolver = resolver(ALL, peer, "X-Forwarded-For", value);
        assertThat(resolver.resolve().getIp()).isEqualTo(ip);
        RemoteIpReading reading = resolver.remoteIp();
        assertThat(reading.chainLeft()).isEqualTo(chain);
        assertThat(reading.proxiesNamed()).isEqualTo(by);
        assertThat(reading.isClientTold()).isEqualTo(!ip.equals(peer));
    }

    @ParameterizedTest(name = "{0} {1}")
    @CsvSource(delimiter = '|', nullValues = "-", textBlock = """
            # settings                                  | proto        | host      | port | protocol | seen
            protocolHeader=X-Forwarded-Proto            | https        | -         | -    | https    | app.internal:443
            protocolHeader=X-Forwarded-Proto            | HTTPS        | -         | -    | https    | app.internal:443
            protocolHeader=X-Forwarded-Proto            | https, https | -         | -    | https    | app.internal:443
            protocolHeader=X-Forwarded-Proto            | http, https  | -         | -    | http     | app.internal:80
            protocolHeader=X-Forwarded-Proto            | https, http  | -         | -    | http     | app.internal:80
            protocolHeader=X-Forwarded-Proto            | ','          | -         | -    | http     | app.internal:80
            protocolHeader=X-Forwarded-Proto            | ''           | -         | -    | http     | app.internal:80
            protocolHeader=X-Forwarded-Proto            | ',https'     | -         | -    | http     | app.internal:80
            protocolHeader=X-Forwarded-Proto            | ' , https'   | -         | -    | http     | app.internal:80
            protocolHeader=X-Forwarded-Proto            | 'https,,https' | -       | -    | http     | app.internal:80
            protocolHeader=X-Forwarded-Proto            | 'https, ,'   | -         | -    | http     | app.internal:80
            protocolHeader=X-Forwarded-Proto            | 'https,,'    | -         | -    | https    | app.internal:443
            protocolHeader=X-Forwarded-Proto            | 'http,'      | -         | -    | http     | app.internal:80
            protocolHeader=X-Forwarded-Proto            | https        | a.example | 1    | https    | app.internal:443
            protocolHeader=                             | https        | -         | -    | http     | app.internal:8080
            remoteIpHeader=X-Forwarded-For              | https        | -         | -    | https    | app.internal:443
            protocolHeaderHttpsValue=On                 | on           | -         | -    | https    | app.internal:443
            protocolHeaderHttpsValue=On                 | https        | -         | -    | http     | app.internal:80
            httpServerPort=8000;httpsServerPort=8443    | http         | -         | -    | http     | app.internal:8000
            httpServerPort=8000;httpsServerPort=8443    | https        | -         | -    | https    | app.internal:8443
            httpServerPort=1;portHeader=X-Forwarded-Port | https       | -         | 65535 | https   | app.internal:65535
            httpServerPort=1;portHeader=X-Forwarded-Port | http        | -         | 65536 | http    | app.internal:1
            httpServerPort=1;portHeader=X-Forwarded-Port | http        | -         | 81, 82 | http   | app.internal:1
            httpServerPort=1;portHeader=X-Forwarded-Port | -           | -         | 81   | http     | app.internal:8080
            httpServerPort=1;hostHeader=X-Forwarded-Host | -           | a.example | -    | http     | a.example:8080
            httpServerPort=1;hostHeader=X-Forwarded-Host | http        | a.example:99 | - | http     | a.example:1
            httpServerPort=1;hostHeader=X-Forwarded-Host | -           | a.example, b.example | - | http | app.internal:8080
            httpServerPort=1;hostHeader=X-Forwarded-Host | -           | a b       | -    | http     | app.internal:8080
            httpServerPort=1;hostHeader=X-Forwarded-Host;hosts=*.example | - | a.example | - | http | a.example:8080
            httpServerPort=1;hostHeader=X-Forwarded-Host;hosts=b.example | - | a.example | - | http | app.internal:8080
            """)
    void protocolHostAndPortAreThoseOfTomcat(
            String settings, String proto, String host, String port, String protocol, String seen) {
        List<String> headers = new ArrayList<>();
        for (String[] header :
                new String[][] {{"X-Forwarded-Proto", proto}, {"X-Forwarded-Host", host}, {"X-Forwarded-Port", port}}) {
            if (header[1] != null) {
                headers.addAll(List.of(header));
            }
        }
        ClientResolver resolver = resolver(settings, "10.0.0.1", headers.toArray(new String[0]));
        Forwarded forwarded = resolver.resolve();
        assertThat(forwarded.getProtocol()).isEqualTo(protocol);
        assertThat(forwarded.isSecure()).isEqualTo(protocol.equals("https"));
        assertThat(forwarded.getHostname() + ":" + forwarded.getPort()).isEqualTo(seen);
        assertThat(resolver.remoteIp().isProtocolTold())
                .isEqualTo(proto != null && !settings.equals("protocolHeader="));
        String told = seen.startsWith("app.") ? null : forwarded.getHostname();
        assertThat(resolver.remoteIp().hostTold()).isEqualTo(told);
    }

    @Test
    void whatWasNotBelievedIsStrippedWhenThatIsAskedFor() {
        String[] headers = {
            "X-Forwarded-Host", "a b",
            "X-Forwarded-Port", "no",
            "X-Forwarded-For", "junk",
            "Accept", "x",
            "X-Forwarded-Proto", "https"
        };
        ClientResolver strict = resolver(ALL + ";strip=true", "10.0.0.1", headers);
        strict.resolve();
        List<Integer> stripped = new ArrayList<>();
        for (int line = strict.strippedBefore(5); line >= 0; line = strict.strippedBefore(line)) {
            stripped.add(line);
        }
        assertThat(stripped).as("chain, port and host").containsExactly(2, 1, 0);

        ClientResolver asTomcat = resolver(ALL, "10.0.0.1", headers);
        asTomcat.resolve();
        assertThat(asTomcat.strippedBefore(5)).isNegative();
    }

    @Test
    void nothingIsInheritedFromTheRequestBefore() {
        List<Map.Entry<String, String>> lines = new ArrayList<>();
        ClientResolver resolver = new ClientResolver(
                policy(ALL), new GivenHead("192.0.2.9", true, "http", false, "app.internal", 8080, lines));
        lines.add(Map.entry("X-Forwarded-For", "6.6.6.6, 203.0.113.7"));
        lines.add(Map.entry("X-Forwarded-Proto", "https"));
        lines.add(Map.entry("X-Forwarded-Host", "a.example"));
        resolver.resolve();
        RemoteIpReading reading = resolver.remoteIp();
        assertThat(reading.chainLeft()).isEqualTo("6.6.6.6");
        assertThat(reading.proxiesNamed()).isEqualTo("192.0.2.9");
        assertThat(reading.hostTold()).isEqualTo("a.example");

        lines.clear();
        assertThat(resolver.resolve().getIp()).isEqualTo("192.0.2.9");
        assertThat(reading.chainLeft()).isNull();
        assertThat(reading.proxiesNamed()).isNull();
        assertThat(reading.hostTold()).isNull();
        assertThat(reading.isProtocolTold()).isFalse();
        assertThat(reading.isClientTold()).isFalse();
        assertThat(reading.refused()).isZero();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            changeLocalName=true;changeLocalPort=false | true  | false
            changeLocalName=TRUE;changeLocalPort=yes   | true  | false
            changeLocalPort=true                       | false | true
            """)
    void localNameAndPortAreSwitches(String settings, boolean name, boolean port) {
        RemoteIpRules rules = policy(settings).remoteIp();
        assertThat(rules.changeLocalName()).isEqualTo(name);
        assertThat(rules.changeLocalPort()).isEqualTo(port);
        assertThat(rules.proxiesHeader()).isEqualTo("X-Forwarded-By");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "internalProxies=10.0.0.0/33",
                "internalProxies=[",
                "trustedProxies=0.0.0.0/0",
                "proxiesHeader=a b",
                "httpServerPort=0",
                "httpsServerPort=65536",
                "remoteIpHeader="
            })
    void whatCannotBeRightIsNamed(String setting) {
        int equals = setting.indexOf('=');
        assertThatThrownBy(() -> policy(setting))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith(setting.substring(0, equals) + "=\"" + setting.substring(equals + 1) + "\": ");
    }

    @ParameterizedTest
    @CsvSource({
        "127.0.0.[15],127.0.0.5,true",
        "127.0.0.[15],127.0.0.6,false",
        "0:0:0:0:0:0:0:1,::1,true",
        "0:0:0:0:0:0:0:1,::2,false",
        "2001:db8:0:0:.*,2001:db8::7,true",
        "2001:db8::7,2001:db8::7,true"
    })
    void anExpressionIsComparedWithBothTextsOfAnAddress(String expression, String text, boolean trusted) {
        TrustedProxies proxies = TrustedProxies.ofAny("", expression);
        IpAddress address = new IpAddress();
        assertThat(address.parse(text, 0, text.length())).isTrue();
        assertThat(proxies.trusts(address, 0)).isEqualTo(trusted);
    }

    private static ForwardedPolicy policy(String settings) {
        Map<String, String> attributes = new LinkedHashMap<>();
        for (String setting : settings.split(";", -1)) {
            int equals = setting.indexOf('=');
            attributes.put(setting.substring(0, equals), setting.substring(equals + 1));
        }
        return ForwardedPolicy.compile(attributes, List.of(), RemoteIpReadingTest.class.getClassLoader());
    }

    private static ClientResolver resolver(String settings, String peer, String... headers) {
        return new ClientResolver(policy(settings), GivenHead.from(peer, headers));
    }
}
