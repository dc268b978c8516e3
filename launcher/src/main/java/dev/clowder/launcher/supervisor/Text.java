package dev.clowder.launcher.supervisor;

import java.util.Locale;

/** Figures as log lines show them. */
final class Text {
    private Text() {}

    /** {@code 1.3 s}. */
    static String seconds(long nanos) {
        return String.format(Locale.ROOT, "%.1f s", nanos / 1e9);
    }
}
