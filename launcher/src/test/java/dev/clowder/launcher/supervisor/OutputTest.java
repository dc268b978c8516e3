package dev.clowder.launcher.supervisor;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.util.concurrent.CountDownLatch;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;

class OutputTest {
    @Test
    void workersLinesArePrefixedAndALastLineWithoutEndIsNotLost() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        Output output = new Output(out);
        output.follow(new ByteArrayInputStream("one\n\ntwo".getBytes(UTF_8)), "[1] ");
        Awaitility.await().until(() -> out.toString(UTF_8).endsWith("two\n"));
        output.close();
        assertThat(out.toString(UTF_8)).isEqualTo("[1] one\n[1] \n[1] two\n");
    }

    @Test
    void aLineWithoutEndIsCutInsteadOfFillingTheMemory() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        Output output = new Output(out);
        output.follow(new ByteArrayInputStream(new byte[3 * Output.MAX_LINE]), "[1] ");
        int whole = 3 * (Output.MAX_LINE + "[1] \n".length());
        Awaitility.await().until(() -> out.size() >= whole);
        output.close();
        assertThat(out.size()).isEqualTo(whole);
    }

    @Test
    void whoWritesNeverWaitsForAReaderThatHasStopped() throws Exception {
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
        // Ten times what is kept, through a pipe: it is all read although nothing can be written.
        PipedOutputStream worker = new PipedOutputStream();
        output.follow(new PipedInputStream(worker), "[1] ");
        byte[] line = ("x".repeat(1023) + "\n").getBytes(UTF_8);
        for (int i = 0; i < 10 * Output.MAX_WAITING / line.length; i++) {
            worker.write(line);
        }
        worker.close();
        release.countDown();
        Awaitility.await().until(() -> out.toString(UTF_8).contains("lines of output dropped"));
        output.close();
        assertThat(out.size()).isLessThan(2 * Output.MAX_WAITING);
    }
}
