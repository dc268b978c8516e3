package dev.clowder.launcher.admin;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.clowder.launcher.supervisor.Status;
import dev.clowder.launcher.wire.Counts;
import dev.clowder.launcher.wire.Insides;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The names that others build on: those of /metrics, of docs/metrics.md and of the dashboard are the same. */
class MetricsTest {
    private static final Pattern TYPE = Pattern.compile("# TYPE (\\w+) (counter|gauge|histogram)");
    private static final Pattern SAMPLE = Pattern.compile(
            "([a-zA-Z_:][a-zA-Z0-9_:]*)(\\{(?:[a-zA-Z_]\\w*=\"(?:[^\"\\\\\\n]|\\\\[\\\\\"n])*\",?)*})? (NaN|[+-]?Inf|[-+0-9.eE]+)");
    private static final Pattern NAME = Pattern.compile("\\bclowder_[a-z_]+\\b");

    @Test
    void everyLineIsOfTheTextFormatAndHistogramsAddUp() throws IOException {
        Map<String, String> types = new TreeMap<>();
        Map<String, Double> samples = new TreeMap<>();
        for (String line : text().lines().toList()) {
            Matcher type = TYPE.matcher(line);
            Matcher sample = SAMPLE.matcher(line);
            if (type.matches()) {
                assertThat(types.put(type.group(1), type.group(2))).as(line).isNull();
            } else if (!line.startsWith("# HELP ")) {
                assertThat(sample.matches()).as(line).isTrue();
                assertThat(types).as(line).containsKey(family(sample.group(1)));
                assertThat(samples.put(sample.group(1) + sample.group(2), Double.valueOf(sample.group(3))))
                        .as(line)
                        .isNull();
            }
        }
        assertThat(samples)
                .containsEntry("clowder_requests_total{slot=\"1\",status=\"2xx\"}", 7.0)
                .containsEntry("clowder_request_duration_seconds_bucket{slot=\"1\",le=\"0.001\"}", 4.0)
                .containsEntry("clowder_request_duration_seconds_bucket{slot=\"1\",le=\"0.0025\"}", 6.0)
                .containsEntry("clowder_request_duration_seconds_bucket{slot=\"1\",le=\"+Inf\"}", 8.0)
                .containsEntry("clowder_request_duration_seconds_count{slot=\"1\"}", 8.0)
                .containsEntry("clowder_request_duration_seconds_sum{slot=\"1\"}", 0.5)
                .containsEntry("clowder_worker_exits_total{cause=\"hang\"}", 2.0)
                .containsEntry("clowder_operations_total{operation=\"reload\",outcome=\"refused\"}", 3.0)
                .containsEntry("clowder_workers{state=\"ready\"}", 1.0)
                .containsEntry("clowder_forwarded_total{reason=\"client\",slot=\"1\"}", 18.0);
    }

    @Test
    void theDocumentNamesEachOfThemAndNoOther() throws IOException {
        assertThat(names(Files.readString(docs("metrics.md")))).isEqualTo(families());
    }

    @Test
    void theDashboardAsksForNamesThatThereAre() throws IOException {
        JsonNode dashboard = new ObjectMapper().readTree(docs("grafana.json").toFile());
        Set<String> asked = new TreeSet<>();
        List<JsonNode> panels = dashboard.findValues("expr");
        panels.forEach(expression -> names(expression.asText()).forEach(name -> asked.add(family(name))));
        assertThat(panels).hasSizeGreaterThan(8);
        assertThat(asked).isNotEmpty().isSubsetOf(families());
    }

    private static Set<String> families() throws IOException {
        Set<String> families = new TreeSet<>();
        Matcher type = TYPE.matcher(text());
        while (type.find()) {
            families.add(type.group(1));
        }
        return families;
    }

    private static Set<String> names(String text) {
        Set<String> names = new TreeSet<>();
        NAME.matcher(text).results().forEach(found -> names.add(found.group()));
        return names;
    }

    private static String family(String name) {
        return name.startsWith("clowder_request_duration_seconds") ? "clowder_request_duration_seconds" : name;
    }

    private static Path docs(String file) {
        return Path.of("..", "docs", file);
    }

    private static String text() throws IOException {
        return new String(Metrics.text(status()), UTF_8);
    }

    static Status status() {
        List<Long> latency = new ArrayList<>(Collections.nCopies(14, 0L));
        latency.set(0, 4L);
        latency.set(1, 2L);
        latency.set(13, 2L);
        Counts counts = new Counts(
                List.of(0L, 7L, 0L, 1L, 0L),
                latency,
                500_000_000,
                14,
                15,
                Map.of("Copy", 16L),
                Map.of("Copy", 17L),
                Map.of("client", 18L));
        return new Status(
                new Status.SupervisorStatus(
                        1,
                        "1.0",
                        2,
                        "RUNNING",
                        3,
                        new Status.ClassArchiveStatus("off", "a \"reason\"", List.of()),
                        null),
                List.of(),
                List.of(new Status.WorkerStatus(
                        1, 2, 3, "READY", 4, 5, 6, 7, 8, 9, 10, 11, null, new Insides(200, 20, 30, 40, 50, counts))),
                List.of(new Status.SlotStatus(1, counts, List.of())),
                new Status.TotalStatus(3, Map.of("hang", 2L), 2, 1, Map.of("reload refused", 3L)),
                new Status.WorkerStatus(0, 3, 4, "READY", 4, 5, 0, 0, 0, 9, 10, 0, null, null));
    }
}
