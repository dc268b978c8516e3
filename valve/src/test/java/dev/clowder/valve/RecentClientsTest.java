package dev.clowder.valve;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is remembered for header lines never shows, but in what it saves. */
class RecentClientsTest {

    private static final String PEER = "127.0.0.1";
    private static final Map<String, String> TRUST = Map.of("trust", "loopback, 10.0.0.0/8");

    private static final List<Map<String, String>> SETTINGS = List.of(
            TRUST,
            Map.of("trust", "true", "prefix", "true", "malformed", "reject", "hosts", "a.example, *.b.example"),
            Map.of("trust", "2"),
            Map.of("trust", "2; 127.0.0.0/8", "conflict", "reject"),
            Map.of("headers", "forwarded", "trust", "true", "conflict", "reject"),
            Map.of("headers", "x-real-ip"));

    private static final String[] NAMES = {
        "X-Forwarded-For",
        "X-Forwarded-For",
        "Forwarded",
        "X-Real-IP",
        "X-Forwarded-Proto",
        "X-Forwarded-Host",
        "X-Forwarded-Port",
        "X-Forwarded-Prefix",
        "X_Forwarded_For",
        "X-Forwarded-By",
        "Accept"
    };

    private static final String[] VALUES = {
        "203.0.113.7",
        "203.0.113.8",
        "203.0.113.7, 10.0.0.1",
        "203.0.113.7:4711, 10.0.0.1",
        "2001:db8::7",
        "unknown",
        "junk",
        "",
        "https",
        "http",
        "a.example",
        "c.b.example:8443",
        "evil.example",
        "/shop",
        "8443",
        "for=203.0.113.7;proto=https;host=a.example",
        "for=10.0.0.1",
        "10.0.0.1, ".repeat(40) + "10.0.0.2"
    };

    @Test
    void whatIsRememberedIsWhatWouldBeJudged() {
        Random random = new Random(1024);
        for (Map<String, String> settings : SETTINGS) {
            ForwardedPolicy remembers = policy(settings);
            ForwardedPolicy judges = withoutMemory(remembers);
            List<GivenHead> heads = new ArrayList<>();
            for (int i = 0; i < 200; i++) {
                heads.add(head(random));
            }
            int shared = 0;
            for (int i = 0; i < 3_000; i++) {
                GivenHead head = heads.get(random.nextInt(heads.size()));
                ClientResolver known = new ClientResolver(remembers, head);
                ClientResolver judged = new ClientResolver(judges, head);

                Forwarded answer = known.resolve();

                assertThat(outcome(known, answer)).as("%s", head).isEqualTo(outcome(judged, judged.resolve()));
                shared += answer == new ClientResolver(remembers, head).resolve() ? 1 : 0;
            }
            assertThat(shared).as("answers that were remembered").isGreaterThan(50);
        }
    }

    /** Everything that is asked of an answer and of who gave it. */
    private static String outcome(ClientResolver resolver, Forwarded f) {
        StringBuilder outcome =
                new StringBuilder().append(resolver.isRejected()).append(resolver.believesHeaders());
        for (int line = resolver.strippedBefore(20); line >= 0; line = resolver.strippedBefore(line)) {
            outcome.append(' ').append(line);
        }
        return outcome + " " + f + " " + f.getIps() + " " + f.getProtocol() + " " + f.isSecure() + " " + f.getHost()
                + " " + f.getPort() + " " + f.contextPath() + " " + f.remotePort() + " " + f.getPeer() + " "
                + f.fromHeader();
    }

    private static GivenHead head(Random random) {
        List<Map.Entry<String, String>> lines = new ArrayList<>();
        for (int i = random.nextInt(4); i >= 0; i--) {
            lines.add(Map.entry(NAMES[random.nextInt(NAMES.length)], VALUES[random.nextInt(VALUES.length)]));
        }
        boolean secure = random.nextInt(4) == 0;
        return new GivenHead(
                random.nextInt(4) == 0 ? "127.0.0.2" : random.nextInt(8) == 0 ? "192.0.2.1" : PEER,
                random.nextInt(10) > 0,
                secure ? "https" : "http",
                secure,
                random.nextInt(4) == 0 ? "other.internal" : "app.internal",
                random.nextInt(4) == 0 ? 80 : 8080,
                lines);
    }

