package dev.clowder.launcher.worker;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

@DisplayName("failure 6: a heap that is exhausted without an OutOfMemoryError is found, and nothing else is")
class HeapWatchTest {
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

    private long now = -5 * SECOND;
    private long collected = 100_000;
    private double old = 0.99;

    private final HeapWatch watch = new HeapWatch(new HeapWatch.Source() {
        @Override
        public long collectionMillis() {
            return collected;
        }

        @Override
        public double oldShare() {
            return old;
        }
    });

    @Test
    void fifteenSecondsOfNothingButCollectingAreTheEnd() {
        assertThat(watch.look(now)).isNull();
        for (int second = 1; second < 15; second++) {
            assertThat(pass(1, 950)).isNull();
        }
        assertThat(pass(1, 950))
                .isEqualTo("heap exhausted: 95 % of the last 15 s went into collecting garbage, and 99 % of the old"
                        + " generation stayed in use");
    }

    @Test
    void aCrawlingProcessLooksSeldomAndIsFoundAllTheSame() {
        watch.look(now);
        assertThat(pass(9, 8_900)).isNull();
        assertThat(pass(9, 8_900)).startsWith("heap exhausted: 99 % of the last 18 s");
    }

    @Test
    void aLongFullCollectionThatFreesTheHeapIsNotTheEnd() {
        watch.look(now);
        old = 0.4;
        assertThat(pass(20, 19_900)).isNull();
    }

    @Test
    void aFullHeapThatLetsTheApplicationRunIsNotTheEnd() {
        watch.look(now);
        for (int second = 1; second < 60; second++) {
            assertThat(pass(1, 800)).isNull();
        }
    }

    @Test
    void onlyTheLastSecondsCount() {
        watch.look(now);
        for (int second = 1; second <= 14; second++) {
            assertThat(pass(1, 1000)).isNull();
        }
        for (int second = 1; second <= 120; second++) {
            assertThat(pass(1, 100)).isNull();
        }
        for (int second = 1; second <= 13; second++) {
            assertThat(pass(1, 1000)).isNull();
        }
    }

    @Test
    @DisplayName("a process that was stopped for an hour is not taken for one that crawls")
    void timeInWhichNothingRanIsNotTheEnd() {
        watch.look(now);
        assertThat(pass(3600, 900)).isNull();
    }

    @Test
    void thisProcessIsHealthy() {
        HeapWatch own = HeapWatch.ofThisProcess();
        assertThat(own.look(0)).isNull();
        assertThat(own.look(3600 * SECOND)).isNull();
    }

    private @Nullable String pass(int seconds, long millisCollecting) {
        now += seconds * SECOND;
        collected += millisCollecting;
        return watch.look(now);
    }
}
