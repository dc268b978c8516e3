package dev.clowder.launcher.acceptor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.netty.util.concurrent.DefaultEventExecutor;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class AcceptPauseTest {
    private final DefaultEventExecutor loop = new DefaultEventExecutor();

    @AfterEach
    void end() {
        loop.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly();
    }

    @Test
    void failure14APauseEndsByItselfAndIsReportedOnceHoweverOftenItIsNeeded() throws Exception {
        List<String> log = new CopyOnWriteArrayList<>();
        AtomicInteger resumed = new AtomicInteger();
        AcceptPause pause = loop.submit(() -> new AcceptPause(loop, log::add, resumed::incrementAndGet))
                .get();
        for (int i = 1; i <= 3; i++) {
            loop.submit(() -> {
                        pause.begin(new IOException("Too many open files"));
                        pause.begin(new IOException("again, within the pause"));
                        assertThat(pause.active()).isTrue();
                    })
                    .get();
            int ended = i;
            await().until(() -> resumed.get() == ended);
            assertThat(loop.submit(pause::active).get()).isFalse();
        }
        assertThat(log).hasSize(1).first().asString().contains("Too many open files");

        loop.submit(pause::succeeded).get();
        loop.submit(pause::succeeded).get();
        assertThat(log).hasSize(2).last().asString().startsWith("accepts connections again, after ");
        loop.submit(pause::close).get();
    }
}
