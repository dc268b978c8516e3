package dev.clowder.launcher.check;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** One cause of trouble. Evidence is added while the check goes on; not thread-safe. */
final class Finding {
    private static final int MOST_EVIDENCE = 6;

    private final Rule rule;
    private final String cause;
    private final List<String> evidence = new ArrayList<>();
    private boolean known;

    /**
     * @param cause the same each time the same thing is found: a class, an attribute, a request
     */
    Finding(Rule rule, String cause) {
        this.rule = rule;
        this.cause = cause;
    }

    Rule rule() {
        return rule;
    }

    String cause() {
        return cause;
    }

    /** One line of a baseline. */
    String key() {
        return rule.id() + " " + cause;
    }

    List<String> evidence() {
        return Collections.unmodifiableList(evidence);
    }

    void add(String line) {
        if (evidence.size() < MOST_EVIDENCE && !evidence.contains(line)) {
            evidence.add(line);
        }
    }

    /** Whether a baseline has it. */
    boolean known() {
        return known;
    }

    void accept() {
        known = true;
    }
}
