package dev.clowder.launcher.supervisor;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@DisplayName("failure 7: a kill for want of memory is told from any other SIGKILL")
class OutOfMemoryKillsTest {
    private static final String EVENTS = "low 0\nhigh 0\nmax 17\noom 3\noom_kill %d\noom_group_kill 0\n";

    @TempDir
    Path root;

    @Test
    void eachKillExplainsOneDeath() throws IOException {
        write("proc/self/cgroup", "0::/system.slice/clowder.service\n");
        Path events = write("sys/fs/cgroup/system.slice/clowder.service/memory.events", EVENTS.formatted(5));
        OutOfMemoryKills kills = new OutOfMemoryKills(root);
        assertThat(kills.explainsOne()).as("those before our time").isFalse();
        Files.writeString(events, EVENTS.formatted(7));
        assertThat(kills.explainsOne()).isTrue();
        assertThat(kills.explainsOne()).isTrue();
        assertThat(kills.explainsOne()).isFalse();
    }

    @Test
    void insideAContainerTheMountIsTheGroup() throws IOException {
        write("proc/self/cgroup", "0::/docker/0123456789ab\n");
        Path events = write("sys/fs/cgroup/memory.events", EVENTS.formatted(0));
        OutOfMemoryKills kills = new OutOfMemoryKills(root);
        Files.writeString(events, EVENTS.formatted(1));
        assertThat(kills.explainsOne()).isTrue();
    }

    @Test
    void versionOneHasACounterOfItsOwn() throws IOException {
        write("proc/self/cgroup", "9:name=systemd:/\n5:cpu,memory:/box\n0::/\n");
        String control = "oom_kill_disable 0\nunder_oom 0\noom_kill %d\n";
        Path events = write("sys/fs/cgroup/memory/box/memory.oom_control", control.formatted(2));
        OutOfMemoryKills kills = new OutOfMemoryKills(root);
        Files.writeString(events, control.formatted(3));
        assertThat(kills.explainsOne()).isTrue();
        assertThat(kills.explainsOne()).isFalse();
    }

    @Test
    void outsideOfAnyGroupThoseOfTheMachineCount() throws IOException {
        write("proc/self/cgroup", "0::/\n");
        Path machine = write("proc/vmstat", "nr_free_pages 1\noom_kill 0\n");
        OutOfMemoryKills kills = new OutOfMemoryKills(root);
        Files.writeString(machine, "nr_free_pages 1\noom_kill 1\n");
        assertThat(kills.explainsOne()).isTrue();
    }

    @Test
    void withoutAnyCounterNothingIsExplained() {
        assertThat(new OutOfMemoryKills(root).explainsOne()).isFalse();
    }

    private Path write(String path, String text) throws IOException {
        Path file = root.resolve(path);
        Files.createDirectories(file.getParent());
        return Files.writeString(file, text);
    }
}
