package dev.clowder.valve;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What may become the front of links and redirects, and what never does. */
class PathPrefixTest {

    private static final String PAD = "/a";

    /** The same rule once more, as an expression. */
    private static final Pattern PREFIX = Pattern.compile("/|(/(?!\\.{1,2}(/|$))"
            + "([A-Za-z0-9\\-._~!$&()*+=:@]|%(?!25|2[eEfF]|5[cC]|7[fF])[2-9a-fA-F][0-9a-fA-F])+)+/?");

    private static String prefix(String text) {
        int end = PathPrefix.end(PAD + text + PAD, PAD.length(), PAD.length() + text.length());
        return end < 0 ? "none" : text.substring(0, end - PAD.length());
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', textBlock = """
            /shop     | /shop
            /shop/    | /shop
            /a/b-c.d  | /a/b-c.d
            /         | ''
            /%20      | /%20
            /a%C3%A9/ | /a%C3%A9
            /...      | /...
            /.a       | /.a
            /a.       | /a.
            /..a      | /..a
            ''        | none
            shop      | none
            //        | none
            //evil    | none
            /a//b     | none
            /a//      | none
            /.        | none
            /..       | none
            /a/../b   | none
            /a/./b    | none
            /a/..     | none
            /a/../    | none
            /%        | none
            /%2       | none
            /a%2      | none
            /%2e%2e   | none
            /%2F      | none
            /%5c      | none
            /%25      | none
            /%1f      | none
            /%7F      | none
            /%g0      | none
            /%0g      | none
            /%٣0      | none
            /%3٣      | none
            /a?b      | none
            /a#b      | none
            /a;b      | none
            /a\\b     | none
            /a b      | none
            /é        | none
            """)
    void onlyAPlainPathIsAPrefix(String text, String expected) {
        assertThat(prefix(text)).isEqualTo(expected);
    }

    @Test
    void everyCharacterIsEitherPlainOrRefused() {
        for (char c = 0; c < 0x180; c++) {
            String text = "/x" + c + "y";
            assertThat(!prefix(text).equals("none"))
                    .as("character %d", (int) c)
                    .isEqualTo(PREFIX.matcher(text).matches());
        }
        for (int escape = 0; escape < 256; escape++) {
            String text = String.format("/%%%02x", escape);
            assertThat(!prefix(text).equals("none"))
                    .as(text)
                    .isEqualTo(PREFIX.matcher(text).matches());
        }
    }

    @Test
    void whateverIsPutTogetherTheRuleIsTheSame() {
        String[] pieces = {"/", "/", "a", ".", "..", "%", "%2", "%2e", "%41", "2", "e", "-", ":", "?"};
        Random random = new Random(41267);
        int prefixes = 0;
        for (int round = 0; round < 20_000; round++) {
            StringBuilder made = new StringBuilder("/");
            for (int i = random.nextInt(7); i > 0; i--) {
                made.append(pieces[random.nextInt(pieces.length)]);
            }
            String text = made.toString();
            boolean isPrefix = PREFIX.matcher(text).matches();
            assertThat(prefix(text)).isEqualTo(isPrefix ? text.replaceAll("/$", "") : "none");
            prefixes += isPrefix ? 1 : 0;
        }
        assertThat(prefixes).isGreaterThan(2_000);
    }
}
