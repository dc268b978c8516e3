package dev.clowder.launcher.check;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.OutputStream;

/** The beginning and the end of what an application logs, however much that is. Thread-safe. */
final class LogEnds extends OutputStream {
    /** Of either end, in bytes. */
    static final int MOST = 1 << 20;

    private final ByteArrayOutputStream first = new ByteArrayOutputStream();
    /** Twice as much at most, so that it is seldom copied. */
    private ByteArrayOutputStream last = new ByteArrayOutputStream();

    private boolean cut;

    @Override
    public synchronized void write(int one) {
        write(new byte[] {(byte) one}, 0, 1);
    }

    @Override
    public synchronized void write(byte[] bytes, int offset, int length) {
        int begin = Math.min(length, MOST - first.size());
        first.write(bytes, offset, begin);
        last.write(bytes, offset + begin, length - begin);
        if (last.size() > 2 * MOST) {
            byte[] much = last.toByteArray();
            last = new ByteArrayOutputStream();
            last.write(much, much.length - MOST, MOST);
            cut = true;
        }
    }

    synchronized String text() {
        return first.toString(UTF_8) + (cut ? "\n[...]\n" : "") + last.toString(UTF_8);
    }
}
