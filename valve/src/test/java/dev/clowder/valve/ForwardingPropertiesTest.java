package dev.clowder.valve;

import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.valve.Forwarded.Reason;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.catalina.connector.Connector;
import org.apache.coyote.Request;
import org.apache.coyote.Response;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What holds for every request, tried with many that a fixed seed makes up. */
class ForwardingPropertiesTest {

    private static final int MANY = 20_000;
    private static final String PEER = "127.0.0.1";

    private static final List<Map<String, String>> SETTINGS = List.of(
            Map.of("trust", "loopback, 10.0.0.0/8"),
            Map.of("trust", "true", "prefix", "true", "malformed", "reject"),
            Map.of("trust", "3"),
            Map.of("trust", "2; 127.0.0.0/8", "conflict", "reject"),
            Map.of("headers", "forwarded", "trust", "loopback, 10.0.0.0/8, 2001:db8::/32"),
            Map.of("headers", "forwarded", "trust", "true", "conflict", "reject"),
            Map.of("headers", "x-real-ip"),
            Map.of("headers", "cloudfront-viewer-address"),
            Map.of(
                    "remoteIpHeader",
                    "X-Forwarded-For",
                    "hostHeader",
                    "X-Forwarded-Host",
                    "portHeader",
                    "X-Forwarded-Port"),
            Map.of("internalProxies", ".*", "strip", "true"));

    private static final String[] NAMES = {
        "X-Forwarded-For", "Forwarded", "X-Real-IP", "CloudFront-Viewer-Address", "X-Forwarded-Proto",
                "X-Forwarded-Host",
        "X-Forwarded-Port", "X-Forwarded-Prefix", "X_Forwarded_For", "X.Forwarded.For", "X-Forwarded-By", "Accept"
    };

    private static final String[] PROTOCOLS = {"https", "https, http", "http, https, http", "https, http, https, http"};

    private static final String[] WORDS = {
        "10.0.0.1",
        "127.0.0.5",
        "203.0.113.7",
        "[2001:db8::7]",
        "2001:db8::7",
        "::ffff:10.0.0.1",
        "::",
        ":4711",
        ":",
        ",",
        ", ",
        ";",
        "=",
        "\"",
        "\\",
        "for=",
        "proto=",
        "host=",
        "by=",
        "unknown",
        "_x",
        "https",
        "http",
        "a.example",
        "*",
        "/",
        "/a",
        "..",
        "%2e",
        "[",
        "]",
        "%",
        " ",
        "\t",
        "0",
        "65535",
        "65536",
        "99999999999",
        "\u00e9",
        "\u0000",
        "\u007f",
        "localhost",
        "1.2.3.4.5",
        "0x7f000001",
        "for=\"[2001:db8::1]:80\";proto=https;host=b.example, "
    };

    @Test
    void anyBytesGiveAnAddressAndNoException() {
        Random random = new Random(63080);
        IpAddress address = new IpAddress();
        for (Map<String, String> settings : SETTINGS) {
            ForwardedPolicy policy = policy(settings);
            ParsedRequest parsed = new ParsedRequest();
            ClientResolver resolverInTomcat = new ClientResolver(policy(settings), parsed.head);
            for (int i = 0; i < MANY; i++) {
                GivenHead head = GivenHead.from(PEER, headers(random));
                ClientResolver resolver = new ClientResolver(policy, head);

                Forwarded forwarded = resolver.resolve();

                parsed.become(head);
                assertThat(all(resolverInTomcat.resolve())).as("%s", head).isEqualTo(all(forwarded));
                String ip = forwarded.getIp();
                assertThat(address.parse(ip, 0, ip.length()) && address.canBeClient())
                        .as("%s in %s", ip, head)
                        .isTrue();
                assertThat(address).as("one address, one text").hasToString(ip);
                assertThat(forwarded.getPort()).isBetween(1, 65535);
                assertThat(forwarded.remotePort()).isBetween(0, 65535);
                assertThat(forwarded.getProtocol()).isIn("http", "https");
                assertThat(forwarded.getHostname()).matches("[A-Za-z0-9._\\-\\[\\]:]+");
                assertThat(forwarded.getPrefix())
                        .doesNotMatch(".*/\\.\\.?(/.*)?")
                        .doesNotContain("//", "\\", ";", "?", "#");
                assertThat(resolver.explain(forwarded)).matches("[ -~]*");
            }
        }
    }

