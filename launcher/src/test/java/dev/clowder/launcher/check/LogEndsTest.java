package dev.clowder.launcher.check;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import org.junit.jupiter.api.Test;

class LogEndsTest {
    private final LogEnds log = new LogEnds();

    @Test
    void aLogIsKeptAsItIs() throws IOException {
        log.write("first\n".getBytes(UTF_8));
        log.write('2');
        assertThat(log.text()).isEqualTo("first\n2");
    }

    @Test
    void ofAnEndlessLogTheEndsAreKept() throws IOException {
        log.write("can't start: a lock\n".getBytes(UTF_8));
        byte[] noise = ("noise".repeat(2000) + "\n").getBytes(UTF_8);
        for (long written = 0; written < 20L * LogEnds.MOST; written += noise.length) {
            log.write(noise);
        }
        log.write("Caused by: Last".getBytes(UTF_8));
        assertThat(log.text())
                .startsWith("can't start: a lock\n")
                .endsWith("\nCaused by: Last")
                .contains("\n[...]\n")
                .hasSizeLessThan(4 * LogEnds.MOST);
    }
}
