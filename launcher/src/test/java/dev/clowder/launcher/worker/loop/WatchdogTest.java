package dev.clowder.launcher.worker.loop;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class WatchdogTest {
    private static final Watchdog.Ticks QUICK = new Watchdog.Ticks(10_000, 10_000, Long.MAX_VALUE);

    @Test
    void anErrorWhileItAsksForAThreadDoesNotEndIt() throws Exception {
        AtomicInteger asked = new AtomicInteger();
        // Nobody has enlisted: each look asks for one.
        Watchdog watchdog = new Watchdog(new Leadership(), QUICK, () -> {
            asked.incrementAndGet();
            throw new OutOfMemoryError("not even for a line in the log");
        });
        Thread thread = new Thread(watchdog, "watchdog");
        thread.setDaemon(true);
        thread.start();
        CoreLoopTest.eventually(() -> asked.get() > 2);
        watchdog.close();
        thread.join();
        assertThat(thread.isAlive()).isFalse();
    }
}
