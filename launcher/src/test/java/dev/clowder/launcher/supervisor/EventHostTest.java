package dev.clowder.launcher.supervisor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** {@code --on-event}: real shells. */
@DisabledOnOs(OS.WINDOWS)
class EventHostTest {
    private static final Duration SOON = Duration.ofSeconds(60);

    @TempDir
    Path temporary;

    private final List<String> log = Collections.synchronizedList(new ArrayList<>());
    private final Observer next = new Observer() {
        @Override
        public void log(String line) {
            log.add(line);
        }

        @Override
        public void changed(WorkerEvent event) {}
    };

    @Test
    void eachEventIsOneRunOfTheCommandInOrder() throws Exception {
        Path told = temporary.resolve("told");
        try (EventHost events = new EventHost("echo $CLOWDER_EVENT >> " + told + "; cat >> " + told, next)) {
            events.event(ClusterEvent.of("step", "reload", "slot 1: it's \"quoted\"", 1, 2));
            events.event(ClusterEvent.of("done", "reload", "done, 2 workers", 2, 2));
        }
        List<String> lines = Files.readAllLines(told);
        assertThat(lines).hasSize(4);
        assertThat(lines.get(0)).isEqualTo("step");
        assertThat(lines.get(2)).isEqualTo("done");
        JsonNode first = new ObjectMapper().readTree(lines.get(1));
        assertThat(first.path("message").asText()).isEqualTo("slot 1: it's \"quoted\"");
        assertThat(first.path("operation").asText()).isEqualTo("reload");
        assertThat(first.path("done").asInt()).isEqualTo(1);
        assertThat(first.has("slot")).isFalse();
        assertThat(log).isEmpty();
    }

    @Test
    void aCommandThatFailsIsNamedInTheLogAndTheNextEventIsTold() throws Exception {
        Path told = temporary.resolve("told");
        try (EventHost events = new EventHost("echo $CLOWDER_EVENT >> " + told + "; exit 7", next)) {
            events.event(ClusterEvent.of("step", "reload", "one", 0, 0));
            events.event(ClusterEvent.of("done", "reload", "two", 0, 0));
        }
        assertThat(Files.readAllLines(told)).containsExactly("step", "done");
        assertThat(log).hasSize(2).allMatch(line -> line.contains("exit code 7"));
    }

    @Test
    void whoPostsNeverWaitsForASlowCommandAndItsEndTakesItsChildrenAlong() throws Exception {
        Path pid = temporary.resolve("pid");
        EventHost events = new EventHost("sleep 300 & echo $! > " + pid + "; wait", next);
        for (int i = 0; i < 2 * EventHost.MAX_WAITING; i++) {
            events.event(ClusterEvent.of("step", "reload", "step " + i, 0, 0));
        }
        assertThat(log).hasSize(1).first().asString().contains("events wait for the command");
        await("the command").atMost(SOON).until(() -> Files.exists(pid) && Files.size(pid) > 1);
        long child = Long.parseLong(Files.readString(pid).strip());
        events.close();
        await("no child")
                .atMost(SOON)
                .until(() -> ProcessHandle.of(child).filter(EventHostTest::runs).isEmpty());
    }

    /** A zombie of another parent still counts as alive for a moment. */
    private static boolean runs(ProcessHandle process) {
        try {
            String stat = Files.readString(Path.of("/proc", String.valueOf(process.pid()), "stat"));
            return !stat.substring(stat.lastIndexOf(')') + 2).startsWith("Z");
        } catch (IOException e) {
            return false;
        }
    }
}
