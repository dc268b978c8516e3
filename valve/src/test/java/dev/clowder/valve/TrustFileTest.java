package dev.clowder.valve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code trustFile}: read at start, checked line by line, and never half. */
class TrustFileTest {

    @TempDir
    private Path directory;

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
    void aFileThatCannotBeReadIsNamed() throws Exception {
        Path closed = Files.writeString(directory.resolve("proxies"), "10.0.0.0/8\n");
        Files.setPosixFilePermissions(closed, Set.of());
        // The administrator may read everything, except for what is at the address 0 of a process.
        Path path = Files.isReadable(closed) ? Path.of("/proc/self/mem") : closed;

        TrustFile file = new TrustFile(path);
        assertThatThrownBy(file::read).hasMessageStartingWith("trustFile=\"" + path + "\": can't be read: java.");
        // Its time and size stay when somebody opens it, or when there are descriptors again.
        Files.setPosixFilePermissions(closed, Set.of(PosixFilePermission.OWNER_READ));
        assertThat(file.hasChanged()).isTrue();
        if (path.equals(closed)) {
            assertThat(file.read()).containsExactly("10.0.0.0/8");
            assertThat(file.hasChanged()).isFalse();
        }
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
}
