package dev.clowder.launcher.supervisor;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class WorkerMemoryTest {
    private static final long MB = WorkerMemory.MB;
    private static final long GB = 1024 * MB;

    @ParameterizedTest
    @CsvSource({
        // machine, processes, limit: heap, all in megabytes
        "8192, 3, 0, 2233",
        "2048, 2, 0, 672",
        "1024, 2, 0, 211",
        "512, 2, 0, 105",
        "24105, 9, 0, 2186",
        "512, 9, 0, 48",
        "262144, 3, 0, 31744",
        "8192, 3, 500, 276",
        "8192, 3, 4000, 2233",
        "0, 3, 0, 0",
        "0, 3, 1024, 800"
    })
    void theHeapOfEachWorkerFollowsFromMachineWorkersAndLimit(long total, int processes, long limit, long heap) {
        assertThat(WorkerMemory.heap(total * MB, processes, limit * MB) / MB).isEqualTo(heap);
    }

    @ParameterizedTest
    @ValueSource(longs = {768, 1024, 2000, 4096, 7777, 16384, 65536, 524288})
    void allWorkersTogetherFitTheMachineWithTheOneMoreOfAReload(long megabytes) {
        long total = megabytes * MB;
        for (int processes = 1; processes <= 64; processes++) {
            long heap = WorkerMemory.heap(total, processes, 0);
            assertThat(heap).isBetween(WorkerMemory.LEAST_HEAP, WorkerMemory.MOST_HEAP);
            if (heap > WorkerMemory.LEAST_HEAP) {
                assertThat(heap * processes)
                        .as("%d processes in %d MB", processes, megabytes)
                        .isLessThan(total - WorkerMemory.reserve(total));
            }
        }
    }

    @Test
    @DisplayName("the heap stays below --memory-limit with room for what is no heap")
    void theHeapFitsBelowTheMemoryLimit() {
        for (long limit = 128 * MB; limit < 8 * GB; limit += 50 * MB) {
            long besides = limit - WorkerMemory.heap(64 * GB, 2, limit);
            assertThat(besides).as("of %d MB", limit / MB).isGreaterThanOrEqualTo(Math.min(limit * 2 / 5, 224 * MB));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"-Xmx300m", "-XX:MaxHeapSize=300m", "-XX:MaxRAMPercentage=20", "-XX:MaxRAM=1g"})
    void theOperatorsOwnHeapWins(String own) {
        assertThat(WorkerMemory.flags(8 * GB, 3, 1, 0, List.of("-Da=b", own))).containsExactly("-XX:+UseSerialGC");
    }

    @Test
    void aFirstHeapOfTheOperatorsIsNeverAboveOurGreatest() {
        assertThat(WorkerMemory.flags(GB, 2, 1, 0, List.of("-Xms1g"))).contains("-Xmx1024m");
        assertThat(WorkerMemory.flags(GB, 2, 1, 0, List.of("-Xms64m"))).contains("-Xmx211m");
    }

    @ParameterizedTest
    @DisplayName("all workers together begin with what one JVM would, a 64th of the machine")
    @CsvSource({
        // machine, processes, limit: first heap, all in megabytes
        "24105, 3, 0, 125",
        "8192, 1, 0, 128",
        "262144, 9, 0, 455",
        "8192, 3, 0, 64",
        "512, 9, 0, 48",
        "65536, 2, 300, 165"
    })
    void theFirstHeapsOfAllWorkersAreThatOfOneJvm(long total, int processes, long limit, long first) {
        assertThat(WorkerMemory.flags(total * MB, processes, 1, limit * MB, List.of()))
                .contains("-Xms" + first + "m");
    }

    @ParameterizedTest
    @ValueSource(strings = {"-Xms100m", "-XX:InitialHeapSize=100m", "-XX:InitialRAMPercentage=2", "-Xmx300m"})
    void theOperatorsOwnFirstHeapWins(String own) {
        assertThat(WorkerMemory.flags(8 * GB, 3, 1, 0, List.of(own))).noneMatch(flag -> flag.startsWith("-Xms"));
    }

    @Test
    @DisplayName("a first heap in per cent says nothing of the greatest: without ours each worker would take a quarter")
    void aFirstHeapInPercentLeavesTheGreatestToUs() {
        assertThat(WorkerMemory.flags(8 * GB, 3, 1, 0, List.of("-XX:InitialRAMPercentage=2")))
                .contains("-Xmx2233m");
    }

    @Test
    void oneCollectorOnly() {
        assertThat(WorkerMemory.flags(8 * GB, 3, 1, 0, List.of("-XX:+UseZGC"))).containsExactly("-Xms64m", "-Xmx2233m");
        assertThat(WorkerMemory.flags(8 * GB, 3, 1, 0, List.of("-XX:-UseZGC"))).contains("-XX:+UseSerialGC");
    }

    @Test
    @DisplayName("a large heap, or more than one processor, gets G1: a serial full collection would look like a hang")
    void theCollectorFollowsHeapAndProcessors() {
        assertThat(WorkerMemory.flags(8 * GB, 3, 1, 0, List.of())).contains("-XX:+UseSerialGC");
        assertThat(WorkerMemory.flags(8 * GB, 3, 2, 0, List.of())).contains("-XX:+UseG1GC");
        assertThat(WorkerMemory.flags(64 * GB, 3, 1, 0, List.of())).contains("-XX:+UseG1GC");
        assertThat(WorkerMemory.flags(8 * GB, 3, 1, 0, List.of("-Xmx12g"))).containsExactly("-XX:+UseG1GC");
        assertThat(WorkerMemory.flags(64 * GB, 3, 1, 0, List.of("-Xmx512m"))).containsExactly("-XX:+UseSerialGC");
    }

    @Test
    void withoutAKnownMemoryTheJvmDecides() {
        assertThat(WorkerMemory.flags(0, 3, 1, 0, List.of())).containsExactly("-XX:+UseSerialGC");
    }
}
