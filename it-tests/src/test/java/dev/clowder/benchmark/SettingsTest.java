package dev.clowder.benchmark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.clowder.benchmark.Contender.Kind;
import java.time.Duration;
import java.util.List;
import java.util.Properties;
import org.junit.jupiter.api.Test;

class SettingsTest {
    private static Settings settings(String... properties) {
        Properties all = new Properties();
        for (int i = 0; i < properties.length; i += 2) {
            all.setProperty("benchmark." + properties[i], properties[i + 1]);
        }
        return Settings.of(all);
    }

    @Test
    void allSystemsAndWorkloadsTakeLessThanHalfAnHour() {
        Settings settings = settings();

        assertThat(settings.systems()).containsExactlyElementsOf(Kind.USUAL);
        assertThat(settings.workloads()).isEqualTo(Workload.USUAL);
        assertThat(settings.rounds()).isGreaterThanOrEqualTo(5);
        assertThat(settings.estimate()).isLessThan(Duration.ofMinutes(30));
    }

    @Test
    void aRunCanHaveSomeOfThem() {
        Settings settings = settings(
                "systems", "tomcat,clowder",
                "workloads", "hello,json-heap",
                "rounds", "2",
                "starts", "0",
                "seconds", "1",
                "warmup", "3",
                "clowder", "--loop off  --trust false");

        assertThat(settings.systems()).containsExactly(Kind.TOMCAT, Kind.CLOWDER);
        assertThat(settings.workloads()).extracting(Workload::name).containsExactly("hello", "json-heap");
        assertThat(settings.heaps()).containsExactly(0, 512);
        assertThat(settings.workloads(0)).extracting(Workload::name).containsExactly("hello");
        assertThat(settings.starts()).isZero();
        assertThat(settings.restarts()).isZero();
        assertThat(settings.warmup(false)).isEqualTo(Duration.ofSeconds(3));
        assertThat(settings.warmup(true)).as("nothing is compiled yet").isGreaterThan(settings.warmup(false));
        assertThat(settings.clowder()).isEqualTo(List.of("--loop", "off", "--trust", "false"));
    }

    @Test
    void anEmptyPropertyIsTheDefault() {
        assertThat(settings("systems", "", "rounds", "", "clowder", "")).isEqualTo(settings());
    }

    @Test
    void whatDoesNotExistIsNamedWithWhatDoes() {
        assertThatThrownBy(() -> settings("systems", "tomcat,jetty"))
                .hasMessage(
                        "benchmark.systems has jetty, but there are tomcat, clowder, nginx, haproxy, node, nio, local,"
                                + " sticky, replicated, redis, postgres, round-robin, least-connections, spare, dispatching");
        assertThatThrownBy(() -> settings("workloads", "helo")).hasMessageContaining("helo, but there are hello");
        assertThatThrownBy(() -> settings("rounds", "0")).hasMessage("benchmark.rounds must be at least 1, not 0");
        assertThatThrownBy(() -> settings("rate", "much")).hasMessage("benchmark.rate must be a number, not much");
    }
}
