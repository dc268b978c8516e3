package dev.clowder.arquillian;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.time.Duration;
import java.util.Optional;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class OutputTailTest {
    private static final Duration SOON = Duration.ofSeconds(10);
    private static final Pattern OWN = Pattern.compile("clowder: .*");

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
        assertThat(tail.text())
                .startsWith("(909 characters before this were dropped)\n")
                .endsWith("x\nthe end\n");
    }

    @Test
    void findsTheLastLineThatMatches() throws Exception {
        child.write("clowder: one\nclowder: two\n[1] three\n".getBytes(UTF_8));
        child.close();
        tail.awaitEnd(SOON);
        assertThat(tail.lastLine(OWN)).contains("clowder: two");
        assertThat(tail.lastLine(Pattern.compile("three"))).isEmpty();
    }

    @Test
    void wakesWhoWaitsForALineOrForTheEnd() throws Exception {
        child.write("[1] not this one\nclowder: one\n".getBytes(UTF_8));
        child.flush();
        tail.awaitChange(OWN, Optional.empty(), SOON);
        assertThat(tail.lastLine(OWN)).contains("clowder: one");
        child.close();
        // Nothing more will come: the wait ends all the same.
        tail.awaitChange(OWN, Optional.of("clowder: one"), Duration.ofDays(1));
        assertThat(tail.lastLine(OWN)).contains("clowder: one");
    }

    @Test
    void readsAgainAfterAPause() throws Exception {
        tail.pause(true);
        child.write("clowder: one\n".getBytes(UTF_8));
        child.flush();
        tail.awaitChange(OWN, Optional.empty(), Duration.ofMillis(50));
        assertThat(tail.text()).isEmpty();
        tail.pause(false);
        child.close();
        tail.awaitEnd(SOON);
        assertThat(tail.text()).isEqualTo("clowder: one\n");
    }
}