    @Test
    void theHeadersOfAnUntrustedPeerChangeNothing() {
        Random random = new Random(57830);
        for (Map<String, String> settings : SETTINGS) {
            Map<String, String> untrusting = new HashMap<>(settings);
            if (RemoteIpRules.areMeantBy(settings)) {
                untrusting.put("internalProxies", "10.0.0.0/8");
            } else {
                untrusting.put("trust", "10.0.0.0/8");
            }
            ForwardedPolicy policy = policy(untrusting);
            String without = all(resolve(policy, PEER));
            for (int i = 0; i < MANY / 10; i++) {
                String[] headers = headers(random);
                assertThat(all(resolve(policy, PEER, headers)))
                        .as("%s", List.of(headers))
                        .isEqualTo(without);
            }
        }
    }

    @Test
    void whatStandsLeftOfTheClientIsNeverHeard() {
        Random random = new Random(3456);
        ForwardedPolicy xForwarded = policy(Map.of("trust", "loopback, 10.0.0.0/8"));
        ForwardedPolicy remoteIp = policy(Map.of("internalProxies", "127.0.0.0/8, 10.0.0.0/8"));
        int known = 0;
        for (int i = 0; i < MANY; i++) {
            String chain = chain(random, "");
            String junk = text(random);
            String protocols = PROTOCOLS[random.nextInt(PROTOCOLS.length)];
            String[] before = {"X-Forwarded-For", chain, "X-Forwarded-Proto", protocols};
            String[] oneLine = {"X-Forwarded-For", junk + "," + chain, "X-Forwarded-Proto", protocols};
            String[] ownLine = {"X-Forwarded-For", junk, "X-Forwarded-For", chain, "X-Forwarded-Proto", protocols};
            for (ForwardedPolicy policy : List.of(xForwarded, remoteIp)) {
                Forwarded result = resolve(policy, PEER, before);
                if (result.getReason() == Reason.CLIENT) {
                    known++;
                    assertThat(all(resolve(policy, PEER, oneLine))).as(junk).isEqualTo(all(result));
                    assertThat(all(resolve(policy, PEER, ownLine))).as(junk).isEqualTo(all(result));
                }
            }
        }
        assertThat(known).isGreaterThan(MANY);
    }

    @Test
    void aForeignLineOfForwardedIsNeverHeard() {
        Random random = new Random(5459);
        ForwardedPolicy policy = policy(Map.of("headers", "forwarded", "trust", "loopback, 10.0.0.0/8"));
        int known = 0;
        for (int i = 0; i < MANY; i++) {
            String chain = chain(random, "for=");
            Forwarded result = resolve(policy, PEER, "Forwarded", chain);
            if (result.getReason() == Reason.CLIENT) {
                known++;
                String junk = text(random);
                assertThat(all(resolve(policy, PEER, "Forwarded", junk, "Forwarded", chain)))
                        .as(junk)
                        .isEqualTo(all(result));
                String whole = "for=6.6.6.6;proto=https;host=\"evil.example\"";
                assertThat(all(resolve(policy, PEER, "Forwarded", whole + ", " + chain)))
                        .isEqualTo(all(result));
            }
        }
        assertThat(known).isGreaterThan(MANY / 2);
    }

