package dev.clowder.benchmark;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.Map;

/** HTTP/2 (RFC 9113), several requests at a time, small answers. Of headers it reads whether the status is 200. */
final class Http2 implements Http {
    private static final String PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    private static final int HEAD = 9;

    // RFC 9113, section 6.
    private static final int DATA = 0;
    private static final int HEADERS = 1;
    private static final int RST_STREAM = 3;
    private static final int SETTINGS = 4;
    private static final int PING = 6;
    private static final int GOAWAY = 7;
    private static final int WINDOW_UPDATE = 8;
    private static final int ACK = 1;
    private static final int END_STREAM = 1;
    private static final int END_HEADERS = 4;
    private static final int INITIAL_WINDOW_SIZE = 4;

    // RFC 7541, appendix A: what the static table has.
    private static final int AUTHORITY = 1;
    private static final int PATH = 4;
    private static final int METHOD_GET = 0x82;
    private static final int SCHEME_HTTPS = 0x87;
    private static final byte STATUS_200 = (byte) 0x88;

    /** More than one measurement needs. Once and for all, since many small ones look like an attack. */
    private static final int WINDOW = 1 << 30;

    private final Wire wire;
    private final Map<Integer, Long> waiting = new LinkedHashMap<>();
    private final ByteBuffer out = ByteBuffer.allocate(512);
    private final byte[] head = new byte[HEAD];
    private int headLength;
    /** The first bytes of a payload: all that is ever looked at. */
    private final byte[] payload = new byte[16];

    private int payloadRead;
    private int nextStream = 1;

    Http2(Wire wire) throws IOException {
        this.wire = wire;
        out.put(PREFACE.getBytes(US_ASCII));
        frame(6, SETTINGS, 0, 0).putShort((short) INITIAL_WINDOW_SIZE).putInt(WINDOW);
        frame(Integer.BYTES, WINDOW_UPDATE, 0, 0).putInt(WINDOW);
        flush();
    }

    /** The block of headers of a request, without any state of a connection. */
    static byte[] request(String path) {
        ByteArrayOutputStream block = new ByteArrayOutputStream();
        block.write(METHOD_GET);
        block.write(SCHEME_HTTPS);
        literal(block, AUTHORITY, "localhost");
        literal(block, PATH, path);
        return block.toByteArray();
    }

    /** Without indexing, name from the static table, not compressed (RFC 7541, section 6.2.2). */
    private static void literal(ByteArrayOutputStream block, int name, String value) {
        block.write(name);
        block.write(value.length());
        block.writeBytes(value.getBytes(US_ASCII));
    }

    private ByteBuffer frame(int length, int type, int flags, int stream) {
        return out.putShort((short) (length >> 8))
                .put((byte) length)
                .put((byte) type)
                .put((byte) flags)
                .putInt(stream);
    }

    private void flush() throws IOException {
        out.flip();
        try {
            wire.write(out);
        } finally {
            out.clear();
        }
    }

    @Override
    public void send(byte[] request, long due) throws IOException {
        int stream = nextStream;
        nextStream += 2;
        waiting.put(stream, due);
        frame(request.length, HEADERS, END_HEADERS | END_STREAM, stream).put(request);
        flush();
    }

    @Override
    public void receive(ByteBuffer bytes, Answers answers) throws IOException {
        while (bytes.hasRemaining() || (headLength == HEAD && payloadRead == length())) {
            if (headLength < HEAD) {
                head[headLength++] = bytes.get();
            } else if (payloadRead < length()) {
                readPayload(bytes);
            } else {
                headLength = 0;
                payloadRead = 0;
                take(head[3], head[4], ByteBuffer.wrap(head).getInt(5) & Integer.MAX_VALUE, answers);
            }
        }
    }

    private int length() {
        return (head[0] & 0xff) << 16 | (head[1] & 0xff) << 8 | (head[2] & 0xff);
    }

    private void readPayload(ByteBuffer bytes) {
        int read = Math.min(length() - payloadRead, bytes.remaining());
        int kept = Math.min(read, payload.length - payloadRead);
        if (kept > 0) {
            bytes.duplicate().get(payload, payloadRead, kept);
        }
        bytes.position(bytes.position() + read);
        payloadRead += read;
    }

    private void take(int type, int flags, int stream, Answers answers) throws IOException {
        switch (type) {
            case HEADERS -> {
                if (!is200()) {
                    done(stream, false, answers);
                }
            }
            case SETTINGS -> {
                if ((flags & ACK) == 0) {
                    frame(0, SETTINGS, ACK, 0);
                    flush();
                }
            }
            case PING -> {
                if ((flags & ACK) == 0) {
                    frame(Long.BYTES, PING, ACK, 0).put(payload, 0, Long.BYTES);
                    flush();
                }
            }
            case RST_STREAM -> done(stream, false, answers);
            // No server here has a reason to: see the configurations of the proxies.
            case GOAWAY ->
                throw new IOException(
                        "GOAWAY with error " + ByteBuffer.wrap(payload).getInt(Integer.BYTES));
            default -> {}
        }
        if ((type == HEADERS || type == DATA) && (flags & END_STREAM) != 0) {
            done(stream, true, answers);
        }
    }

    /** The status comes first, behind a change of the table's size (RFC 7541, section 6.3) that fits into a byte or two. */
    private boolean is200() {
        int at = 0;
        while (at < payload.length && (payload[at] & 0xe0) == 0x20) {
            at += (payload[at] & 0x1f) == 0x1f ? 3 : 1;
        }
        return at < payload.length && payload[at] == STATUS_200;
    }

    private void done(int stream, boolean good, Answers answers) {
        Long due = waiting.remove(stream);
        if (due != null) {
            answers.answered(due, good);
        }
    }

    @Override
    public void end(Answers answers) {
        waiting.values().forEach(due -> answers.answered(due, false));
        waiting.clear();
    }
}
