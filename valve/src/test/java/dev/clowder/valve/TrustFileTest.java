package dev.clowder.valve;

import static dev.clowder.valve.LiveServer.valve;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import dev.clowder.valve.LiveServer.Level;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code trustFile}: read at start, read again when it changes, and never half. */
class TrustFileTest {

    private static final Duration PROMISED = Duration.ofSeconds(5);

    @TempDir
    private Path directory;

    @Test
    void aChangeIsInForceWithinFiveSecondsAndABadOneIsNot() throws Exception {
        Path file = Files.writeString(directory.resolve("proxies"), "127.0.0.7\n");
        ForwardedValve valve = valve("trust", "false", "trustFile", file.toString());
        try (LiveServer server = LiveServer.with(Level.ENGINE, valve);
                RawClient client = new RawClient("127.0.0.9", server.port())) {
            String header = "X-Forwarded-For: 203.0.113.7";
            assertThat(client.get("/", header).seen("remoteAddr")).isEqualTo("127.0.0.9");

            Files.writeString(file, "127.0.0.7\n127.0.0.9\n");
            await().atMost(PROMISED)
                    .until(() -> "203.0.113.7".equals(client.get("/", header).seen("remoteAddr")));

            Files.writeString(file, "127.0.0.7\n0.0.0.0/0\n");
            await().atMost(PROMISED).until(() -> valve.getTrustFileProblem().contains("line 2"));
            assertThat(client.get("/", header).seen("remoteAddr")).isEqualTo("203.0.113.7");
            assertThat(valve.getEffectiveTrust()).containsExactly("127.0.0.7/32", "127.0.0.9/32");

            Files.delete(file);
            await().atMost(PROMISED).until(() -> valve.getTrustFileProblem().contains("no such file"));
            assertThat(client.get("/", header).seen("remoteAddr")).isEqualTo("203.0.113.7");

            Files.writeString(file, "127.0.0.7\n");
            await().atMost(PROMISED)
                    .until(() -> "127.0.0.9".equals(client.get("/", header).seen("remoteAddr")));
            assertThat(valve.getTrustFileProblem()).isEmpty();
        }
    }

    @Test
    void aFileThatIsStillBeingWrittenIsNotReadYet() throws Exception {
        Path path = Files.writeString(directory.resolve("proxies"), "127.0.0.7\n");
        TrustFile file = new TrustFile(path);
        assertThat(file.read()).containsExactly("127.0.0.7");
        assertThat(file.hasChanged()).isFalse();

        Files.writeString(path, "10.0.0.0/1");
        assertThat(file.hasChanged()).as("first look at it").isFalse();
        Files.writeString(path, "10.0.0.0/16\n");
        assertThat(file.hasChanged()).as("it grew since").isFalse();
        assertThat(file.hasChanged()).as("it came to rest").isTrue();

        assertThat(file.read()).containsExactly("10.0.0.0/16");
        assertThat(file.hasChanged()).isFalse();
    }

    @ParameterizedTest
    @ValueSource(strings = {"10.0.0.0/8\nten\n", "10.0.0.0/8\n\n10.1\n", "# nothing\n", "10.0.0.0/8\n\u00e4\n"})
    void aBadFileIsNamedWithItsLine(String text) throws Exception {
        Path path = directory.resolve("proxies");
        Files.write(path, text.getBytes(StandardCharsets.ISO_8859_1));

        assertThatThrownBy(() -> new TrustFile(path).read())
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("trustFile=\"" + path + "\": ")
                .hasMessageMatching("(?s).*(line [23]: '(ten|10\\.1)'|no rule|UTF-8).*");
    }

    @ParameterizedTest
    @ValueSource(strings = {"a directory", "a pipe"})
    void whatIsNoFileIsNamed(String kind) throws Exception {
        Path path = directory.resolve("proxies");
        if (kind.equals("a directory")) {
            Files.createDirectory(path);
        } else {
            // Opening a pipe without a writer would wait for ever.
            assertThat(new ProcessBuilder("mkfifo", path.toString()).start().waitFor())
                    .isZero();
        }

        assertThatThrownBy(() -> new TrustFile(path).read())
                .hasMessage("trustFile=\"" + path + "\": is no regular file");
    }

    @Test
    void aFileThatMayNotBeReadIsNamed() throws Exception {
        Path path = Files.writeString(directory.resolve("proxies"), "10.0.0.0/8\n");
        Files.setPosixFilePermissions(path, Set.of());
        assumeFalse(Files.isReadable(path), "the administrator may read everything");

        assertThatThrownBy(() -> new TrustFile(path).read())
                .hasMessageStartingWith("trustFile=\"" + path + "\": can't be read: ")
                .hasMessageContaining("AccessDenied");
    }

    @Test
    void aMegabyteOfRulesIsReadAndEachOfThemCounts() throws Exception {
        StringBuilder rules = new StringBuilder();
        for (int i = 0; rules.length() < 1 << 20; i++) {
            rules.append("2001:db8:")
                    .append(Integer.toHexString(i))
                    .append("::/48 # ")
                    .append(i)
                    .append('\n');
        }
        List<String> read = new TrustFile(Files.writeString(directory.resolve("proxies"), rules)).read();

        TrustedProxies trust = TrustedProxies.compile("false", read, getClass().getClassLoader());
        assertThat(trust.rules())
                .hasSize((int) rules.chars().filter(c -> c == '\n').count());
        assertThat(trusts(trust, "2001:db8::1")).isTrue();
        assertThat(trusts(trust, read.get(read.size() - 1).replace("::/48", ":1::1")))
                .isTrue();
        assertThat(trusts(trust, "2001:db8:ffff::1")).isFalse();
    }

    private static boolean trusts(TrustedProxies trust, String text) {
        IpAddress address = new IpAddress();
        assertThat(address.parse(text, 0, text.length())).as(text).isTrue();
        return trust.trusts(address, 0);
    }

    @Test
    void aFileThatNobodyCanMeanIsRefusedWithAShortMessage() throws Exception {
        Path path = Files.writeString(directory.resolve("proxies"), "10.0.0.0/8\n" + "1".repeat(1 << 20));
        assertThatThrownBy(() -> new TrustFile(path).read())
                .hasMessage("trustFile=\"" + path + "\": line 2: no rule is that long: '" + "1".repeat(100) + "...'");

        Files.writeString(path, ("#" + "x".repeat(1023)).repeat((16 << 10) + 1));
        assertThatThrownBy(() -> new TrustFile(path).read())
                .hasMessage("trustFile=\"" + path + "\": is larger than 16777216 bytes");
    }

    @Test
    void aCountAndAFileMustBothHold() throws Exception {
        Path file = Files.writeString(directory.resolve("proxies"), "127.0.0.0/8\n10.0.0.0/8\n");
        try (LiveServer server = LiveServer.with(Level.HOST, valve("trust", "1", "trustFile", file.toString()));
                RawClient client = new RawClient("127.0.0.9", server.port())) {
            assertThat(client.get("/", "X-Forwarded-For: 203.0.113.7, 10.0.0.1").seen("remoteAddr"))
                    .isEqualTo("10.0.0.1");
        }
    }
}
