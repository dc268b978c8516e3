package dev.clowder.launcher.worker.sessions;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Within one process; {@code ReplicatedIT} has several, and kills some. */
class SessionLocksTest {
    @TempDir
    Path directory;

    @Test
    void onlyOneHasASessionAtATime() throws Exception {
        try (SessionLocks locks = new SessionLocks(directory.resolve("locks"))) {
            int[] count = {0};
            AtomicInteger failures = new AtomicInteger();
            List<Thread> threads = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                Thread thread = new Thread(() -> {
                    for (int j = 0; j < 250; j++) {
                        SessionLocks.Held held = locks.hold("key", 60_000);
                        count[0]++;
                        held.release();
                    }
                });
                thread.setUncaughtExceptionHandler((failed, e) -> failures.incrementAndGet());
                threads.add(thread);
            }
            threads.forEach(Thread::start);
            for (Thread thread : threads) {
                thread.join();
            }
            assertThat(failures).hasValue(0);
            assertThat(count[0]).isEqualTo(1000);
        }
    }

    @Test
    void waitingEndsAndOtherSessionsAreFree() throws Exception {
        try (SessionLocks locks = new SessionLocks(directory.resolve("locks"))) {
            SessionLocks.Held held = locks.hold("one", 0);
            assertThat(locks.tryHold("one")).isNull();
            assertThatThrownBy(() -> locks.hold("one", 20)).isInstanceOf(SessionsUnavailableException.class);
            locks.hold("another", 0).release();
            held.release();
            locks.hold("one", 0).release();
        }
    }

    @Test
    void aChangeThatWasNotFinishedIsSeenByTheNext() throws Exception {
        try (SessionLocks locks = new SessionLocks(directory.resolve("locks"))) {
            SessionLocks.Held held = locks.hold("key", 0);
            assertThat(held.torn()).isFalse();
            held.begin();
            held.release();
            SessionLocks.Held next = locks.hold("key", 0);
            assertThat(next.torn()).isTrue();
            next.done();
            next.release();
            SessionLocks.Held last = locks.hold("key", 0);
            assertThat(last.torn()).isFalse();
            last.release();
        }
    }

    @Test
    void anInterruptedThreadLosesNobodysLock() throws Exception {
        try (SessionLocks locks = new SessionLocks(directory.resolve("locks"))) {
            SessionLocks.Held held = locks.hold("key", 0);
            Thread interrupted = new Thread(() -> {
                Thread.currentThread().interrupt();
                SessionLocks.Held other = locks.hold("other", 1000);
                other.begin();
                other.done();
                other.release();
            });
            interrupted.start();
            interrupted.join();
            assertThat(locks.tryHold("key")).isNull();
            held.release();
            locks.hold("key", 0).release();
        }
    }
}
