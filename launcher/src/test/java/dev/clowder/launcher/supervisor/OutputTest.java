package dev.clowder.launcher.supervisor;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;

class OutputTest {
    @Test
    void whoWritesNeverWaitsForAReaderThatHasStoppedAndTheSupervisorStillHasItsSay() throws Exception {
        CountDownLatch release = new CountDownLatch(1);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        Output output = new Output(new OutputStream() {
            @Override
            public void write(int b) throws IOException {
                write(new byte[] {(byte) b}, 0, 1);
            }

            @Override
            public void write(byte[] bytes, int offset, int length) throws IOException {
                try {
                    release.await();
                } catch (InterruptedException e) {
                    throw new IOException(e);
                }
                out.write(bytes, offset, length);
            }
        });
        // Ten times what is kept: it is all taken although nothing can be written.
        byte[] line = ("x".repeat(1023) + "\n").getBytes(UTF_8);
        for (int i = 0; i < 10 * Output.MAX_WAITING / line.length; i++) {
            output.add(line);
        }
        output.line("clowder: worker 1/1 died");
        release.countDown();
        Awaitility.await().until(() -> out.toString(UTF_8).contains("lines of output dropped"));
        output.close();
        assertThat(out.size()).isLessThan(2 * Output.MAX_WAITING);
        assertThat(out.toString(UTF_8)).contains("clowder: worker 1/1 died");
    }

    /** A disk that was full for a moment, or a pipe that could take no more. */
    @Test
    void whatCanNotBeWrittenIsCountedAndWhatFollowsIsWritten() throws Exception {
        CountDownLatch refused = new CountDownLatch(1);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        AtomicBoolean full = new AtomicBoolean(true);
        try (Output output = new Output(new OutputStream() {
            @Override
            public void write(int b) throws IOException {
                write(new byte[] {(byte) b}, 0, 1);
            }

            @Override
            public void write(byte[] bytes, int offset, int length) throws IOException {
                if (full.get()) {
                    refused.countDown();
                    throw new IOException("No space left on device");
                }
                out.write(bytes, offset, length);
            }
        })) {
            output.line("clowder: first");
            output.line("clowder: second");
            output.line("clowder: third");
            refused.await();
            full.set(false);
            Awaitility.await().until(() -> {
                output.line("clowder: there is room");
                return out.toString(UTF_8).contains("clowder: there is room");
            });
        }
        String text = out.toString(UTF_8);
        long written = text.lines()
                .filter(line -> line.matches("clowder: (first|second|third)"))
                .count();
        assertThat(text).contains(3 - written + " lines of output dropped");
    }
}
