package dev.clowder.arquillian;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class OutputTailTest {
    private static final Duration SOON = Duration.ofSeconds(10);

    private final PipedOutputStream child = new PipedOutputStream();
    private OutputTail tail;

    @BeforeEach
    void follow() throws IOException {
        tail = new OutputTail("test", new PipedInputStream(child, 64), 100);
    }

    @AfterEach
    void end() throws IOException {
        child.close();
    }

    @Test
    void keepsTheEndAndSaysHowMuchIsMissing() throws Exception {
        child.write("x".repeat(1000).getBytes(UTF_8));
        child.write("\nthe end\n".getBytes(UTF_8));
        child.close();
        tail.awaitEnd(SOON);
        assertThat(tail.text()).startsWith("(909 characters before this were dropped)\n").endsWith("x\nthe end\n");
        assertThat(tail.received()).isEqualTo(1009);
    }

    @Test
    void findsTheLastLineThatMatches() throws Exception {
        child.write("clowder: one\nclowder: two\n[1] three\n".getBytes(UTF_8));
        child.close();
        tail.awaitEnd(SOON);
        assertThat(tail.lastLine(line -> line.startsWith("clowder: "))).contains("clowder: two");
        assertThat(tail.lastLine(String::isEmpty)).isEmpty();
    }

    @Test
    void wakesWhoWaitsForMoreOrForTheEnd() throws Exception {
        child.write('a');
        child.flush();
        tail.awaitMoreThan(0, SOON);
        assertThat(tail.received()).isEqualTo(1);
        child.close();
        // Nothing more will come: the wait ends all the same.
        tail.awaitMoreThan(1, SOON);
        assertThat(tail.received()).isEqualTo(1);
    }

    @Test
    void readsAgainAfterAPause() throws Exception {
        tail.pause(true);
        child.write('a');
        child.flush();
        tail.awaitMoreThan(0, Duration.ofMillis(50));
        assertThat(tail.received()).isZero();
        tail.pause(false);
        child.close();
        tail.awaitEnd(SOON);
        assertThat(tail.text()).isEqualTo("a");
    }
}
