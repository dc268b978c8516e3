package dev.clowder.launcher.check;

import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

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
     * There was a reload before one pass, and a worker was killed before another.
     *
     * @param reloaded number of the pass before which all workers were replaced
     * @param killed number of the pass before which one was killed
     */
    void unkind(List<Answer> answers, Map<String, Set<String>> changers, int reloaded, int killed) {
        Map<Integer, Boolean> byReload = new HashMap<>();
        for (int i = 0; i < positions.size(); i++) {
            Replay.Position position = positions.get(i);
            String difference = expected.difference(i, answers.get(i));
            if (difference == null || position.pass() < reloaded || spreading.contains(position.step())) {
                continue;
            }
            boolean afterReload = byReload.computeIfAbsent(position.step(), step -> position.pass() < killed);
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
        for (Finding finding : findings.list()) {
            boolean byMemory = finding.rule() == Rule.MEMORY_DIFFERS
                    && changers.getOrDefault(finding.cause(), Set.of()).contains(step.toString());
            boolean bySession = finding.rule() == Rule.SESSION_NOT_SERIALISABLE && rule == Rule.LOST_BY_RELOAD;
            if (byMemory || bySession) {
                finding.add(line);
                return;
            }
        }
        findings.of(rule, step.method() + " " + step.path()).add(line);
    }
}
