package dev.clowder.launcher.config;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.net.URI;
import java.net.URISyntaxException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Where the sessions of applications live.
 *
 * @param mode as typed; what {@link Mode#AUTO} means is decided for each application
 * @param url of the engine that keeps them; empty unless the mode names one
 */
public record Sessions(Mode mode, String url) {
    /** What was typed, in lower case; the first part of a URL. */
    public enum Mode {
        /** {@link #REPLICATED} for an application that is distributable, else {@link #STICKY}. */
        AUTO,
        /** In the worker that began it; another one does not know it. */
        LOCAL,
        /** In the slot that began it; its requests travel there. */
        STICKY,
        /** In all workers. */
        REPLICATED,
        /** In a database. */
        JDBC,
        /** In a Redis server. */
        REDIS;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    private static final String USE = "use auto, local, sticky, replicated, jdbc:URL, redis://HOST or rediss://HOST";
    private static final Pattern DATABASE = Pattern.compile("/?|/\\d{1,4}");

    /** What {@code --sessions} says; adds to the problems what can't be used. */
    static Sessions read(String text, boolean installed, List<String> problems) {
        Sessions sessions = parse(text);
        // Never all of a URL: it may hold a password.
        String shown = "--sessions " + text.replaceFirst("(?s):.*", ":...");
        if (sessions == null) {
            problems.add(shown + ": " + USE);
            return new Sessions(Mode.AUTO, "");
        }
        String problem = switch (sessions.mode) {
            case JDBC -> problemOfDatabase(text, installed);
            case REDIS -> problemOfRedis(text);
            case AUTO, LOCAL, STICKY, REPLICATED -> null;
        };
        if (problem != null) {
            problems.add(shown + ": " + problem);
        }
        return sessions;
    }

    private static @Nullable Sessions parse(String text) {
        String lower = text.toLowerCase(Locale.ROOT);
        for (Mode mode : Mode.values()) {
            if (mode != Mode.JDBC && mode != Mode.REDIS && mode.toString().equals(lower)) {
                return new Sessions(mode, "");
            }
        }
        if (lower.startsWith("jdbc:")) {
            return new Sessions(Mode.JDBC, text);
        }
        return lower.startsWith("redis://") || lower.startsWith("rediss://") ? new Sessions(Mode.REDIS, text) : null;
    }

    private static @Nullable String problemOfDatabase(String url, boolean installed) {
        if (!url.matches("jdbc:[a-z0-9]+:.+")) {
            return "use a URL such as jdbc:postgresql://HOST/DATABASE?user=NAME&password=SECRET";
        }
        return installed || url.startsWith("jdbc:postgresql:")
                ? null
                : "only the driver of PostgreSQL is here (jdbc:postgresql:); another one is taken from the lib of an"
                        + " installed Tomcat, with --catalina-base";
    }

    private static @Nullable String problemOfRedis(String url) {
        try {
            URI uri = new URI(url);
            if (uri.getHost() != null
                    && uri.getPort() <= 65535
                    && uri.getPort() != 0
                    && uri.getQuery() == null
                    && uri.getFragment() == null
                    && DATABASE.matcher(uri.getPath()).matches()) {
                return null;
            }
        } catch (URISyntaxException e) {
            // Its message has all of the URL.
        }
        return "use a URL such as redis://USER:SECRET@HOST:6379/0, or rediss:// for TLS; signs in USER and SECRET that"
                + " mean something in a URL are written as %40 and the like";
    }

    /** Another one for other sessions; what is secret in the URL can't be read from it. */
    public String fingerprint() {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(url.getBytes(UTF_8));
            return mode + " " + HexFormat.of().formatHex(digest);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has it", e);
        }
    }

    /** Without what is secret in the URL. */
    @Override
    public String toString() {
        return url.isEmpty() ? mode.toString() : mode + ":...";
    }
}