    /** 10,000 members and quote bombs: each character is read a few times, however many there are. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "127.0.0.5, ",
                "203.0.113.7,",
                ",",
                "\"",
                "for=\"",
                "for=\"\\\"",
                "for=127.0.0.5;proto=http, ",
                "[",
                "\\"
            })
    void theWorkIsLinear(String part) {
        for (Map<String, String> settings : SETTINGS) {
            long[] read = new long[2];
            int[] lengths = {part.length() * 2_000, part.length() * 10_000};
            for (int i = 0; i < 2; i++) {
                String text = part.repeat(lengths[i] / part.length());
                CountingHead head = new CountingHead(GivenHead.from(
                        PEER,
                        "X-Forwarded-For",
                        text,
                        "Forwarded",
                        text,
                        "X-Real-IP",
                        text,
                        "X-Forwarded-Proto",
                        text));
                new ClientResolver(policy(settings), head).resolve();
                read[i] = head.read;
            }
            assertThat(read[1]).as("%s", settings).isLessThanOrEqualTo(40L * 4 * lengths[1]);
            assertThat(read[1]).as("five times the text: %s", settings).isLessThanOrEqualTo(6 * read[0] + 1000);
        }
    }

    private static ForwardedPolicy policy(Map<String, String> settings) {
        return ForwardedPolicy.compile(settings, List.of(), ForwardingPropertiesTest.class.getClassLoader());
    }

    private static Forwarded resolve(ForwardedPolicy policy, String peer, String... headers) {
        return new ClientResolver(policy, GivenHead.from(peer, headers)).resolve();
    }

    private static String all(Forwarded f) {
        return f + " " + f.getIps() + " " + f.getProtocol() + " " + f.isSecure() + " " + f.getHost() + " "
                + f.getPrefix() + " " + f.remotePort() + " " + f.getPeer();
    }

    private static String[] headers(Random random) {
        List<String> headers = new ArrayList<>();
        for (int line = random.nextInt(6); line > 0; line--) {
            headers.add(NAMES[random.nextInt(NAMES.length)]);
            headers.add(text(random));
        }
        return headers.toArray(new String[0]);
    }

    private static String text(Random random) {
        StringBuilder text = new StringBuilder();
        for (int i = random.nextInt(12); i > 0; i--) {
            text.append(random.nextInt(8) == 0 ? (char) random.nextInt(256) : WORDS[random.nextInt(WORDS.length)]);
        }
        return text.toString();
    }

    /** A client and then trusted proxies; or proxies alone. */
    private static String chain(Random random, String before) {
        StringBuilder chain = new StringBuilder(before + (random.nextInt(5) == 0 ? "10.9.9.9" : "203.0.113.7"));
        for (int i = random.nextInt(4); i > 0; i--) {
            chain.append(", ").append(before).append("10.0.0.").append(i);
        }
        return chain.toString();
    }

    /** One request after the other as Tomcat's parser leaves them: all names and values as bytes in one buffer. */
    private static final class ParsedRequest {

        private final Request request = new Request();
        private final CoyoteHead head;
        private final byte[] buffer = new byte[16_000];

        ParsedRequest() {
            request.setResponse(new Response());
            head = new CoyoteHead(request, new Connector());
        }

        void become(GivenHead given) {
            request.recycle();
            request.serverName().setString(given.hostname());
            request.setServerPort(given.port());
            int from = 0;
            for (Map.Entry<String, String> line : given.lines()) {
                int middle = put(line.getKey(), from);
                int end = put(line.getValue(), middle);
                request.getMimeHeaders().addValue(buffer, from, middle - from).setBytes(buffer, middle, end - middle);
                from = end;
            }
            head.readPeer(given.peer());
        }

        private int put(String text, int at) {
            byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
            System.arraycopy(bytes, 0, buffer, at, bytes.length);
            return at + bytes.length;
        }
    }

    /** Counts how often a character of a value is looked at. */
    private static final class CountingHead extends PassingHead {

        private long read;

        CountingHead(GivenHead head) {
            super(head);
        }

        @Override
        public CharSequence headerValue(int index) {
            String value = super.headerValue(index).toString();
            return new CharSequence() {
                @Override
                public int length() {
                    return value.length();
                }

                @Override
                public char charAt(int at) {
                    read++;
                    return value.charAt(at);
                }

                @Override
                public CharSequence subSequence(int from, int to) {
                    read += to - from;
                    return value.substring(from, to);
                }

                @Override
                public String toString() {
                    read += value.length();
                    return value;
                }
            };
        }
    }
}
