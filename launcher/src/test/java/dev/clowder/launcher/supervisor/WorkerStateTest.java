package dev.clowder.launcher.supervisor;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class WorkerStateTest {
    @ParameterizedTest
    @CsvSource(useHeadersInDisplayName = true, textBlock = """
            STATE,    SPAWNED,  READIED,  STOP_ASKED, DRAINED,  EXPIRED,  EXITED
            BACKOFF,  STARTING, BACKOFF,  BACKOFF,    BACKOFF,  BACKOFF,  BACKOFF
            STARTING, STARTING, READY,    STOPPING,   STARTING, STOPPING, BACKOFF
            READY,    READY,    READY,    DRAINING,   STOPPING, READY,    BACKOFF
            DRAINING, DRAINING, DRAINING, DRAINING,   STOPPING, STOPPING, BACKOFF
            STOPPING, STOPPING, STOPPING, STOPPING,   STOPPING, STOPPING, BACKOFF
            """)
    void everyStateKnowsWhatEveryEventMeans(
            WorkerState state,
            WorkerState spawned,
            WorkerState readied,
            WorkerState stopAsked,
            WorkerState drained,
            WorkerState expired,
            WorkerState exited) {
        assertThat(state.next(WorkerState.Kind.SPAWNED)).isEqualTo(spawned);
        assertThat(state.next(WorkerState.Kind.READIED)).isEqualTo(readied);
        assertThat(state.next(WorkerState.Kind.STOP_ASKED)).isEqualTo(stopAsked);
        assertThat(state.next(WorkerState.Kind.DRAINED)).isEqualTo(drained);
        assertThat(state.next(WorkerState.Kind.EXPIRED)).isEqualTo(expired);
        assertThat(state.next(WorkerState.Kind.EXITED)).isEqualTo(exited);
    }
}
