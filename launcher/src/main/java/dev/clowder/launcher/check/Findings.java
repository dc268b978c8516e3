package dev.clowder.launcher.check;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What was found, and what was not looked at. Not thread-safe. */
final class Findings {
    /** What the check says about a rule. */
    enum Verdict {
        OK("ok"),
        FOUND("found"),
        KNOWN("known"),
        NOT_LOOKED_AT("not looked at");

        private final String text;

        Verdict(String text) {
            this.text = text;
        }

        @Override
        public String toString() {
            return text;
        }
    }

    private final Map<String, Finding> all = new LinkedHashMap<>();
    private final Map<Rule, String> blind = new EnumMap<>(Rule.class);
    private final Set<Rule> settled = EnumSet.noneOf(Rule.class);

    /** The one finding of this cause; made if it is the first time. */
    Finding of(Rule rule, String cause) {
        Finding finding = new Finding(rule, cause.replaceAll("\\s+", " ").trim());
        return all.computeIfAbsent(finding.key(), key -> finding);
    }

    void notLookedAt(Rule rule, String why) {
        blind.putIfAbsent(rule, why);
    }

    /** All that belongs to these rules was done. */
    void settled(Rule... rules) {
        settled.addAll(Arrays.asList(rules));
    }

    /** The check ends before its time: what was not settled was not looked at. */
    void unfinished(String why) {
        for (Rule rule : Rule.values()) {
            if (!settled.contains(rule)) {
                notLookedAt(rule, why);
            }
        }
    }

    boolean has(Rule rule) {
        return all.values().stream().anyMatch(finding -> finding.rule() == rule);
    }

    /** The most telling first. */
    List<Finding> list() {
        List<Finding> sorted = new ArrayList<>(all.values());
        sorted.sort(Comparator.comparing(Finding::rule));
        return sorted;
    }

    List<Finding> unknown() {
        return list().stream().filter(finding -> !finding.known()).toList();
    }

    Verdict verdict(Rule rule) {
        if (unknown().stream().anyMatch(finding -> finding.rule() == rule)) {
            return Verdict.FOUND;
        }
        if (has(rule)) {
            return Verdict.KNOWN;
        }
        return blind.containsKey(rule) ? Verdict.NOT_LOOKED_AT : Verdict.OK;
    }

    /** Why a rule was not looked at; empty if it was. */
    String why(Rule rule) {
        return has(rule) ? "" : blind.getOrDefault(rule, "");
    }
}
