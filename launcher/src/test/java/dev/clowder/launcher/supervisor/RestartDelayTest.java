package dev.clowder.launcher.supervisor;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.api.Test;

class RestartDelayTest {
    private final RestartDelay delay = new RestartDelay(new Random(1));

    @Test
    void aStableRunCostsNoWait() {
        assertThat(delay.afterDeath(RestartDelay.STABLE, 0)).isZero();
    }

    @Test
    void theFirstDeathSoonAfterReadyCostsNoWaitAndTheSecondDoes() {
        assertThat(delay.afterDeath(1, 0)).isZero();
        assertThat(delay.afterDeath(1, 0)).isPositive();
    }

    @Test
    void failedStartsWaitLongerAndLongerUpToTheCap() {
        long now = 0;
        long last = delay.afterFailedStart(now);
        assertThat(last).isBetween((long) (0.8 * RestartDelay.FIRST), (long) (1.2 * RestartDelay.FIRST));
        for (int i = 0; i < 20; i++) {
            now += RestartDelay.LOOP_TIME;
            last = delay.afterFailedStart(now);
            assertThat(last).isLessThanOrEqualTo(RestartDelay.CAP);
        }
        assertThat(last).isEqualTo(RestartDelay.CAP);
        assertThat(delay.young()).isEqualTo(21);
        assertThat(delay.quarantined()).isFalse();
    }

    @Test
    void fiveYoungDeathsWithinAMinuteAreACrashLoopUntilAWorkerIsStable() {
        for (int i = 0; i < 4; i++) {
            delay.afterFailedStart(i);
        }
        assertThat(delay.quarantined()).isFalse();
        assertThat(delay.afterDeath(1, RestartDelay.LOOP_TIME)).isEqualTo(RestartDelay.QUARANTINE);
        assertThat(delay.afterFailedStart(2 * RestartDelay.LOOP_TIME)).isEqualTo(RestartDelay.QUARANTINE);
        assertThat(delay.afterDeath(RestartDelay.STABLE, 3 * RestartDelay.LOOP_TIME))
                .isZero();
        assertThat(delay.quarantined()).isFalse();
    }

    @Test
    void aStableRunForgetsEarlierDeaths() {
        delay.afterFailedStart(0);
        delay.afterFailedStart(0);
        delay.afterDeath(RestartDelay.STABLE, 0);
        assertThat(delay.young()).isZero();
    }
}
