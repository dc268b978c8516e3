package dev.clowder.launcher.worker.loop;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.apache.tomcat.util.net.NioEndpoint;
import org.apache.tomcat.util.net.NioEndpoint.Poller;
import org.junit.jupiter.api.Test;

class LoopHooksTest {
    @Test
    void thisTomcatHasThemAll() {
        assertThat(LoopHooks.missing()).isNull();
    }

    @Test
    void oneThatIsGonePrivateFinalOrOfAnotherTypeIsNamed() {
        LoopHooks.Hook there = new LoopHooks.Hook(Poller.class, void.class, "timeout", int.class, boolean.class);
        LoopHooks.Hook gone = new LoopHooks.Hook(Poller.class, void.class, "timeout", long.class);
        assertThat(LoopHooks.missing(List.of(there, gone))).hasToString("Poller.timeout(long)");
        assertThat(LoopHooks.missing(List.of(new LoopHooks.Hook(Poller.class, long.class, "getKeyCount"))))
                .hasToString("Poller.getKeyCount()");
        assertThat(LoopHooks.missing(List.of(new LoopHooks.Hook(NioEndpoint.class, void.class, "start"))))
                .as("final")
                .isNotNull();
    }
}
