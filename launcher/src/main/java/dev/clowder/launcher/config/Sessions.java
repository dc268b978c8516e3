package dev.clowder.launcher.config;

import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
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

    /** What is built. */
    private static final Set<Mode> KNOWN = EnumSet.of(Mode.AUTO, Mode.LOCAL, Mode.STICKY, Mode.REPLICATED);

    /** What {@code --sessions} says; adds to the problems what can't be used. */
    static Sessions read(String text, List<String> problems) {
        Sessions sessions = parse(text);
        // Never all of a URL: it may hold a password.
        String shown = "--sessions " + text.replaceFirst("(?s):.*", ":...");
        if (sessions == null) {
            problems.add(shown + ": use auto, local, sticky or replicated");
            return new Sessions(Mode.AUTO, "");
        }
        if (!KNOWN.contains(sessions.mode)) {
            problems.add(shown + ": not in this version; use auto, local, sticky or replicated");
        }
        return sessions;
    }

    private static @Nullable Sessions parse(String text) {
        for (Mode mode : Mode.values()) {
            if (mode == Mode.JDBC || mode == Mode.REDIS) {
                String scheme = mode == Mode.JDBC ? "jdbc:" : "redis://";
                if (text.startsWith(scheme) && text.length() > scheme.length()) {
                    return new Sessions(mode, text);
                }
            } else if (mode.toString().equals(text.toLowerCase(Locale.ROOT))) {
                return new Sessions(mode, "");
            }
        }
        return null;
    }
}
