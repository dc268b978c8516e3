package dev.clowder.launcher.supervisor;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.api.Test;

class RestartDelayTest {
    private final RestartDelay delay = new RestartDelay(new Random(1));

    @Test
    void aStableRunCostsNoWait() {
        assertThat(delay.afterDeath(RestartDelay.STABLE)).isZero();
    }

    @Test
    void theFirstDeathSoonAfterReadyCostsNoWaitAndTheSecondDoes() {
        assertThat(delay.afterDeath(1)).isZero();
        assertThat(delay.afterDeath(1)).isPositive();
    }

    @Test
    void failedStartsWaitLongerAndLongerUpToTheCap() {
        long first = delay.afterFailedStart();
        assertThat(first).isBetween((long) (0.8 * RestartDelay.FIRST), (long) (1.2 * RestartDelay.FIRST));
        long last = 0;
        for (int i = 0; i < 20; i++) {
            last = delay.afterFailedStart();
            assertThat(last).isLessThanOrEqualTo(RestartDelay.CAP);
        }
        assertThat(last).isEqualTo(RestartDelay.CAP);
        assertThat(delay.young()).isEqualTo(21);
    }

    @Test
    void aStableRunForgetsEarlierDeaths() {
        delay.afterFailedStart();
        delay.afterFailedStart();
        delay.afterDeath(RestartDelay.STABLE);
        assertThat(delay.young()).isZero();
    }
}
