package dev.clowder.valve;

import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.valve.HeaderNames.Role;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** One member of a chain, in each of the three ways to write it: rules W3, F4, F6 and V8. */
class HopTest {

    private static final String PAD = "]:1";

    private final Hop hop = new Hop();

    private String result() {
        return hop.kind == Hop.Kind.ADDRESS ? hop.address + " " + hop.port : hop.kind.toString();
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', textBlock = """
            1.2.3.4            | 1.2.3.4 0
            1.2.3.4:1          | 1.2.3.4 1
            1.2.3.4:65535      | 1.2.3.4 65535
            1.2.3.4:65536      | MALFORMED
            1.2.3.4:0          | MALFORMED
            1.2.3.4:01         | MALFORMED
            1.2.3.4:           | MALFORMED
            1.2.3.4:_a         | MALFORMED
            2001:db8::7        | 2001:db8::7 0
            2001:db8::7:4711   | 2001:db8::7:4711 0
            ::1                | ::1 0
            [::1]              | ::1 0
            [::1]:80           | ::1 80
            [::1]:             | MALFORMED
            [::1]80            | MALFORMED
            [::1]]             | MALFORMED
            [::1               | MALFORMED
            ::1]               | MALFORMED
            [1.2.3.4]          | MALFORMED
            [::ffff:1.2.3.4]   | 1.2.3.4 0
            []                 | MALFORMED
            [                  | MALFORMED
            ]                  | MALFORMED
            :                  | MALFORMED
            :80                | MALFORMED
            0.0.0.0            | MALFORMED
            [ff02::1]:80       | MALFORMED
            fe80::1%eth0       | MALFORMED
            unknown            | HIDDEN
            UNKNOWN            | HIDDEN
            unknown:80         | MALFORMED
            unknow             | MALFORMED
            unknowns           | MALFORMED
            _hidden            | MALFORMED
            """)
    void aMemberOfXForwardedFor(String text, String expected) {
        hop.readMember(PAD + text + PAD, PAD.length(), PAD.length() + text.length());
        assertThat(result()).isEqualTo(expected);
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', textBlock = """
            1.2.3.4            | 1.2.3.4 0
            1.2.3.4:1          | 1.2.3.4 1
            1.2.3.4:65535      | 1.2.3.4 65535
            1.2.3.4:65536      | 1.2.3.4 0
            1.2.3.4:99999      | 1.2.3.4 0
            1.2.3.4:100000     | MALFORMED
            1.2.3.4:00080      | 1.2.3.4 80
            1.2.3.4:           | MALFORMED
            1.2.3.4:8/         | MALFORMED
            1.2.3.4:8:         | MALFORMED
            1.2.3.4:_abc       | 1.2.3.4 0
            1.2.3.4:_          | MALFORMED
            [2001:db8::7]      | 2001:db8::7 0
            [2001:db8::7]:4711 | 2001:db8::7 4711
            [2001:db8::7]x     | MALFORMED
            [2001:db8::7]x:1   | MALFORMED
            2001:db8::7        | MALFORMED
            [::ffff:1.2.3.4]   | 1.2.3.4 0
            [1.2.3.4]          | MALFORMED
            [::1               | MALFORMED
            [                  | MALFORMED
            ''                 | MALFORMED
            :80                | MALFORMED
            224.0.0.1          | MALFORMED
            unknown            | HIDDEN
            Unknown:80         | HIDDEN
            unknown:_p         | HIDDEN
            unknown:x          | MALFORMED
            _a                 | HIDDEN
            _azAZ09.-_         | HIDDEN
            _a:1               | HIDDEN
            _                  | MALFORMED
            a                  | MALFORMED
            _a/b               | MALFORMED
            _@                 | MALFORMED
            _[                 | MALFORMED
            _`                 | MALFORMED
            _{                 | MALFORMED
            _/                 | MALFORMED
            """)
    void aNodeOfRfc7239(String text, String expected) {
        hop.readNode(PAD + text + PAD, PAD.length(), PAD.length() + text.length());
        assertThat(result()).isEqualTo(expected);
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', textBlock = """
            1.2.3.4:1          | 1.2.3.4 1
            2001:db8::7:4711   | 2001:db8::7 4711
            ::1:80             | ::1 80
            [::1]:80           | ::1 80
            1.2.3.4            | MALFORMED
            1.2.3.4:           | MALFORMED
            1.2.3.4:0          | MALFORMED
            :80                | MALFORMED
            80                 | MALFORMED
            ''                 | MALFORMED
            unknown:80         | MALFORMED
            """)
    void anAddressThatAlwaysHasAPort(String text, String expected) {
        hop.readAddressWithPort(PAD + text + PAD, PAD.length(), PAD.length() + text.length());
        assertThat(result()).isEqualTo(expected);
    }

    @Test
    void aChainReadFromTheRightHasTheMembersThatItsCommasDivide() {
        String[] pieces = {
            "1.2.3.4", "203.0.113.7", "0", "255", "256", "01", ".", ",", ",", " ", "\t", ":80", "::1", "x"
        };
        Random random = new Random(3);
        int addresses = 0;
        for (int round = 0; round < 5_000; round++) {
            StringBuilder chain = new StringBuilder();
            for (int i = random.nextInt(8); i >= 0; i--) {
                chain.append(pieces[random.nextInt(pieces.length)]);
            }
            List<String> read = readFromTheRight(chain.toString());
            assertThat(read).as(chain.toString()).isEqualTo(readOneByOne(chain.toString()));
            addresses +=
                    (int) read.stream().filter(member -> member.contains(" ")).count();
        }
        assertThat(addresses).isGreaterThan(500);
    }

    private List<String> readFromTheRight(String chain) {
        GivenHead head = GivenHead.from("127.0.0.1", "X-Forwarded-For", chain);
        HeaderScan scan = new HeaderScan();
        scan.scan(head, new HeaderNames(Map.of(Role.CHAIN, "X-Forwarded-For")));
        XForwardedHeaders header = new XForwardedHeaders(head, scan, Role.CHAIN);
        header.start();
        List<String> members = new ArrayList<>();
        while (header.next(hop)) {
            members.add(result());
        }
        return members;
    }

    private List<String> readOneByOne(String chain) {
        List<String> members = new ArrayList<>();
        for (String part : chain.split(",", -1)) {
            String member = part.replaceAll("^[ \t]+|[ \t]+$", "");
            if (!member.isEmpty()) {
                hop.readMember(member, 0, member.length());
                members.add(0, result());
            }
        }
        return members;
    }
}
