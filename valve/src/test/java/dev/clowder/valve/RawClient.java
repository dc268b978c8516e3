package dev.clowder.valve;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** One connection on which a test writes requests byte by byte as it likes and reads the answers. */
final class RawClient implements AutoCloseable {

    /** An answer; what the test application told is in {@link #seen}. */
    record Reply(int status, Map<String, String> headers, String body) {

        /** What the application saw, null if it said nothing of it. */
        @org.jspecify.annotations.Nullable
        String seen(String key) {
            return body.lines()
                    .filter(line -> line.startsWith(key + "="))
                    .map(line -> line.substring(key.length() + 1))
                    .findFirst()
                    .orElse(null);
        }
    }

    private final Socket socket = new Socket();

    /** @param from the address the client has, any of 127.0.0.0/8 on Linux */
    RawClient(String from, int port) throws IOException {
        this(from, port, new byte[0]);
    }

    /** @param before bytes that come before HTTP */
    @SuppressWarnings("AddressSelection") // A literal has one address.
    RawClient(String from, int port, byte[] before) throws IOException {
        socket.bind(new InetSocketAddress(InetAddress.getByName(from), 0));
        socket.connect(new InetSocketAddress("127.0.0.1", port), 10_000);
        socket.setSoTimeout(20_000);
        socket.getOutputStream().write(before);
    }

    /** Sends a GET with one more header line over any other channel and reads the answer. */
    static Reply get(SocketChannel channel, String line) throws IOException {
        String request = "GET / HTTP/1.1\r\nHost: app.internal\r\n" + line + "\r\n\r\n";
        Channels.newOutputStream(channel).write(request.getBytes(StandardCharsets.US_ASCII));
        return read(Channels.newInputStream(channel));
    }

    int localPort() {
        return socket.getLocalPort();
    }

    /** Sends a GET for {@code app.internal:8080} with more header lines and reads the answer. */
    Reply get(String path, String... lines) throws IOException {
        List<String> all = new ArrayList<>(List.of("Host: app.internal:8080"));
        all.addAll(List.of(lines));
        return send(path, all);
    }

    /** Sends a GET with these header lines, as UTF-8, and reads the answer. */
    Reply send(String path, List<String> lines) throws IOException {
        StringBuilder request = new StringBuilder("GET " + path + " HTTP/1.1\r\n");
        for (String line : lines) {
            request.append(line).append("\r\n");
        }
        socket.getOutputStream().write(request.append("\r\n").toString().getBytes(StandardCharsets.UTF_8));
        return reply();
    }

    /** Sends a text, a byte for each char, and reads the answer. */
    Reply sendRaw(String request) throws IOException {
        socket.getOutputStream().write(request.getBytes(StandardCharsets.ISO_8859_1));
        return reply();
    }

    /** Reads the next answer. */
    Reply reply() throws IOException {
        return read(socket.getInputStream());
    }

    static Reply read(InputStream in) throws IOException {
        int status = Integer.parseInt(line(in).split(" ", 3)[1]);
        Map<String, String> headers = new TreeMap<>();
        for (String line = line(in); !line.isEmpty(); line = line(in)) {
            int colon = line.indexOf(':');
            headers.put(
                    line.substring(0, colon).toLowerCase(Locale.ROOT),
                    line.substring(colon + 1).trim());
        }
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        if ("chunked".equals(headers.get("transfer-encoding"))) {
            for (int size = chunk(in); size > 0; size = chunk(in)) {
                body.write(in.readNBytes(size));
                line(in);
            }
            line(in);
        } else {
            body.write(in.readNBytes(Integer.parseInt(headers.getOrDefault("content-length", "0"))));
        }
        return new Reply(status, headers, body.toString(StandardCharsets.UTF_8));
    }

    private static int chunk(InputStream in) throws IOException {
        return Integer.parseInt(line(in), 16);
    }

    private static String line(InputStream in) throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        for (int b = in.read(); b != '\n'; b = in.read()) {
            if (b < 0) {
                throw new EOFException("closed after: " + line);
            }
            if (b != '\r') {
                line.write(b);
            }
        }
        return line.toString(StandardCharsets.ISO_8859_1);
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
