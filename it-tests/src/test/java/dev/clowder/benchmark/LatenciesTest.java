package dev.clowder.benchmark;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class LatenciesTest {
    private static Latencies millis(int first, int last) {
        Latencies latencies = new Latencies();
        for (int millis = last; millis >= first; millis--) {
            latencies.add(millis * 1_000_000L);
        }
        return latencies;
    }

    @Test
    void aPercentileIsATimeThatWasSeenAndThatSoManyAnswersDidNotExceed() {
        Latencies latencies = millis(1, 10_000);

        assertThat(latencies.millis(0.5)).isEqualTo(5_000);
        assertThat(latencies.millis(0.99)).isEqualTo(9_900);
        assertThat(latencies.millis(0.999)).isEqualTo(9_990);
        assertThat(latencies.millis(1)).isEqualTo(10_000);
        assertThat(latencies.count()).isEqualTo(10_000);
    }

    @Test
    void ofFewAnswersTheRareOnesAreTheSlowest() {
        assertThat(millis(1, 3).millis(0.5)).isEqualTo(2);
        assertThat(millis(1, 3).millis(0.999)).isEqualTo(3);
        assertThat(millis(7, 7).millis(0.5)).isEqualTo(7);
    }

    @Test
    void anAnswerThatComesAfterTheQuestionCountsInTheNextOne() {
        Latencies latencies = millis(1, 3);
        assertThat(latencies.millis(1)).isEqualTo(3);

        latencies.add(9_000_000);

        assertThat(latencies.millis(1)).isEqualTo(9);
    }

    @Test
    void withoutAnswersThereIsNoTime() {
        assertThat(new Latencies().millis(0.5)).isNaN();
    }
}
