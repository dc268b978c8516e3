package dev.clowder.launcher.check;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** One cause of trouble. Evidence is added while the check goes on; not thread-safe. */
final class Finding {
    private static final int MOST_EVIDENCE = 6;

    private final Rule rule;
    private final String cause;
    private final List<String> evidence = new ArrayList<>();
    private final Map<String, Effect> effects = new LinkedHashMap<>();
    private boolean known;

    /** An answer that differs because of this; by itself it would be a finding of that rule. */
    record Effect(Rule rule, String request, String line) {}

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

    /** Takes an answer that this explains as evidence. */
    void explain(Effect effect) {
        add(effect.line());
        effects.putIfAbsent(effect.request(), effect);
    }

    /** The answers that it explains, one for each request. */
    List<Effect> effects() {
        return List.copyOf(effects.values());
    }

    /** The line of a baseline for one of them. */
    String key(Effect effect) {
        return key() + " => " + effect.request();
    }

    /** Whether a baseline has it. */
    boolean known() {
        return known;
    }

    void accept() {
        known = true;
    }
}
