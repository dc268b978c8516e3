package dev.clowder.valve;

import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.valve.HeaderNames.Role;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** RFC 7239, section 4, from the right and in spite of the left: rules F1 to F7. */
class ForwardedHeaderTest {

    /** All elements, closest first, each as {@code KIND-or-address:port proto host}. */
    private static List<String> read(String... lines) {
        List<String> namesAndValues = new ArrayList<>();
        for (String line : lines) {
            namesAndValues.addAll(List.of("Forwarded", line));
        }
        GivenHead head = GivenHead.from("127.0.0.1", namesAndValues.toArray(new String[0]));
        HeaderScan scan = new HeaderScan();
        scan.scan(head, new HeaderNames(Map.of(Role.CHAIN, "Forwarded")));
        ForwardedHeader header = new ForwardedHeader(head, scan, Role.CHAIN);
        header.start();
        List<String> elements = new ArrayList<>();
        Hop hop = new Hop();
        while (header.next(hop)) {
            elements.add((hop.kind == Hop.Kind.ADDRESS ? hop.address + ":" + hop.port : hop.kind.toString()) + " "
                    + text(head, hop.proto) + " " + text(head, hop.host));
        }
        header.start();
        assertThat(header.count()).isEqualTo(elements.size());
        return elements;
    }

    private static String text(GivenHead head, Span span) {
        return span.isSet()
                ? span.text(head).subSequence(span.from(), span.to()).toString()
                : "-";
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', textBlock = """
            for=1.2.3.4                                  | 1.2.3.4:0 - -
            FOR=1.2.3.4;Proto=https;HOST=a.example       | 1.2.3.4:0 https a.example
            for="1.2.3.4:80";proto="https";host="a:1"    | 1.2.3.4:80 https a:1
            for="[::1]:80"                               | ::1:80 - -
            for=[::1]:80                                 | ::1:80 - -
            for="\\1.2.\\3.4"                            | 1.2.3.4:0 - -
            for="\\1.2.3.4";for=x                        | MALFORMED - -
            for="\\_a"                                   | HIDDEN - -
            proto=https                                  | HIDDEN https -
            by=10.0.0.1                                  | HIDDEN - -
            for=1.2.3.4;by=a;by=b                        | MALFORMED - -
            for=1.2.3.4;proto=a;proto=b                  | MALFORMED - -
            for=1.2.3.4;host=a;host=b                    | MALFORMED - -
            for=1.2.3.4;x=1;x=2;fo=3;fork=4              | 1.2.3.4:0 - -
            ;;for=1.2.3.4;                               | 1.2.3.4:0 - -
            for=1.2.3.4 ; proto=https                    | 1.2.3.4:0 https -
            for=1.2.3.4 proto=https                      | MALFORMED - -
            for="1.2.3.4" proto=https                    | MALFORMED - -
            for =1.2.3.4                                 | MALFORMED - -
            for= 1.2.3.4                                 | MALFORMED - -
            for=;proto=https                             | MALFORMED - -
            for=                                         | MALFORMED - -
            for=""                                       | MALFORMED - -
            for                                          | MALFORMED - -
            =1.2.3.4                                     | MALFORMED - -
            f@r=1                                        | MALFORMED - -
            !#$%&'*+-.^_`~09azAZ=1;for=1.2.3.4           | 1.2.3.4:0 - -
            (=1;for=1.2.3.4                              | MALFORMED - -
            x="a,b;c";for=1.2.3.4                        | 1.2.3.4:0 - -
            x="a\\"b,c";for=1.2.3.4                      | 1.2.3.4:0 - -
            x="\\\\";for=1.2.3.4                         | 1.2.3.4:0 - -
            x="\\\\\\"";for=1.2.3.4                      | 1.2.3.4:0 - -
            x="\\";for=1.2.3.4                           | MALFORMED - -
            x="a;for=1.2.3.4                             | MALFORMED - -
            x=a";for=1.2.3.4                             | MALFORMED - -
            "for=1.2.3.4                                 | MALFORMED - -
            x="a"b;for=1.2.3.4                           | MALFORMED - -
            x=\\a;for=1.2.3.4                            | MALFORMED - -
            x=a\u007f;for=1.2.3.4                        | MALFORMED - -
            x=~;for=1.2.3.4                              | 1.2.3.4:0 - -
            x=/@[{};for=1.2.3.4                          | 1.2.3.4:0 - -
            """)
    void oneElement(String line, String element) {
        assertThat(read(line)).containsExactly(element);
    }

    @Test
    void elementsAreReadFromTheRightOverAllLines() {
        assertThat(read("for=1.1.1.1, for=2.2.2.2;proto=https", "for=3.3.3.3"))
                .containsExactly("3.3.3.3:0 - -", "2.2.2.2:0 https -", "1.1.1.1:0 - -");
        assertThat(read("for=1.1.1.1;host=\"a,b\",for=\"2.2.2.2\";x=\",\""))
                .containsExactly("2.2.2.2:0 - -", "1.1.1.1:0 - a,b");
        assertThat(read("for=1.1.1.1;x=\"\\\",\\\\\",for=2.2.2.2"))
                .as(
                        "a comma behind an escaped quote is inside, one behind an escaped backslash and its quote is outside")
                .containsExactly("2.2.2.2:0 - -", "1.1.1.1:0 - -");
    }

    @Test
    void emptyElementsAreNone() {
        assertThat(read()).isEmpty();
        assertThat(read("", " ", ",", " , \t,")).isEmpty();
        assertThat(read(",for=1.1.1.1,,", "", ", ,")).containsExactly("1.1.1.1:0 - -");
    }

    @Test
    void aLineWithABrokenQuoteIsOneBadMemberAndTheOthersStand() {
        assertThat(read("for=1.1.1.1", "for=2.2.2.2, for=\"3.3.3.3, for=4.4.4.4", "for=5.5.5.5"))
                .containsExactly("5.5.5.5:0 - -", "MALFORMED - -", "1.1.1.1:0 - -");
    }

    @Test
    void nothingIsLeftOverFromTheElementBefore() {
        assertThat(read("by=a, for=x;by=b, for=1.1.1.1, proto=http;host=h;by=c, proto=https;for=1;for=2"))
                .containsExactly("MALFORMED - -", "HIDDEN http h", "1.1.1.1:0 - -", "MALFORMED - -", "HIDDEN - -");
    }
}
