package dev.clowder.launcher.check;

import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** Somebody with cookies. Thread-safe. */
final class User {
    private final Map<String, String> cookies = new LinkedHashMap<>();

    /** The header line, empty without cookies. */
    synchronized String header() {
        return cookies.isEmpty()
                ? ""
                : cookies.entrySet().stream()
                        .map(cookie -> cookie.getKey() + "=" + cookie.getValue())
                        .collect(Collectors.joining("; ", "Cookie: ", ""));
    }

    /** Whether a cookie has the look of one of Tomcat's session ids, whatever its name. */
    synchronized boolean hasSession() {
        return cookies.values().stream().anyMatch(value -> value.matches("[0-9A-F]{32}(\\.\\w+)?"));
    }

    synchronized void take(Answer answer) {
        for (String line : answer.all("set-cookie")) {
            String[] pair = line.split(";", 2)[0].split("=", 2);
            String attributes = line.toLowerCase(Locale.ROOT);
            if (attributes.matches(".*;\\s*max-age=0\\b.*") || pair.length < 2 || pair[1].isEmpty()) {
                cookies.remove(pair[0].trim());
            } else {
                cookies.put(pair[0].trim(), pair[1].trim());
            }
        }
    }
}
