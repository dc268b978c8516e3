package dev.clowder.launcher.supervisor;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class LinesTest {
    private final List<byte[]> passed = new ArrayList<>();
    private final Lines lines = new Lines("[1] ", passed::add);

    @Test
    void eachLineHasThePrefixWhereverTheBytesWereCut() {
        byte[] text = "one\n\ntwo\n".getBytes(UTF_8);
        for (int cut = 0; cut <= text.length; cut++) {
            passed.clear();
            add(text, 0, cut);
            add(text, cut, text.length);
            assertThat(text()).as("cut at %d", cut).isEqualTo("[1] one\n[1] \n[1] two\n");
        }
    }

    @Test
    void aLastLineWithoutEndIsPassedOnAtTheEndAndOnlyOnce() {
        add("one\ntwo".getBytes(UTF_8), 0, 7);
        assertThat(text()).isEqualTo("[1] one\n");
        lines.end();
        lines.end();
        assertThat(text()).isEqualTo("[1] one\n[1] two\n");
    }

    @Test
    void failure19ALineWithoutEndIsCutInsteadOfFillingTheMemory() {
        lines.add(new byte[3 * Lines.MAX_LINE], 3 * Lines.MAX_LINE);
        lines.end();
        assertThat(passed).hasSize(3).allMatch(line -> line.length == Lines.MAX_LINE + "[1] \n".length());
    }

    private void add(byte[] text, int from, int to) {
        lines.add(java.util.Arrays.copyOfRange(text, from, to), to - from);
    }

    private String text() {
        StringBuilder text = new StringBuilder();
        passed.forEach(line -> text.append(new String(line, UTF_8)));
        return text.toString();
    }
}
