package dev.clowder.launcher.check;

import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * Turns differing answers into findings. One that a finding explains already becomes evidence of that: a request that
 * changes a value in memory, a session that could not move. Of the others each request is one cause.
 */
final class Comparison {
    private final List<Step> journey;
    private final List<Replay.Position> positions;
    private final Expectation expected;
    private final Findings findings;
    /** Requests whose answers were found to depend on the worker, whatever is done to it. */
    private final Set<Integer> spreading = new HashSet<>();

    Comparison(List<Step> journey, Expectation expected, Findings findings) {
        this.journey = journey;
        this.positions = Replay.positions(journey);
        this.expected = expected;
        this.findings = findings;
    }

    /**
     * Names the requests of which no answer can be compared. If that are all, nothing is known of what comparing finds.
     *
     * @param leftOut gets a line for each
     */
    void obstacles(List<String> leftOut) {
        Map<Integer, String> obstacles = new TreeMap<>();
        Set<Integer> comparable = new HashSet<>();
        for (int i = 0; i < positions.size(); i++) {
            String obstacle = expected.obstacle(i);
            int step = positions.get(i).step();
            if (obstacle == null) {
                comparable.add(step);
            } else {
                obstacles.putIfAbsent(step, obstacle);
            }
        }
        obstacles.keySet().removeAll(comparable);
        obstacles.forEach((step, obstacle) -> leftOut.add(journey.get(step) + ": not compared, " + obstacle));
        if (comparable.isEmpty()) {
            for (Rule rule : List.of(Rule.ANSWER_DIFFERS, Rule.TOGETHER, Rule.LOST_BY_RELOAD, Rule.LOST_WITH_WORKER)) {
                findings.notLookedAt(rule, "no answer can be compared");
            }
        }
    }

    /** Each request went to another worker. */
    void spread(List<Answer> answers, Map<String, Set<String>> changers) {
        for (int i = 0; i < positions.size(); i++) {
            String difference = expected.difference(i, answers.get(i));
            if (difference != null) {
                report(Rule.ANSWER_DIFFERS, i, difference + " with each request at another worker", changers);
                spreading.add(positions.get(i).step());
            }
        }
    }

    /** The two requests of a pair came at the same moment: one may have been first, or the other. */
    void together(List<Answer> answers, Map<String, Set<String>> changers) {
        for (int i = 0; i + 1 < positions.size(); i++) {
            if (positions.get(i + 1).repetition() != 1
                    || spreading.contains(positions.get(i).step())) {
                continue;
            }
            String difference = expected.difference(i, answers.get(i));
            String other = expected.difference(i + 1, answers.get(i + 1));
            boolean swapped = expected.difference(i, answers.get(i + 1)) == null
                    && expected.difference(i + 1, answers.get(i)) == null;
            if ((difference != null || other != null) && !swapped) {
                report(
                        Rule.TOGETHER,
                        i,
                        (difference == null ? other : difference) + " when it is sent twice at once",
                        changers);
            }
        }
    }

    /**
     * There was a reload before one request, and a worker was killed before another.
     *
     * @param reloaded where all workers were replaced
     * @param killed where one was killed, later
     */
    void unkind(
            List<Answer> answers, Map<String, Set<String>> changers, Replay.Position reloaded, Replay.Position killed) {
        Map<Integer, Boolean> byReload = new HashMap<>();
        int kill = positions.indexOf(killed);
        for (int i = positions.indexOf(reloaded); i < positions.size(); i++) {
            int step = positions.get(i).step();
            String difference = expected.difference(i, answers.get(i));
            if (difference == null || spreading.contains(step)) {
                continue;
            }
            boolean beforeKill = i < kill;
            boolean afterReload = byReload.computeIfAbsent(step, any -> beforeKill);
            report(
                    afterReload ? Rule.LOST_BY_RELOAD : Rule.LOST_WITH_WORKER,
                    i,
                    difference + (afterReload ? " after a reload" : " after its worker was killed"),
                    changers);
        }
    }

    private void report(Rule rule, int position, String what, Map<String, Set<String>> changers) {
        Step step = journey.get(positions.get(position).step());
        String line = step + " answers " + what;
        String request = step.method() + " " + step.path();
        for (Finding finding : findings.list()) {
            boolean byMemory = finding.rule() == Rule.MEMORY_DIFFERS
                    && changers.getOrDefault(finding.cause(), Set.of()).contains(step.toString());
            boolean bySession = finding.rule() == Rule.SESSION_NOT_SERIALISABLE && rule == Rule.LOST_BY_RELOAD;
            if (byMemory || bySession) {
                finding.explain(new Finding.Effect(rule, request, line));
                return;
            }
        }
        findings.of(rule, request).add(line);
    }
}