    @Test
    void theThirdRequestWithTheSameLinesTakesTheAnswerOfTheSecond() {
        ForwardedPolicy policy = policy(TRUST);
        Forwarded first = resolve(policy, "203.0.113.7, 10.0.0.1");
        Forwarded second = resolve(policy, "203.0.113.7, 10.0.0.1");
        assertThat(second).isNotSameAs(first);
        assertThat(resolve(policy, "203.0.113.7, 10.0.0.1")).isSameAs(second);
        assertThat(resolve(policy, "203.0.113.8, 10.0.0.1").getIp()).isEqualTo("203.0.113.8");
    }

    @Test
    void linesThatComeOncePushNothingOut() {
        ForwardedPolicy policy = policy(TRUST);
        resolve(policy, "203.0.113.7");
        Forwarded kept = resolve(policy, "203.0.113.7");
        for (int i = 0; i < 20_000; i++) {
            resolve(policy, "198.51." + i / 200 + "." + (1 + i % 200));
        }
        assertThat(resolve(policy, "203.0.113.7")).isSameAs(kept);
    }

    @Test
    void manyMoreClientsThanThereIsRoomForAreEachThemselves() {
        ForwardedPolicy policy = policy(TRUST);
        for (int round = 0; round < 3; round++) {
            for (int i = 0; i < 5_000; i++) {
                String client = "203.0." + i / 200 + "." + (1 + i % 200);
                for (int again = 0; again < 3; again++) {
                    assertThat(resolve(policy, client).getIp()).isEqualTo(client);
                }
            }
        }
    }

    @Test
    void linesAreTheSameOnlyInTheSameRoles() {
        DecidingLines some = read("X-Forwarded-For", "http", "X-Forwarded-Proto", "https");
        assertThat(some.are(read("X-Forwarded-For", "http", "X-Forwarded-Proto", "https")
                        .copy()))
                .isTrue();
        assertThat(some.are(read("X-Forwarded-Proto", "https", "X-Forwarded-For", "http")
                        .copy()))
                .isFalse();
        assertThat(some.are(read("X-Forwarded-For", "https", "X-Forwarded-Proto", "http")
                        .copy()))
                .isFalse();
        assertThat(some.are(read("X-Forwarded-For", "http", "X-Forwarded-Host", "https")
                        .copy()))
                .isFalse();
        assertThat(some.are(read("X-Forwarded-For", "http").copy())).isFalse();
    }

    @ParameterizedTest
    @ValueSource(strings = {"203.0.113.7, 198.51.100.25, 10.1.1.1", "192.0.2.1", "1.2.3.4", "::1", "x"})
    void theHashDependsOnEachByte(String text) {
        int hash = read("X-Forwarded-For", text).hash();
        for (int at = 0; at < text.length(); at++) {
            String other = text.substring(0, at) + (char) (text.charAt(at) ^ 1) + text.substring(at + 1);
            int differs = hash ^ read("X-Forwarded-For", other).hash();
            assertThat(differs >>> 22)
                    .as("%s, the bits that choose the slot", other)
                    .isNotZero();
        }
        assertThat(read("X-Real-IP", text, "X-Forwarded-For", text + " ").hash())
                .isNotEqualTo(hash);
    }

    @Test
    void bytesAndCharactersAreTheSameLines() {
        DecidingLines characters = read("X-Forwarded-For", "203.0.113.7, \u00e9");
        byte[] sent = "203.0.113.7, \u00e9".getBytes(StandardCharsets.ISO_8859_1);
        byte[] buffer = new byte[100];
        System.arraycopy(sent, 0, buffer, 10, sent.length);
        DecidingLines bytes = new DecidingLines();
        assertThat(read(bytes, new ByteText().of(buffer, 10, sent.length))).isTrue();
        assertThat(bytes.are(characters.copy())).isTrue();
        assertThat(bytes.hash()).isEqualTo(characters.hash());
    }

    /** Two such characters could look like one and the same byte. */
    @Test
    void charactersThatAreNoBytesAreJudgedEachTime() {
        assertThat(read(new DecidingLines(), "203.0.113.7 \u0100")).isFalse();
        assertThat(read(new DecidingLines(), "203.0.113.7 \u00ff")).isTrue();
    }

