package dev.clowder.launcher.check;

import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * What came back.
 *
 * @param status 0 if nothing came; the body says why
 * @param headers by name in lower case
 * @param body as text
 */
record Answer(int status, Map<String, List<String>> headers, String body) {
    static Answer none(String why) {
        return new Answer(0, Map.of(), why);
    }

    List<String> all(String name) {
        return headers.getOrDefault(name.toLowerCase(Locale.ROOT), List.of());
    }

    /** The first of them, empty if there is none. */
    String header(String name) {
        return all(name).isEmpty() ? "" : all(name).get(0);
    }
}
