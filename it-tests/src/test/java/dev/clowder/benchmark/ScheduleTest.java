package dev.clowder.benchmark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class ScheduleTest {
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

    @Test
    void requestsAreDueAtEvenDistancesAndDoNotDrift() {
        Schedule schedule = new Schedule(6_400);

        assertThat(schedule.due(0)).isZero();
        assertThat(schedule.due(1)).isEqualTo(156_250);
        assertThat(schedule.due(6_400 * 3_600L)).isEqualTo(3_600 * SECOND);
        assertThat(new Schedule(3).due(3_000_000)).isEqualTo(1_000_000 * SECOND);
    }

    @Test
    void thoseThatAreDueBeforeTheEndAreCounted() {
        assertThat(new Schedule(6_400).count(3 * SECOND)).isEqualTo(19_200);
        assertThat(new Schedule(0.3).count(3 * SECOND)).isEqualTo(1);
        Schedule odd = new Schedule(700);
        assertThat(odd.due(odd.count(SECOND) - 1)).isLessThan(SECOND);
        assertThat(odd.due(odd.count(SECOND))).isGreaterThanOrEqualTo(SECOND);
    }

    @Test
    void aSlowMachineIsAskedForTwoThirdsOfWhatItsSlowestSystemCan() {
        assertThat(Schedule.within(6_400, List.of(60_000.0, 14_000.0))).isEqualTo(new Schedule(6_400));
        assertThat(Schedule.within(6_400, List.of(60_000.0, 5_190.0))).isEqualTo(new Schedule(3_400));
        assertThat(Schedule.within(6_400, List.of(90.0))).isEqualTo(new Schedule(100));
        assertThat(Schedule.within(6_400, List.of())).isEqualTo(new Schedule(6_400));
    }

    @Test
    void thereIsNoRateOfNothing() {
        assertThatIllegalArgumentException().isThrownBy(() -> new Schedule(0));
        assertThatIllegalArgumentException().isThrownBy(() -> new Schedule(Double.NaN));
    }
}
