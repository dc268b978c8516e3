package dev.clowder.launcher.worker.loop;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.util.Locale;
import javax.net.ssl.SSLContext;

/** One kept-alive connection; whoever is not answered within a minute is lost. */
final class LoopClient implements AutoCloseable {
    private static final int LOST_MILLIS = 60_000;

    private final Socket socket;
    private final InputStream in;

    /** A response, its body as text. */
    record Answer(int status, String body) {}

    LoopClient(int port) throws IOException {
        this(new Socket(InetAddress.getLoopbackAddress(), port));
    }

    /** Over TLS. */
    LoopClient(int port, SSLContext tls) throws IOException {
        this(tls.getSocketFactory().createSocket(InetAddress.getLoopbackAddress(), port));
    }

    private LoopClient(Socket socket) throws IOException {
        this.socket = socket;
        socket.setTcpNoDelay(true);
        socket.setSoTimeout(LOST_MILLIS);
        in = new BufferedInputStream(socket.getInputStream(), 1 << 16);
    }

    LoopClient send(String text) throws IOException {
        socket.getOutputStream().write(text.getBytes(ISO_8859_1));
        return this;
    }

    LoopClient ask(String path) throws IOException {
        return send("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    }

    /** Whether anything has come that was not read yet. */
    boolean hasAnswer() throws IOException {
        return in.available() > 0;
    }

    Answer get(String path) throws IOException {
        return ask(path).answer();
    }

    Answer answer() throws IOException {
        String[] status = line().split(" ", 3);
        int length = 0;
        boolean chunked = false;
        for (String line = line(); !line.isEmpty(); line = line()) {
            String lower = line.toLowerCase(Locale.ROOT);
            if (lower.startsWith("content-length:")) {
                length = Integer.parseInt(line.substring(15).strip());
            }
            chunked |= lower.equals("transfer-encoding: chunked");
        }
        return new Answer(Integer.parseInt(status[1]), chunked ? chunks() : body(length));
    }

    String body(int length) throws IOException {
        byte[] body = in.readNBytes(length);
        if (body.length < length) {
            throw new EOFException("the connection ended in a body");
        }
        return new String(body, ISO_8859_1);
    }

    private String chunks() throws IOException {
        StringBuilder all = new StringBuilder();
        int size = Integer.parseInt(line(), 16);
        while (size > 0) {
            all.append(body(size));
            line();
            size = Integer.parseInt(line(), 16);
        }
        line();
        return all.toString();
    }

    String line() throws IOException {
        StringBuilder line = new StringBuilder();
        for (int c = in.read(); c != '\n'; c = in.read()) {
            if (c < 0) {
                throw new EOFException("the connection ended after \"" + line + "\"");
            }
            if (c != '\r') {
                line.append((char) c);
            }
        }
        return line.toString();
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
