package dev.clowder.valve;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The text stands in the middle of an array, as a header does in the buffer of a connection. */
class ByteTextTest {

    private static final String BEFORE = "before";
    private static final String BEHIND = "behind";

    private final ByteText text = new ByteText();

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 7, 8, 9, 15, 16, 17, 24, 31})
    void isTheseBytesAndNoOthers(int length) {
        byte[] bytes = bytes(length);
        of(bytes);
        assertThat(text.is(bytes)).isTrue();
        for (int i = 0; i < length; i++) {
            byte[] others = bytes.clone();
            others[i] ^= (byte) 0x80;
            assertThat(text.is(others)).as("other at %d", i).isFalse();
        }
        assertThat(text.is(bytes(length + 1))).isFalse();
        if (length > 0) {
            assertThat(text.is(bytes(length - 1))).isFalse();
        }
    }

    @Test
    void readsAsOneCharForEachByte() {
        String all = "für 203.0.113.7\u00ff";
        of(all.getBytes(ISO_8859_1));
        assertThat(text).hasToString(all).hasSize(all.length());
        assertThat(text.subSequence(4, 15)).isEqualTo("203.0.113.7");
        assertThat(text.charAt(1)).isEqualTo('ü');
        assertThat(text.charAt(all.length() - 1)).isEqualTo('\u00ff');
    }

    @Test
    void copiesAllOfItself() {
        of("203.0.113.7".getBytes(ISO_8859_1));
        byte[] target = "................".getBytes(ISO_8859_1);
        text.copyTo(target, 2);
        assertThat(new String(target, ISO_8859_1)).isEqualTo("..203.0.113.7...");
    }

    private void of(byte[] bytes) {
        byte[] buffer = (BEFORE + new String(bytes, ISO_8859_1) + BEHIND).getBytes(ISO_8859_1);
        text.of(buffer, BEFORE.length(), bytes.length);
    }

    private static byte[] bytes(int length) {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) {
            bytes[i] = (byte) ('a' + i);
        }
        return bytes;
    }
}
