package dev.clowder.benchmark;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** HTTP/1.1, one request at a time, answers with a Content-Length. Of heads it reads no more than it needs. */
final class Http1 implements Http {
    private static final long NONE = Long.MIN_VALUE;
    private static final byte[] LENGTH = "\ncontent-length:".getBytes(ISO_8859_1);
    private static final byte[] COOKIE = "\nset-cookie:".getBytes(ISO_8859_1);
    private static final byte[] CLOSE = "\nconnection: close".getBytes(ISO_8859_1);
    private static final int STATUS = "HTTP/1.1 ".length();

    private final Wire wire;
    private final boolean once;
    private final @Nullable Consumer<String> cookies;
    private final byte[] head = new byte[2048];
    private int headLength;
    /** Of the body; below zero while the head is not complete. */
    private long left = -1;

    private long due = NONE;
    private boolean good;
    private boolean closing;

    /**
     * Sends nothing yet.
     *
     * @param once whether the request will ask for the end, so that there is one whether it is announced or not
     * @param cookies gets each that an answer sets, as {@code name=value}; null to look for none
     */
    Http1(Wire wire, boolean once, @Nullable Consumer<String> cookies) {
        this.wire = wire;
        this.once = once;
        this.cookies = cookies;
    }

    /** The bytes of a request. */
    static byte[] request(String path, boolean close) {
        return bytes("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" + (close ? "Connection: close\r\n" : ""));
    }

    /** The bytes of a request with a cookie. */
    static byte[] request(String path, String cookie) {
        return bytes("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nCookie: " + cookie + "\r\n");
    }

    private static byte[] bytes(String head) {
        return (head + "\r\n").getBytes(ISO_8859_1);
    }

    @Override
    public void send(byte[] request, long dueAt) throws IOException {
        due = dueAt;
        wire.write(ByteBuffer.wrap(request));
    }

    @Override
    public void receive(ByteBuffer bytes, Answers answers) throws IOException {
        while (bytes.hasRemaining()) {
            if (due == NONE || left == 0) {
                throw new IOException("an answer that nobody asked for");
            }
            if (left < 0) {
                readHead(bytes);
            }
            if (left >= 0) {
                int read = (int) Math.min(left, bytes.remaining());
                bytes.position(bytes.position() + read);
                left -= read;
                if (left == 0 && !closing) {
                    done(answers);
                }
            }
        }
    }

    /** The end belongs to an answer that announces it: the next request goes over another connection. */
    @Override
    public void end(Answers answers) {
        if (due != NONE) {
            good &= closing && left == 0;
            done(answers);
        }
    }

    private void done(Answers answers) {
        long answered = due;
        due = NONE;
        left = -1;
        headLength = 0;
        answers.answered(answered, good);
    }

    private void readHead(ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            if (headLength == head.length) {
                throw new IOException("a head of more than " + head.length + " bytes");
            }
            byte next = bytes.get();
            head[headLength++] = next;
            if (next == '\n' && headLength >= 4 && head[headLength - 3] == '\n') {
                good = head[STATUS] == '2' && head[STATUS + 1] == '0' && head[STATUS + 2] == '0';
                closing = once || find(CLOSE) >= 0;
                left = length();
                readCookie();
                return;
            }
        }
    }

    private void readCookie() {
        int at = cookies == null ? -1 : find(COOKIE);
        if (cookies != null && at >= 0) {
            String line = new String(head, at, headLength - at, ISO_8859_1);
            cookies.accept(line.substring(0, line.indexOf(';')).strip());
        }
    }

    private long length() throws IOException {
        int at = find(LENGTH);
        if (at < 0) {
            throw new IOException("no Content-Length in " + new String(head, 0, headLength, ISO_8859_1));
        }
        long length = 0;
        for (; head[at] != '\r'; at++) {
            if (head[at] != ' ') {
                length = 10 * length + head[at] - '0';
            }
        }
        return length;
    }

    /** Where the text behind this one begins, in lower or upper case; -1 if it is not there. */
    private int find(byte[] text) {
        for (int start = 0; start + text.length < headLength; start++) {
            int i = 0;
            while (i < text.length && (head[start + i] == text[i] || (head[start + i] | 0x20) == text[i])) {
                i++;
            }
            if (i == text.length) {
                return start + i;
            }
        }
        return -1;
    }
}
