package dev.clowder.launcher.check;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * One connection to the cluster, HTTP/1.1. Java's own client does not say which connection a request takes, and here the
 * connection decides which worker gets it. Not thread-safe.
 */
final class HttpConnection implements Closeable {
    private static final int MOST_BYTES = 1 << 20;

    private final Socket socket;
    private final byte[] buffer = new byte[16 * 1024];
    private int at;
    private int end;
    private final long patience;
    private long deadline;

    private HttpConnection(Socket socket, long patienceSeconds) {
        this.socket = socket;
        this.patience = TimeUnit.SECONDS.toNanos(patienceSeconds);
    }

    /**
     * Connects to a port of this machine.
     *
     * @param patienceSeconds until an answer must have ended
     */
    static HttpConnection open(int port, long patienceSeconds) throws IOException {
        Socket socket = new Socket();
        try {
            socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 10_000);
            socket.setTcpNoDelay(true);
            return new HttpConnection(socket, patienceSeconds);
        } catch (IOException e) {
            socket.close();
            throw e;
        }
    }

    /**
     * Sends a request and reads its answer.
     *
     * @param headers whole lines; {@code Host} is added if none of them is one
     * @throws IOException if the connection ended, the answer did not within its time, or it is longer than a megabyte
     */
    Answer exchange(Step step, List<String> headers) throws IOException {
        StringBuilder head = new StringBuilder(step.method()).append(' ').append(step.target());
        head.append(" HTTP/1.1\r\n");
        if (headers.stream().noneMatch(line -> line.startsWith("Host:"))) {
            head.append("Host: 127.0.0.1:").append(socket.getPort()).append("\r\n");
        }
        headers.forEach(line -> head.append(line).append("\r\n"));
        byte[] body = step.body().getBytes(UTF_8);
        if (body.length > 0 || step.method().equals("POST") || step.method().equals("PUT")) {
            head.append("Content-Length: ").append(body.length).append("\r\n");
        }
        if (!step.contentType().isEmpty()) {
            head.append("Content-Type: ").append(step.contentType()).append("\r\n");
        }
        ByteArrayOutputStream request = new ByteArrayOutputStream();
        request.write(head.append("\r\n").toString().getBytes(ISO_8859_1));
        request.write(body);
        socket.getOutputStream().write(request.toByteArray());
        deadline = System.nanoTime() + patience;
        return read(step.method());
    }

    private Answer read(String method) throws IOException {
        while (true) {
            String[] first = line().split(" ", 3);
            if (first.length < 2 || !first[1].matches("\\d{3}")) {
                throw new IOException("not an HTTP answer");
            }
            int status = Integer.parseInt(first[1]);
            Map<String, List<String>> headers = headers();
            if (status >= 200) {
                boolean bodiless = method.equals("HEAD") || status == 204 || status == 304;
                String body = bodiless ? "" : new String(body(headers), UTF_8);
                return new Answer(status, headers, body);
            }
            if (status == 101) {
                return new Answer(status, headers, "");
            }
        }
    }

    private Map<String, List<String>> headers() throws IOException {
        Map<String, List<String>> headers = new LinkedHashMap<>();
        for (String line = line(); !line.isEmpty(); line = line()) {
            int colon = line.indexOf(':');
            String name = line.substring(0, Math.max(0, colon)).toLowerCase(Locale.ROOT);
            headers.computeIfAbsent(name, any -> new ArrayList<>())
                    .add(line.substring(colon + 1).trim());
        }
        return headers;
    }

    private byte[] body(Map<String, List<String>> headers) throws IOException {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        String length = headers.getOrDefault("content-length", List.of("")).get(0);
        if (headers.containsKey("transfer-encoding")) {
            for (int size = chunk(); size > 0; size = chunk()) {
                copy(size, body);
                line();
            }
            headers();
        } else if (!length.isEmpty()) {
            copy(number(length, 10), body);
        } else {
            for (int b = next(); b >= 0; b = next()) {
                body.write(b);
                limit(body);
            }
        }
        return body.toByteArray();
    }

    private int chunk() throws IOException {
        return number(line().replaceFirst(";.*", "").trim(), 16);
    }

    private static int number(String text, int radix) throws IOException {
        long number;
        try {
            number = Long.parseLong(text, radix);
        } catch (NumberFormatException e) {
            throw new IOException("not an HTTP answer", e);
        }
        if (number < 0 || number > MOST_BYTES) {
            throw new IOException("an answer of more than 1 MB");
        }
        return (int) number;
    }

    private void copy(int length, ByteArrayOutputStream body) throws IOException {
        for (int i = 0; i < length; i++) {
            int b = next();
            if (b < 0) {
                throw new EOFException("the connection ended in the middle of an answer");
            }
            body.write(b);
            limit(body);
        }
    }

    private static void limit(ByteArrayOutputStream body) throws IOException {
        if (body.size() > MOST_BYTES) {
            throw new IOException("an answer of more than 1 MB");
        }
    }

    private String line() throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        for (int b = next(); b != '\n'; b = next()) {
            if (b < 0) {
                throw new EOFException("the connection ended without an answer");
            }
            line.write(b);
            limit(line);
        }
        return line.toString(ISO_8859_1).stripTrailing();
    }

    private int next() throws IOException {
        if (at == end) {
            fill();
        }
        return at < end ? buffer[at++] & 0xff : -1;
    }

    private void fill() throws IOException {
        long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
        String late = "no end within " + TimeUnit.NANOSECONDS.toSeconds(patience) + " s";
        if (left <= 0) {
            throw new SocketTimeoutException(late);
        }
        socket.setSoTimeout((int) left);
        try {
            at = 0;
            end = Math.max(0, socket.getInputStream().read(buffer));
        } catch (SocketTimeoutException e) {
            throw new SocketTimeoutException(late);
        }
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
