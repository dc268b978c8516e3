package dev.clowder.launcher.worker.relay;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Set;
import org.apache.coyote.Request;
import org.apache.tomcat.util.buf.ByteChunk;
import org.apache.tomcat.util.buf.MessageBytes;
import org.apache.tomcat.util.http.MimeHeaders;
import org.apache.tomcat.util.http.parser.HttpParser;
import org.jspecify.annotations.Nullable;

/** A request as another worker gets it: in HTTP/1.1 (RFC 9112), with the headers as they came. Not thread-safe. */
public final class RelayedHead {
    private static final int DELETE = 0x7f;
    private static final int LAST_OF_A_BYTE = 0xff;
    private static final byte[] LINE = {'\r', '\n'};
    /** Of one connection only. */
    private static final Set<String> LEFT_OUT =
            Set.of("connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade");

    private final Request request;
    private final boolean body;
    private final boolean chunked;
    private final boolean upgrades;

    /** The same, made when it was found to be sound. */
    private ByteBuffer bytes = ByteBuffer.allocate(0);

    private RelayedHead(Request request) {
        this.request = request;
        body = !request.isFinished();
        chunked = body && request.getContentLengthLong() < 0;
        upgrades = !body && wantsUpgrade(request);
    }

    /**
     * The head of a request of which nothing else has been read; null if it can't be said in HTTP/1.1. In HTTP/2 a value may
     * hold the end of a line, behind which a client could say what it likes (RFC 9113, section 8.2.1, forbids it).
     */
    public static @Nullable RelayedHead of(Request request) {
        RelayedHead head = new RelayedHead(request);
        if (!HttpParser.isToken(request.getMethod())
                || !isTarget(request.requestURI())
                || !isTarget(request.queryString())
                || !areSound(request.getMimeHeaders())) {
            return null;
        }
        head.bytes = head.write();
        return head;
    }

    private static boolean isTarget(MessageBytes text) {
        return text.isNull() || text.toString().chars().allMatch(c -> c > ' ' && c < DELETE);
    }

    private static boolean areSound(MimeHeaders headers) {
        for (int i = 0; i < headers.size(); i++) {
            if (!HttpParser.isToken(String.valueOf(headers.getName(i)))
                    || String.valueOf(headers.getValue(i))
                            .chars()
                            .anyMatch(c -> c == '\r' || c == '\n' || c == 0 || c > LAST_OF_A_BYTE)) {
                return false;
            }
        }
        return true;
    }

    /** To a WebSocket: nothing else is known to Tomcat but h2c, which each worker speaks itself. */
    private static boolean wantsUpgrade(Request request) {
        String connection = request.getHeader("Connection");
        return connection != null
                && connection.toLowerCase(Locale.ROOT).contains("upgrade")
                && "websocket".equalsIgnoreCase(request.getHeader("Upgrade"))
                && !request.protocol().equals("HTTP/2.0");
    }

    /** Whether there is more than the head. */
    boolean hasBody() {
        return body;
    }

    /** Whether it asks for another protocol than HTTP on its connection. */
    public boolean upgrades() {
        return upgrades;
    }

    ByteBuffer bytes() {
        return bytes.duplicate();
    }

    private ByteBuffer write() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        write(out, request.getMethod() + " ");
        write(out, request.requestURI());
        if (!request.queryString().isNull()) {
            write(out, "?");
            write(out, request.queryString());
        }
        write(out, " HTTP/1.1\r\n");
        MimeHeaders headers = request.getMimeHeaders();
        if (headers.getValue("Host") == null) {
            line(out, "Host", host());
        }
        for (int i = 0; i < headers.size(); i++) {
            String name = headers.getName(i).toString();
            if (!LEFT_OUT.contains(name.toLowerCase(Locale.ROOT))) {
                write(out, name + ": ");
                write(out, headers.getValue(i));
                out.writeBytes(LINE);
            }
        }
        if (upgrades) {
            line(out, "Connection", "Upgrade");
            line(out, "Upgrade", headers.getValue("Upgrade").toString());
        }
        if (chunked) {
            line(out, "Transfer-Encoding", "chunked");
        }
        out.writeBytes(LINE);
        return ByteBuffer.wrap(out.toByteArray());
    }

    private String host() {
        String name = request.serverName().toString();
        int port = request.getServerPort();
        if (name == null) {
            // HTTP/1.0 needs none, and here an empty one says so.
            return "";
        }
        return port > 0 ? name + ":" + port : name;
    }

    /** A piece of the body. */
    ByteBuffer framed(ByteBuffer piece) {
        byte[] bytes = new byte[piece.remaining()];
        piece.get(bytes);
        if (!chunked) {
            return ByteBuffer.wrap(bytes);
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream(bytes.length + 16);
        write(out, Integer.toHexString(bytes.length));
        out.writeBytes(LINE);
        out.writeBytes(bytes);
        out.writeBytes(LINE);
        return ByteBuffer.wrap(out.toByteArray());
    }

    /** What follows the body when all of it was there. */
    ByteBuffer end() throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        if (chunked) {
            write(out, "0\r\n");
            MimeHeaders trailers = request.getMimeTrailerFields();
            if (!areSound(trailers)) {
                throw new IOException("trailers that can't be said in HTTP/1.1");
            }
            for (int i = 0; i < trailers.size(); i++) {
                line(out, trailers.getName(i).toString(), trailers.getValue(i).toString());
            }
            out.writeBytes(LINE);
        }
        return ByteBuffer.wrap(out.toByteArray());
    }

    private static void line(ByteArrayOutputStream out, String name, @Nullable String value) {
        write(out, name + ": " + value + "\r\n");
    }

    private static void write(ByteArrayOutputStream out, MessageBytes text) {
        if (text.getType() == MessageBytes.T_BYTES) {
            ByteChunk bytes = text.getByteChunk();
            out.write(bytes.getBytes(), bytes.getStart(), bytes.getLength());
        } else {
            write(out, String.valueOf(text));
        }
    }

    private static void write(ByteArrayOutputStream out, String text) {
        out.writeBytes(text.getBytes(StandardCharsets.ISO_8859_1));
    }
}
