package dev.clowder.valve;

import org.jspecify.annotations.Nullable;

/** The protocols a proxy may report. Applications know WebSocket requests as http and https. */
enum Scheme {
    HTTP("http", "http", false),
    HTTPS("https", "https", true),
    WS("ws", "http", false),
    WSS("wss", "https", true);

    private static final Scheme[] ALL = values();

    private final String written;
    /** What {@code getScheme} returns. */
    final String text;

    final boolean secure;

    Scheme(String written, String text, boolean secure) {
        this.written = written;
        this.text = text;
        this.secure = secure;
    }

    /** The scheme in {@code text[from, to)} in any case, or null. */
    static @Nullable Scheme parse(CharSequence text, int from, int to) {
        for (Scheme scheme : ALL) {
            if (Hop.equalsIgnoreCase(text, from, to, scheme.written)) {
                return scheme;
            }
        }
        return null;
    }

    static int defaultPort(String scheme) {
        return scheme.equals("https") ? 443 : 80;
    }
}
