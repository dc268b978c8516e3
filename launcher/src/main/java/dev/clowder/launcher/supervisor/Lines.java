package dev.clowder.launcher.supervisor;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.Arrays;
import java.util.function.Consumer;

/**
 * Cuts bytes into lines and puts a prefix in front of each. A line without end is cut after {@value #MAX_LINE} bytes, so
 * that it needs no more memory than any other. For one thread.
 */
public final class Lines {
    public static final int MAX_LINE = 8 * 1024;

    private final Consumer<byte[]> sink;
    private final int start;
    private final byte[] line;
    private int length;

    /**
     * Makes one that has seen nothing yet.
     *
     * @param prefix in front of each line, may be empty
     * @param sink is given each line, with prefix and line feed
     */
    public Lines(String prefix, Consumer<byte[]> sink) {
        this.sink = sink;
        byte[] bytes = prefix.getBytes(UTF_8);
        start = bytes.length;
        line = Arrays.copyOf(bytes, start + MAX_LINE + 1);
        length = start;
    }

    /** Takes in some bytes; lines that end in them are passed on. */
    public void add(byte[] bytes, int count) {
        for (int i = 0; i < count; i++) {
            boolean end = bytes[i] == '\n';
            if (end || length == start + MAX_LINE) {
                pass();
            }
            if (!end) {
                line[length++] = bytes[i];
            }
        }
    }

    /** Nothing follows for now: passes on a last line that had no end. */
    public void end() {
        if (length > start) {
            pass();
        }
    }

    private void pass() {
        line[length] = '\n';
        sink.accept(Arrays.copyOf(line, length + 1));
        length = start;
    }
}
