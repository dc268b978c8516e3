package dev.clowder.it;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;
import org.jspecify.annotations.Nullable;

/**
 * One HTTP/1.1 connection on a plain socket that does exactly what it is told: no retry, no pool, no header of its own
 * but Host. For one thread.
 */
final class HttpConnection implements AutoCloseable {
    private static final int TIMEOUT_MILLIS = 30_000;

    private final Socket socket;
    private final InputStream in;

    /** An answer; names of headers in lower case, the last of several lines wins. */
    record Response(int status, Map<String, String> headers, String body) {
        @Nullable
        String header(String name) {
            return headers.get(name.toLowerCase(Locale.ROOT));
        }

        /** The {@code SLOT/ID} of the worker that answered. */
        Worker worker() {
            String text = header("X-Clowder-Worker");
            if (text == null) {
                throw new AssertionError("no X-Clowder-Worker in " + this);
            }
            return Worker.of(text);
        }
    }

    /** A worker as {@code --expose-worker} names it. */
    record Worker(int slot, int id) {
        static Worker of(String text) {
            int slash = text.indexOf('/');
            return new Worker(Integer.parseInt(text.substring(0, slash)), Integer.parseInt(text.substring(slash + 1)));
        }
    }

    private HttpConnection(Socket socket) throws IOException {
        this.socket = socket;
        this.in = new BufferedInputStream(socket.getInputStream());
    }

    /** Connects from any loopback address. */
    static HttpConnection open(int port) throws IOException {
        return open(null, port);
    }

    /** Connects from the given local address, for example 127.0.0.2. */
    static HttpConnection open(@Nullable InetAddress from, int port) throws IOException {
        Socket socket = new Socket();
        try {
            if (from != null) {
                socket.bind(new InetSocketAddress(from, 0));
            }
            socket.setTcpNoDelay(true);
            socket.setSoTimeout(TIMEOUT_MILLIS);
            socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), TIMEOUT_MILLIS);
            return new HttpConnection(socket);
        } catch (IOException e) {
            socket.close();
            throw e;
        }
    }

    /** Over a socket that is connected, for example by TLS. */
    static HttpConnection over(Socket connected) throws IOException {
        connected.setSoTimeout(TIMEOUT_MILLIS);
        return new HttpConnection(connected);
    }

    /** Connects and speaks TLS. */
    static HttpConnection tls(int port, SSLSocketFactory tls) throws IOException {
        return tls(null, port, tls);
    }

    /** Connects from the given local address and speaks TLS. */
    static HttpConnection tls(@Nullable InetAddress from, int port, SSLSocketFactory tls) throws IOException {
        HttpConnection plain = open(from, port);
        try {
            return new HttpConnection(tls.createSocket(plain.socket, "localhost", port, true));
        } catch (IOException e) {
            plain.close();
            throw e;
        }
    }

    /** Waits so long for each answer, for pages that are only compiled when somebody asks for them. */
    HttpConnection patient(Duration atMost) throws IOException {
        socket.setSoTimeout((int) atMost.toMillis());
        return this;
    }

    /** Returns what the server has shown; without TLS an error. */
    X509Certificate certificate() throws IOException {
        return (X509Certificate) ((SSLSocket) socket).getSession().getPeerCertificates()[0];
    }

    /** One GET over a connection of its own. */
    static Response fresh(int port, String path, String... headerLines) throws IOException {
        try (HttpConnection connection = open(port)) {
            return connection.get(path, headerLines);
        }
    }

    /** Sends a GET and reads its answer; the connection stays open if the server lets it. */
    Response get(String path, String... headerLines) throws IOException {
        send(head("GET", path, headerLines));
        return read();
    }

    /** A request head with {@code Host: 127.0.0.1:PORT} unless one of the lines is a Host header. */
    String head(String method, String path, String... headerLines) {
        StringBuilder head = new StringBuilder(method + " " + path + " HTTP/1.1\r\n");
        if (List.of(headerLines).stream().noneMatch(line -> line.startsWith("Host:"))) {
            head.append("Host: 127.0.0.1:").append(socket.getPort()).append("\r\n");
        }
        for (String line : headerLines) {
            head.append(line).append("\r\n");
        }
        return head.append("\r\n").toString();
    }

    void send(String text) throws IOException {
        send(text.getBytes(StandardCharsets.ISO_8859_1));
    }

    void send(byte[] bytes) throws IOException {
        socket.getOutputStream().write(bytes);
        socket.getOutputStream().flush();
    }

    /** Returns the port of this side. */
    int localPort() {
        return socket.getLocalPort();
    }

    /**
     * Reads one answer.
     *
     * @throws EOFException if the connection ends before the answer does
     */
    Response read() throws IOException {
        Response head = readHead();
        return new Response(head.status(), head.headers(), readBody(head));
    }

    /** Reads status line and headers, and leaves the body for {@link #readChunk}. */
    Response readHead() throws IOException {
        String statusLine = line();
        Map<String, String> headers = new TreeMap<>();
        for (String line = line(); !line.isEmpty(); line = line()) {
            int colon = line.indexOf(':');
            headers.put(
                    line.substring(0, colon).toLowerCase(Locale.ROOT),
                    line.substring(colon + 1).strip());
        }
        return new Response(Integer.parseInt(statusLine.split(" ", 3)[1]), headers, "");
    }

    private String readBody(Response head) throws IOException {
        if ("chunked".equals(head.header("Transfer-Encoding"))) {
            StringBuilder body = new StringBuilder();
            for (String chunk = readChunk(); !chunk.isEmpty(); chunk = readChunk()) {
                body.append(chunk);
            }
            return body.toString();
        }
        String length = head.header("Content-Length");
        if (length != null) {
            return text(Integer.parseInt(length));
        }
        boolean none = head.status() == 204 || head.status() == 304 || head.status() < 200;
        return none ? "" : new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }

    /** Reads one chunk of a chunked body; the last one is empty. */
    String readChunk() throws IOException {
        String chunk = text(Integer.parseInt(line().strip(), 16));
        line();
        return chunk;
    }

    /** Reads raw bytes, for protocols that are not HTTP any more; fewer if the connection ends before. */
    byte[] readBytes(int length) throws IOException {
        return in.readNBytes(length);
    }

    private String text(int length) throws IOException {
        byte[] bytes = in.readNBytes(length);
        if (bytes.length < length) {
            throw new EOFException(
                    "the connection ended after " + bytes.length + " of " + length + " bytes of the body");
        }
        return new String(bytes, StandardCharsets.UTF_8);
    }

    private String line() throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        for (int b = in.read(); b != '\n'; b = in.read()) {
            if (b < 0) {
                throw new EOFException(
                        "the connection ended inside an answer: " + line.toString(StandardCharsets.UTF_8));
            }
            if (b != '\r') {
                line.write(b);
            }
        }
        return line.toString(StandardCharsets.UTF_8);
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
