package dev.clowder.launcher.check;

import java.util.Locale;

/**
 * One request of a journey.
 *
 * @param method in capital letters
 * @param target path and query
 * @param contentType of the body, empty without one
 * @param body empty for none
 * @param expected status that a script wants, 0 for any
 */
record Step(String method, String target, String contentType, String body, int expected) {
    static final String FORM = "application/x-www-form-urlencoded";

    Step {
        method = method.toUpperCase(Locale.ROOT);
    }

    static Step get(String target) {
        return new Step("GET", target, "", "", 0);
    }

    /** Without the query, which may hold anything. */
    String path() {
        int query = target.indexOf('?');
        return query < 0 ? target : target.substring(0, query);
    }

    @Override
    public String toString() {
        return method + " " + target;
    }
}
