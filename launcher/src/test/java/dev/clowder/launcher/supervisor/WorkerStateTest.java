package dev.clowder.launcher.supervisor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.launcher.supervisor.WorkerState.Kind;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class WorkerStateTest {
    @ParameterizedTest
    @CsvSource(useHeadersInDisplayName = true, textBlock = """
            STATE,       SPAWNED,     READIED, PLACED     ,     DOUBTED,     RECOVERED,   STOP_ASKED,  DRAINED,     EXPIRED,     EXITED,      CRASH_LOOP
            BACKOFF,     STARTING,    BACKOFF, BACKOFF    ,     BACKOFF,     BACKOFF,     BACKOFF,     BACKOFF,     BACKOFF,     BACKOFF,     QUARANTINED
            QUARANTINED, STARTING,    QUARANTINED, QUARANTINED, QUARANTINED, QUARANTINED, QUARANTINED, QUARANTINED, QUARANTINED, QUARANTINED, QUARANTINED
            STARTING,    STARTING,    READY, STARTING   ,       STARTING,    STARTING,    STOPPING,    STARTING,    STOPPING,    BACKOFF,     STARTING
            READY,       READY,       READY, STARTING   ,       SUSPECT,     READY,       DRAINING,    STOPPING,    STOPPING,    BACKOFF,     READY
            SUSPECT,     SUSPECT,     SUSPECT, SUSPECT    ,     SUSPECT,     READY,       DRAINING,    STOPPING,    STOPPING,    BACKOFF,     SUSPECT
            DRAINING,    DRAINING,    DRAINING, DRAINING   ,    DRAINING,    DRAINING,    DRAINING,    STOPPING,    STOPPING,    BACKOFF,     DRAINING
            STOPPING,    STOPPING,    STOPPING, STOPPING   ,    STOPPING,    STOPPING,    STOPPING,    STOPPING,    STOPPING,    BACKOFF,     STOPPING
            """)
    void everyStateKnowsWhatEveryEventMeans(
            WorkerState state,
            WorkerState spawned,
            WorkerState readied,
            WorkerState placed,
            WorkerState doubted,
            WorkerState recovered,
            WorkerState stopAsked,
            WorkerState drained,
            WorkerState expired,
            WorkerState exited,
            WorkerState crashLoop) {
        assertThat(state.next(Kind.SPAWNED)).isEqualTo(spawned);
        assertThat(state.next(Kind.READIED)).isEqualTo(readied);
        assertThat(state.next(Kind.PLACED)).isEqualTo(placed);
        assertThat(state.next(Kind.DOUBTED)).isEqualTo(doubted);
        assertThat(state.next(Kind.RECOVERED)).isEqualTo(recovered);
        assertThat(state.next(Kind.STOP_ASKED)).isEqualTo(stopAsked);
        assertThat(state.next(Kind.DRAINED)).isEqualTo(drained);
        assertThat(state.next(Kind.EXPIRED)).isEqualTo(expired);
        assertThat(state.next(Kind.EXITED)).isEqualTo(exited);
        assertThat(state.next(Kind.CRASH_LOOP)).isEqualTo(crashLoop);
    }
}
