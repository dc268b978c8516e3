package dev.clowder.launcher.worker;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArraySet;
import org.apache.coyote.Request;
import org.apache.tomcat.util.buf.ByteChunk;
import org.apache.tomcat.util.buf.MessageBytes;
import org.apache.tomcat.util.http.MimeHeaders;

/**
 * Finds, in the head of a request, the slot that a session id ends with: {@code ID.SLOT}, in the session cookie, else
 * behind {@code ;jsessionid=}. As in Tomcat the cookie counts if there is one, and the first of them. Of a head that nobody
 * has parsed it allocates nothing. Thread-safe.
 */
final class SessionCookies {
    /** The head is complete and names no slot. */
    static final int NONE = 0;
    /** More of the head is needed. */
    static final int INCOMPLETE = -1;

    private static final byte[] COOKIE = "cookie:".getBytes(StandardCharsets.ISO_8859_1);
    private static final int MOST = 9999;

    private final Set<String> known = new CopyOnWriteArraySet<>();
    private volatile byte[][] cookies = {};
    private volatile byte[][] parameters = {};

    /** Adds the names that an application uses for its session id. */
    void add(String cookie, String parameter) {
        if (known.add("c" + cookie)) {
            cookies = with(cookies, cookie + "=");
        }
        if (known.add("p" + parameter)) {
            parameters = with(parameters, ";" + parameter + "=");
        }
    }

    private static byte[][] with(byte[][] names, String name) {
        byte[][] more = Arrays.copyOf(names, names.length + 1);
        more[names.length] = name.getBytes(StandardCharsets.ISO_8859_1);
        return more;
    }

    /** Whether there is an application whose requests have to be looked at. */
    boolean isEmpty() {
        return known.isEmpty();
    }

    /**
     * Looks at what has been read of a request.
     *
     * @param bytes from its first byte on, up to {@code end}
     * @return the slot, {@link #NONE} or {@link #INCOMPLETE}
     */
    int slot(ByteBuffer bytes, int end) {
        int inUrl = NONE;
        int line = skipEmptyLines(bytes, end);
        boolean first = true;
        while (true) {
            int next = endOfLine(bytes, line, end);
            if (next <= 0) {
                return next;
            }
            if (first) {
                inUrl = find(parameters, bytes, line, next);
                first = false;
            } else if (next - line <= 2 && isEmptyLine(bytes, line)) {
                return inUrl;
            } else if (startsWithCookie(bytes, line, next)) {
                int slot = inCookie(bytes, line + COOKIE.length, next);
                if (slot >= 0) {
                    return slot;
                }
            }
            line = next;
        }
    }

    /** The slot that a parsed request names, or {@link #NONE}. */
    int slot(Request request) {
        MimeHeaders headers = request.getMimeHeaders();
        for (int i = headers.findHeader("Cookie", 0); i >= 0; i = headers.findHeader("Cookie", i + 1)) {
            ByteBuffer cookie = bytes(headers.getValue(i));
            int slot = inCookie(cookie, cookie.position(), cookie.limit());
            if (slot >= 0) {
                return slot;
            }
        }
        ByteBuffer path = bytes(request.requestURI());
        return find(parameters, path, path.position(), path.limit());
    }

    private static ByteBuffer bytes(MessageBytes text) {
        if (text.getType() == MessageBytes.T_BYTES) {
            ByteChunk chunk = text.getByteChunk();
            return ByteBuffer.wrap(chunk.getBytes(), chunk.getStart(), chunk.getLength());
        }
        String plain = text.isNull() ? "" : text.toString();
        return ByteBuffer.wrap(plain.getBytes(StandardCharsets.ISO_8859_1));
    }

    /** A client may send some before a request (RFC 9112, section 2.2). */
    private static int skipEmptyLines(ByteBuffer bytes, int end) {
        int i = 0;
        while (i < end && (bytes.get(i) == '\r' || bytes.get(i) == '\n')) {
            i++;
        }
        return i;
    }

    /** Behind it; {@link #NONE} if it is no HTTP, which Tomcat shall refuse at once. */
    private static int endOfLine(ByteBuffer bytes, int from, int end) {
        for (int i = from; i < end; i++) {
            byte b = bytes.get(i);
            if (b == '\n') {
                return i + 1;
            }
            if (b >= 0 && b < ' ' && b != '\r' && b != '\t') {
                return NONE;
            }
        }
        return INCOMPLETE;
    }

    private static boolean isEmptyLine(ByteBuffer bytes, int line) {
        return bytes.get(line) == '\n' || bytes.get(line) == '\r';
    }

    private static boolean startsWithCookie(ByteBuffer bytes, int line, int end) {
        if (end - line < COOKIE.length) {
            return false;
        }
        for (int i = 0; i < COOKIE.length; i++) {
            // Letters of both cases; a colon has that bit already.
            if ((bytes.get(line + i) | 0x20) != COOKIE[i]) {
                return false;
            }
        }
        return true;
    }

    /** The slot, {@link #NONE} if the session id there has none, or -1 if there is no session id. */
    private int inCookie(ByteBuffer bytes, int from, int end) {
        int i = from;
        while (i < end) {
            while (i < end && (bytes.get(i) == ' ' || bytes.get(i) == ';' || bytes.get(i) == '\t')) {
                i++;
            }
            for (byte[] name : cookies) {
                if (isAt(name, bytes, i, end)) {
                    return slotOf(bytes, i + name.length, end);
                }
            }
            while (i < end && bytes.get(i) != ';') {
                i++;
            }
        }
        return -1;
    }

    private static int find(byte[][] names, ByteBuffer bytes, int from, int end) {
        for (int i = from; i < end; i++) {
            if (bytes.get(i) == ';') {
                for (byte[] name : names) {
                    if (isAt(name, bytes, i, end)) {
                        return slotOf(bytes, i + name.length, end);
                    }
                }
            }
        }
        return NONE;
    }

    private static boolean isAt(byte[] name, ByteBuffer bytes, int at, int end) {
        if (end - at < name.length) {
            return false;
        }
        for (int i = 0; i < name.length; i++) {
            if (bytes.get(at + i) != name[i]) {
                return false;
            }
        }
        return true;
    }

    /** The digits behind the last dot of the value that begins there. */
    private static int slotOf(ByteBuffer bytes, int from, int end) {
        int slot = NONE;
        boolean dotted = false;
        for (int i = from; i < end && !endsValue(bytes.get(i)); i++) {
            byte b = bytes.get(i);
            if (b == '.') {
                dotted = true;
                slot = 0;
            } else if (b < '0' || b > '9') {
                dotted = false;
                slot = NONE;
            } else if (dotted) {
                slot = Math.min(slot * 10 + b - '0', MOST + 1);
            }
        }
        return slot > MOST ? NONE : slot;
    }

    private static boolean endsValue(byte b) {
        return b <= ' ' || b == ';' || b == ',' || b == '?' || b == '/' || b == '"' || b == '#' || b == '&';
    }

    /** The slot at the end of a session id, {@link #NONE} if there is none. */
    static int slotOf(String id) {
        return slotOf(ByteBuffer.wrap(id.getBytes(StandardCharsets.ISO_8859_1)), 0, id.length());
    }
}
