package dev.clowder.launcher.worker.relay;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Reads one answer in HTTP/1.1 (RFC 9112) as it comes, in pieces of any size. The writer is the Tomcat of another worker,
 * so anything odd is an error. Does no I/O. Not thread-safe.
 */
final class ResponseReader {
    /** Of all lines of a head or of trailers together: many times what a Tomcat writes without being told to. */
    private static final int LONGEST_HEAD = 8 << 20;

    private static final int CONTINUE = 100;
    static final int SWITCHING_PROTOCOLS = 101;
    private static final int OK = 200;
    private static final int NO_CONTENT = 204;
    private static final int RESET_CONTENT = 205;
    private static final int NOT_MODIFIED = 304;

    /** One line of a head. */
    record Field(String name, String value) {
        boolean is(String other) {
            return name.equalsIgnoreCase(other);
        }
    }

    /** What an answer consists of, in the order in which it comes. */
    interface Sink {
        /** The other side wants the body. */
        void proceed();

        /** The head; {@link #SWITCHING_PROTOCOLS} is one too, any other 1xx is not. */
        void head(int status, List<Field> fields) throws IOException;

        /** A piece of the body. */
        void body(ByteBuffer piece) throws IOException;
    }

    private enum Part {
        STATUS,
        FIELDS,
        FIXED,
        CHUNK_SIZE,
        CHUNK,
        CHUNK_END,
        TRAILERS,
        DONE
    }

    private final boolean toHead;
    private final ByteArrayOutputStream line = new ByteArrayOutputStream();
    private final List<Field> fields = new ArrayList<>();
    private final Map<String, String> trailers = new LinkedHashMap<>();
    private Part part = Part.STATUS;
    private int status;
    private int headLength;
    private long left;
    private boolean begun;

    /** @param toHead whether it is the answer to a HEAD, which has no body whatever it says */
    ResponseReader(boolean toHead) {
        this.toHead = toHead;
    }

    /** Whether the head of the answer itself was there. */
    boolean hasBegun() {
        return begun;
    }

    /** Whether all of it was there. Behind 101 the bytes are not HTTP any more, and not read. */
    boolean isDone() {
        return part == Part.DONE;
    }

    /** What followed the last chunk. */
    Map<String, String> trailers() {
        return trailers;
    }

    /** Reads what is there, at most to the end of the answer. */
    void read(ByteBuffer bytes, Sink sink) throws IOException {
        while (bytes.hasRemaining() && part != Part.DONE) {
            switch (part) {
                case FIXED, CHUNK -> body(bytes, sink);
                default -> {
                    if (isWholeLine(bytes)) {
                        String text = line.toString(StandardCharsets.ISO_8859_1);
                        line.reset();
                        line(text, sink);
                    }
                }
            }
        }
    }

    private boolean isWholeLine(ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            byte b = bytes.get();
            if (++headLength > LONGEST_HEAD) {
                throw new IOException("a head without an end");
            }
            if (b == '\n') {
                return true;
            }
            if (b != '\r') {
                line.write(b);
            }
        }
        return false;
    }

    private void line(String text, Sink sink) throws IOException {
        switch (part) {
            case STATUS -> {
                if (!text.startsWith("HTTP/1.1 ") || text.length() < 12) {
                    throw new IOException("no answer: " + text);
                }
                status = number(text.substring(9, 12), 10);
                part = Part.FIELDS;
            }
            case FIELDS -> {
                if (text.isEmpty()) {
                    headEnds(sink);
                } else {
                    fields.add(field(text));
                }
            }
            case CHUNK_SIZE -> {
                left = number(text.strip(), 16);
                headLength = 0;
                part = left == 0 ? Part.TRAILERS : Part.CHUNK;
            }
            case CHUNK_END -> part = Part.CHUNK_SIZE;
            case TRAILERS -> {
                if (text.isEmpty()) {
                    part = Part.DONE;
                } else {
                    Field trailer = field(text);
                    trailers.put(trailer.name(), trailer.value());
                }
            }
            default -> throw new IllegalStateException(part.name());
        }
    }

    private static Field field(String text) throws IOException {
        int colon = text.indexOf(':');
        if (colon <= 0) {
            throw new IOException("no field: " + text);
        }
        return new Field(text.substring(0, colon), text.substring(colon + 1).strip());
    }

    private static int number(String text, int radix) throws IOException {
        try {
            int number = Integer.parseInt(text, radix);
            if (number >= 0) {
                return number;
            }
        } catch (NumberFormatException e) {
            // As below.
        }
        throw new IOException("no number: " + text);
    }

    private void headEnds(Sink sink) throws IOException {
        headLength = 0;
        if (status < OK && status != SWITCHING_PROTOCOLS) {
            part = Part.STATUS;
            fields.clear();
            if (status == CONTINUE) {
                sink.proceed();
            }
            return;
        }
        part = framing();
        begun = true;
        sink.head(status, List.copyOf(fields));
    }

    /** RFC 9112, section 6.3; but nothing ends with its connection, which would look like the death of that worker. */
    private Part framing() throws IOException {
        if (toHead
                || status == SWITCHING_PROTOCOLS
                || status == NO_CONTENT
                || status == RESET_CONTENT
                || status == NOT_MODIFIED) {
            return Part.DONE;
        }
        for (Field field : fields) {
            if (field.is("Transfer-Encoding")
                    && field.value().toLowerCase(Locale.ROOT).endsWith("chunked")) {
                return Part.CHUNK_SIZE;
            }
        }
        for (Field field : fields) {
            if (field.is("Content-Length")) {
                left = length(field.value());
                return left == 0 ? Part.DONE : Part.FIXED;
            }
        }
        throw new IOException("an answer that does not say where it ends");
    }

    static long length(String text) throws IOException {
        try {
            return Long.parseUnsignedLong(text);
        } catch (NumberFormatException e) {
            throw new IOException("no length: " + text, e);
        }
    }

    private void body(ByteBuffer bytes, Sink sink) throws IOException {
        int count = (int) Math.min(bytes.remaining(), left);
        ByteBuffer piece = bytes.slice(bytes.position(), count);
        bytes.position(bytes.position() + count);
        left -= count;
        if (part == Part.FIXED && left == 0) {
            part = Part.DONE;
        } else if (part == Part.CHUNK && left == 0) {
            part = Part.CHUNK_END;
        }
        sink.body(piece);
    }
}
