package dev.clowder.benchmark;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

class UsageTest {
    @Test
    void processorTimeIsThatOfTheProcessAndOfItsChildrenThatEndedWhateverItsName() {
        String stat = "42 (a ) b (c) S 1 42 42 0 -1 4194560 1 2 3 4 100 20 3 4 20 0 9 0 1234 5678";

        assertThat(Usage.processorMicros(stat)).isEqualTo(1_270_000);
    }

    @Test
    void memoryIsTheProportionalShare() {
        String rollup = """
                55d0c0a00000-7ffd3a5f6000 ---p 00000000 00:00 0                          [rollup]
                Rss:              310272 kB
                Pss:              287654 kB
                Pss_Anon:         250000 kB
                """;

        assertThat(Usage.memory(rollup)).isEqualTo(287_654);
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void thisProcessHasUsedSome() throws IOException {
        List<ProcessHandle> self = List.of(ProcessHandle.current());

        assertThat(Usage.processorMicros(self)).isPositive();
        assertThat(Usage.memory(self)).isPositive();
    }
}
