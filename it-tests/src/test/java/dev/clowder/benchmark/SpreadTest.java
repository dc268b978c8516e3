package dev.clowder.benchmark;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class SpreadTest {
    @Test
    void theMedianIsTheOneInTheMiddleOrBetweenTheTwoThere() {
        assertThat(Spread.of(3, 1, 2)).isEqualTo(new Spread(2, 1, 3));
        assertThat(Spread.of(4, 1, 3, 2)).isEqualTo(new Spread(2.5, 1, 4));
        assertThat(Spread.of(7)).isEqualTo(new Spread(7, 7, 7));
    }

    @Test
    void ratiosAreThoseOfTheSameRound() {
        // Both were twice as slow in the second round: the machine was, not one of them.
        assertThat(Spread.ofRatios(new double[] {5, 10, 6}, new double[] {10, 20, 10}))
                .isEqualTo(new Spread(0.5, 0.5, 0.6));
    }

    @Test
    void roundsThatOneOfThemDidNotDoHaveNoRatio() {
        assertThat(Spread.ofRatios(new double[] {5, 10}, new double[] {10})).isEqualTo(new Spread(0.5, 0.5, 0.5));
        assertThat(Spread.ofRatios(new double[0], new double[] {1}).text(2)).isEqualTo("-");
    }

    @Test
    void theTextHasTheMedianAndHowFarTheRoundsAreApart() {
        assertThat(Spread.of(0.549, 0.52, 0.61).text(2)).isEqualTo("0.55 (0.52..0.61)");
        assertThat(Spread.of(12_345.6).text(0)).isEqualTo("12346 (12346..12346)");
        assertThat(Spread.of(1, Double.POSITIVE_INFINITY).text(2)).isEqualTo("-");
    }
}
