package dev.clowder.benchmark;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** Single requests, each over a connection of its own. */
final class Probe {
    private static final String END_OF_HEAD = "\r\n\r\n";
    private static final String SET_COOKIE = "set-cookie:";
    private static final int TIMEOUT_MILLIS = 60_000;
    /** Of those who ask while somebody dies, whose connections nobody may ever answer. */
    private static final int IMPATIENT_MILLIS = 250;

    private static final long AGAIN_NANOS = TimeUnit.MILLISECONDS.toNanos(5);
    /** While others serve, being asked costs them what the one that starts could have. */
    private static final long NOW_AND_THEN_NANOS = TimeUnit.MILLISECONDS.toNanos(20);

    private Probe() {}

    /**
     * Returns the body of an answer.
     *
     * @throws IOException if there is none, or its status is not 200
     */
    static String get(int port, String path) throws IOException {
        return body(answer(port, path));
    }

    private static String body(String answer) {
        return answer.substring(answer.indexOf(END_OF_HEAD) + END_OF_HEAD.length());
    }

    /**
     * Returns the cookie that an answer sets, as {@code name=value}.
     *
     * @throws IOException if there is none
     */
    static String cookie(int port, String path) throws IOException {
        return answer(port, path)
                .lines()
                .filter(line -> line.toLowerCase(Locale.ROOT).startsWith(SET_COOKIE))
                .map(line ->
                        line.substring(SET_COOKIE.length(), line.indexOf(';')).strip())
                .findFirst()
                .orElseThrow(() -> new IOException(path + " sets no cookie"));
    }

    private static String answer(int port, String path) throws IOException {
        return answer(port, path, TIMEOUT_MILLIS);
    }

    private static String answer(int port, String path, int timeoutMillis) throws IOException {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            socket.setSoTimeout(timeoutMillis);
            socket.getOutputStream().write(Http1.request(path, true));
            String answer = new String(socket.getInputStream().readAllBytes(), ISO_8859_1);
            if (!answer.contains(END_OF_HEAD) || !answer.startsWith("HTTP/1.1 200")) {
                throw new IOException(path + ": " + answer.lines().findFirst().orElse("no answer"));
            }
            return answer;
        }
    }

    /**
     * Asks again and again until there is an answer with status 200.
     *
     * @return {@link System#nanoTime} of it
     * @throws IOException if there is none in time, or a process has ended
     */
    static long awaitAnswer(Contender contender, String path, Duration atMost) throws IOException {
        long deadline = System.nanoTime() + atMost.toNanos();
        while (true) {
            try {
                get(contender.ports().plain(), path);
                return System.nanoTime();
            } catch (IOException e) {
                if (System.nanoTime() - deadline > 0 || !contender.isAlive()) {
                    throw new IOException((contender.isAlive() ? "not in time: " : "a process has ended: ") + e, e);
                }
            }
            LockSupport.parkNanos(AGAIN_NANOS);
        }
    }

    /**
     * Asks again and again until there is an answer with status 200 that is none of those.
     *
     * @return {@link System#nanoTime} of it
     * @throws IOException if there is none in time
     */
    static long awaitOther(Contender contender, String path, Set<String> known, Duration atMost) throws IOException {
        long deadline = System.nanoTime() + atMost.toNanos();
        while (System.nanoTime() - deadline < 0) {
            try {
                if (!known.contains(body(answer(contender.ports().plain(), path, IMPATIENT_MILLIS)))) {
                    return System.nanoTime();
                }
            } catch (IOException e) {
                // Of the one that died, or of nobody yet.
            }
            LockSupport.parkNanos(NOW_AND_THEN_NANOS);
        }
        throw new IOException("nobody else answers in time");
    }
}
