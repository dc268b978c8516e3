package dev.clowder.it;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import org.jspecify.annotations.Nullable;

/**
 * One HTTP/2 connection (RFC 9113) that does exactly what it is told, one request at a time: no retry, no pool. It obeys
 * GOAWAY by saying so. Of headers it reads only whether the status is 200. For one thread.
 */
final class Http2Connection implements AutoCloseable {
    private static final String PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    private static final int TIMEOUT_MILLIS = 30_000;

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

    // RFC 7541, appendix A: what the static table has.
    private static final int AUTHORITY = 1;
    private static final int PATH = 4;
    private static final int COOKIE = 32;
    private static final byte METHOD_GET = (byte) 0x82;
    private static final byte SCHEME_HTTP = (byte) 0x86;
    private static final byte SCHEME_HTTPS = (byte) 0x87;
    private static final byte STATUS_200 = (byte) 0x88;

    // RFC 9113, section 6.5.2.
    private static final short INITIAL_WINDOW_SIZE = 4;

    private static final int WINDOW = 1 << 30;
    private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

    private final Socket socket;
    private final DataInputStream in;
    private int nextStream = 1;
    private boolean goneAway;
    private int lastStream = Integer.MAX_VALUE;

    private record Frame(int type, int flags, int stream, ByteBuffer payload) {}

    private Http2Connection(Socket socket) throws IOException {
        this.socket = socket;
        this.in = new DataInputStream(socket.getInputStream());
        socket.getOutputStream().write(PREFACE.getBytes(US_ASCII));
        // Once and for all, for each stream and for all together: Tomcat takes many small updates for an attack.
        send(new Frame(
                SETTINGS,
                0,
                0,
                ByteBuffer.allocate(Short.BYTES + Integer.BYTES)
                        .putShort(INITIAL_WINDOW_SIZE)
                        .putInt(WINDOW)
                        .flip()));
        send(new Frame(
                WINDOW_UPDATE,
                0,
                0,
                ByteBuffer.allocate(Integer.BYTES).putInt(WINDOW).flip()));
    }

    /** Connects; with a context by TLS and ALPN, without in plain text with prior knowledge. */
    static Http2Connection open(int port, @Nullable SSLContext tls) throws IOException {
        Socket socket = new Socket(InetAddress.getLoopbackAddress(), port);
        try {
            socket.setTcpNoDelay(true);
            socket.setSoTimeout(TIMEOUT_MILLIS);
            return new Http2Connection(tls == null ? socket : negotiated(socket, tls));
        } catch (IOException e) {
            socket.close();
            throw e;
        }
    }

    private static Socket negotiated(Socket socket, SSLContext tls) throws IOException {
        SSLSocket secure = (SSLSocket) tls.getSocketFactory().createSocket(socket, "localhost", socket.getPort(), true);
        SSLParameters wanted = secure.getSSLParameters();
        wanted.setApplicationProtocols(new String[] {"h2", "http/1.1"});
        secure.setSSLParameters(wanted);
        secure.startHandshake();
        if (!secure.getApplicationProtocol().equals("h2")) {
            throw new IOException("ALPN chose " + secure.getApplicationProtocol());
        }
        return secure;
    }

    /** Whether the server has asked for no more requests here. */
    boolean goneAway() {
        return goneAway;
    }

    /**
     * Sends a GET and reads its answer.
     *
     * @return the body; null if the server said that it has not looked at the request and wants it on another
     *     connection (RFC 9113, section 6.8)
     * @throws IOException if there was no answer, or its status was not 200
     */
    @Nullable
    String get(String path) throws IOException {
        return get(path, "");
    }

    /** The same with a Cookie header, unless that is empty. */
    @Nullable
    String get(String path, String cookie) throws IOException {
        int stream = nextStream;
        nextStream += 2;
        ByteArrayOutputStream headers = new ByteArrayOutputStream();
        headers.write(METHOD_GET);
        headers.write(socket instanceof SSLSocket ? SCHEME_HTTPS : SCHEME_HTTP);
        literal(headers, AUTHORITY, "localhost:" + socket.getPort());
        literal(headers, PATH, path);
        if (!cookie.isEmpty()) {
            literal(headers, COOKIE, cookie);
        }
        send(new Frame(HEADERS, END_HEADERS | END_STREAM, stream, ByteBuffer.wrap(headers.toByteArray())));
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        boolean ok = false;
        while (true) {
            Frame frame = receive();
            if (stream > lastStream) {
                return null;
            }
            if (frame.stream() != stream) {
                continue;
            }
            switch (frame.type()) {
                case HEADERS -> ok = is200(frame.payload());
                case DATA -> body.writeBytes(frame.payload().array());
                case RST_STREAM -> throw new IOException("stream " + stream + " was reset");
                default -> {}
            }
            if ((frame.type() == HEADERS || frame.type() == DATA) && (frame.flags() & END_STREAM) != 0) {
                if (!ok) {
                    throw new IOException("status is not 200: " + body.toString(ISO_8859_1));
                }
                return body.toString(ISO_8859_1);
            }
        }
    }

    /** The status comes first, behind changes of the table's size (RFC 7541, section 6.3). */
    private static boolean is200(ByteBuffer headers) {
        ByteBuffer block = headers.duplicate();
        byte first = block.get();
        while ((first & 0xe0) == 0x20) {
            boolean more = (first & 0x1f) == 0x1f;
            while (more) {
                more = block.get() < 0;
            }
            first = block.get();
        }
        return first == STATUS_200;
    }

    /** Reads on until the server closes the connection; an error if it has not said GOAWAY before. */
    void awaitEnd() throws IOException {
        try {
            while (true) {
                receive();
            }
        } catch (EOFException e) {
            if (!goneAway) {
                throw e;
            }
        }
    }

    /** The next frame, after what every one wants has been done. */
    private Frame receive() throws IOException {
        int length = (in.readUnsignedShort() << 8) | in.readUnsignedByte();
        int type = in.readUnsignedByte();
        int flags = in.readUnsignedByte();
        int stream = in.readInt() & Integer.MAX_VALUE;
        byte[] payload = new byte[length];
        in.readFully(payload);
        Frame frame = new Frame(type, flags, stream, ByteBuffer.wrap(payload));
        if (type == SETTINGS && (flags & ACK) == 0) {
            send(new Frame(SETTINGS, ACK, 0, NOTHING));
        } else if (type == PING && (flags & ACK) == 0) {
            send(new Frame(PING, ACK, 0, frame.payload()));
        } else if (type == GOAWAY) {
            int error = frame.payload().getInt(Integer.BYTES);
            if (error != 0) {
                throw new IOException("the connection was ended with error " + error);
            }
            goneAway = true;
            lastStream = frame.payload().getInt(0) & Integer.MAX_VALUE;
        }
        return frame;
    }

    private void send(Frame frame) throws IOException {
        int length = frame.payload().remaining();
        ByteBuffer bytes = ByteBuffer.allocate(9 + length);
        bytes.putShort((short) (length >> 8)).put((byte) length);
        bytes.put((byte) frame.type()).put((byte) frame.flags()).putInt(frame.stream());
        bytes.put(frame.payload().duplicate());
        socket.getOutputStream().write(bytes.array());
        socket.getOutputStream().flush();
    }

    /** Without indexing, name from the static table, not compressed (RFC 7541, section 6.2.2). */
    private static void literal(ByteArrayOutputStream out, int name, String value) {
        int most = 15;
        out.write(Math.min(name, most));
        if (name >= most) {
            out.write(name - most);
        }
        out.write(value.length());
        out.writeBytes(value.getBytes(US_ASCII));
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