    private static boolean read(DecidingLines lines, CharSequence chain) {
        RequestHead head = new PassingHead(GivenHead.from(PEER, "X-Forwarded-For", "-")) {
            @Override
            public CharSequence headerValue(int index) {
                return chain;
            }
        };
        HeaderScan scan = new HeaderScan();
        scan.scan(head, policy(TRUST).names());
        return lines.read(head, scan, 0x1f);
    }

    @Test
    void longLinesAreJudgedEachTime() {
        ForwardedPolicy policy = policy(TRUST);
        String longest = "203.0.113.7" + " ".repeat(DecidingLines.LONGEST - 2 - 11);
        resolve(policy, longest);
        assertThat(resolve(policy, longest)).isSameAs(resolve(policy, longest));
        String longer = longest + " ";
        resolve(policy, longer);
        assertThat(resolve(policy, longer)).isNotSameAs(resolve(policy, longer));
    }

    /** Each answer keeps it, and a client may send 8 kB. */
    @Test
    void aRequestForANameThatNoHostHasIsJudgedEachTime() {
        ForwardedPolicy policy = policy(TRUST);
        String longest = "h".repeat(253);
        resolveFor(policy, longest);
        assertThat(resolveFor(policy, longest)).isSameAs(resolveFor(policy, longest));
        String longer = longest + "h";
        resolveFor(policy, longer);
        assertThat(resolveFor(policy, longer)).isNotSameAs(resolveFor(policy, longer));
        assertThat(resolveFor(policy, longer).getHostname()).isEqualTo(longer);
    }

    private static Forwarded resolveFor(ForwardedPolicy policy, String hostname) {
        List<Map.Entry<String, String>> lines = List.of(Map.entry("X-Forwarded-For", "203.0.113.7"));
        return new ClientResolver(policy, new GivenHead(PEER, true, "http", false, hostname, 8080, lines)).resolve();
    }

    @Test
    void newRulesKnowNothingOfWhatTheOldOnesCameTo() {
        ForwardedPolicy policy = policy(TRUST);
        resolve(policy, "203.0.113.7, 10.0.0.1");
        assertThat(resolve(policy, "203.0.113.7, 10.0.0.1").getIp()).isEqualTo("203.0.113.7");
        ForwardedPolicy stricter = policy.withTrust(TrustedProxies.ofList("loopback"));
        assertThat(resolve(stricter, "203.0.113.7, 10.0.0.1").getIp()).isEqualTo("10.0.0.1");
    }

    /** The user's own policy may have another opinion each time. */
    @Test
    void whatAPolicySaysIsAskedEachTime() {
        ForwardedPolicy policy = policy(Map.of("trust", "class:" + Fickle.class.getName()));
        List<String> clients = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            Fickle.trusted = i % 2 == 0;
            clients.add(resolve(policy, "203.0.113.7, 10.0.0.1").getIp());
        }
        assertThat(clients).containsExactly("203.0.113.7", "10.0.0.1", "203.0.113.7", "10.0.0.1");
    }

    /** Trusts 10.0.0.1 while {@link #trusted}, and always the peer. */
    public static final class Fickle implements TrustPolicy {

        static volatile boolean trusted;

        @Override
        public boolean trusts(String address, int hop) {
            return hop == 0 || (trusted && address.equals("10.0.0.1"));
        }
    }

    private static DecidingLines read(String... namesAndValues) {
        GivenHead head = GivenHead.from(PEER, namesAndValues);
        HeaderScan scan = new HeaderScan();
        scan.scan(head, policy(TRUST).names());
        DecidingLines lines = new DecidingLines();
        assertThat(lines.read(head, scan, 0x1f)).isTrue();
        return lines;
    }

    private static Forwarded resolve(ForwardedPolicy policy, String chain) {
        return new ClientResolver(policy, GivenHead.from(PEER, "X-Forwarded-For", chain)).resolve();
    }

    private static ForwardedPolicy policy(Map<String, String> settings) {
        return ForwardedPolicy.compile(settings, List.of(), RecentClientsTest.class.getClassLoader());
    }

    private static ForwardedPolicy withoutMemory(ForwardedPolicy policy) {
        return new ForwardedPolicy(
                policy.trust(),
                policy.family(),
                policy.names(),
                policy.rejectConflict(),
                policy.rejectMalformed(),
                policy.strip(),
                policy.hosts(),
                policy.subdomainOffset(),
                policy.requestAttributes(),
                policy.remoteIp(),
                null);
    }
}
