package dev.clowder.launcher.check;

import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.launcher.wire.Observed;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class InspectionTest {
    private static final Map<String, Set<String>> CHANGED = Map.of("Shop.hits", Set.of("GET /"));

    private final Findings findings = new Findings();

    /** The values of these workers, after a single one came from none to five. */
    private void memory(Map<String, Set<String>> changers, int... spread) {
        List<Observed> workers = new ArrayList<>();
        for (int i = 0; i < spread.length; i++) {
            workers.add(new Observed(
                    i + 1, List.of(), hits(spread[i]), List.of(), List.of(), List.of(), List.of(), Map.of()));
        }
        new Inspection(findings, false).memory(hits(0), hits(5), hits(5), workers, changers);
    }

    private static Map<String, String> hits(int number) {
        return Map.of("Shop.hits", String.valueOf(number));
    }

    @Test
    void aValueThatIsAnotherOneInEachWorkerIsFound() {
        memory(CHANGED, 3, 2);
        assertThat(findings.list()).singleElement().extracting(Finding::key).isEqualTo("memory-differs Shop.hits");
    }

    @Test
    void withMoreWorkersOneThatCountsIsFoundToo() {
        memory(CHANGED, 2, 2, 1);
        assertThat(findings.has(Rule.MEMORY_DIFFERS)).isTrue();
    }

    @Test
    void aCacheThatIsFullAfterTheFirstRequestsIsNoneOnlyBecauseAWorkerGotNotAllOfThem() {
        memory(Map.of(), 5, 3, 5);
        assertThat(findings.has(Rule.MEMORY_DIFFERS)).isFalse();
    }
}
