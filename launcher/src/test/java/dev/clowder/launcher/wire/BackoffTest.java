package dev.clowder.launcher.wire;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class BackoffTest {
    @Test
    void failure14WaitsGrowFrom50MillisecondsTo1600AndBeginAgainAfterSuccess() {
        Backoff backoff = new Backoff();
        assertThat(waits(backoff)).containsExactly(50, 100, 200, 400, 800, 1600, 1600);
        backoff.reset();
        assertThat(waits(backoff)).startsWith(50, 100);
    }

    private static long[] waits(Backoff backoff) {
        return LongStream.generate(() -> TimeUnit.NANOSECONDS.toMillis(backoff.afterFailure()))
                .limit(7)
                .toArray();
    }
}
