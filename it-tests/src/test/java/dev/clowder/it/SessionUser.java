package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.it.HttpConnection.Response;
import java.io.IOException;
import java.time.Duration;

/** A browser with one cookie, that of its session. For one thread at a time. */
final class SessionUser {
    private static final Duration SOON = Duration.ofSeconds(90);

    private final int port;
    private String cookie = "";

    SessionUser(int port) {
        this.port = port;
    }

    /** A user whose session began in this slot; {@code path} begins it. */
    static SessionUser in(int slot, int port, String path) throws IOException {
        for (long end = System.nanoTime() + SOON.toNanos(); System.nanoTime() < end; ) {
            SessionUser user = new SessionUser(port);
            user.get(path);
            if (user.slot() == slot) {
                return user;
            }
        }
        throw new AssertionError("no session began in slot " + slot);
    }

    /** One GET over a connection of its own. */
    Response get(String path) throws IOException {
        try (HttpConnection connection = HttpConnection.open(port)) {
            return get(connection, path);
        }
    }

    /** One GET over this connection. */
    Response get(HttpConnection connection, String path) throws IOException {
        return seen(connection.get(path, cookieLine()));
    }

    /** Takes the cookie of an answer. */
    Response seen(Response response) {
        assertThat(response.status()).as(response.toString()).isEqualTo(200);
        tookCookie(response);
        return response;
    }

    /** The same, whatever the answer is. */
    void tookCookie(Response response) {
        String set = response.header("Set-Cookie");
        if (set != null && set.startsWith("JSESSIONID=")) {
            cookie = set.substring(0, set.indexOf(';'));
        }
    }

    String cookieLine() {
        return cookie.isEmpty() ? "X-No-Cookie: yet" : "Cookie: theme=dark; " + cookie;
    }

    /** The session id; empty if there is none. */
    String id() {
        return cookie.substring(cookie.indexOf('=') + 1);
    }

    /** The slot that the session id names. */
    int slot() {
        return Integer.parseInt(cookie.substring(cookie.lastIndexOf('.') + 1));
    }
}
