package dev.clowder.benchmark;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import dev.clowder.benchmark.Contender.Kind;
import dev.clowder.benchmark.Results.Measurement;
import dev.clowder.benchmark.Results.Start;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Predicate;
import java.util.function.ToDoubleFunction;

/** The results as a page for people and as figures for programs. */
final class Report {
    private static final double MEGA = 1024;
    private static final String DASH = "-";

    private final Results results;
    private final Settings settings;
    private final List<Kind> systems;
    private final StringBuilder page = new StringBuilder();

    /**
     * Writes nothing yet.
     *
     * @param systems that were measured; the first is what the others are compared with
     */
    Report(Results results, Settings settings, List<Kind> systems) {
        this.results = results;
        this.settings = settings;
        this.systems = List.copyOf(systems);
    }

    /** All single measurements. */
    String json() throws JsonProcessingException {
        Map<String, Object> all = new LinkedHashMap<>();
        all.put("facts", results.facts);
        all.put("versions", results.versions);
        all.put("starts", results.starts);
        all.put("restarts", results.restarts);
        all.put("balances", results.balances);
        all.put("measurements", results.measurements);
        all.put("memoryAfterAll", results.memory);
        all.put("notes", results.notes);
        return new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT).writeValueAsString(all);
    }

    /** Medians, spreads, and ratios to the first system. */
    String markdown() {
        line("# Clowder beside others, measured");
        line("");
        line(
                "Each figure is the median of %d rounds of %d s (in brackets the least and the greatest), each ratio the median"
                        .formatted(settings.rounds(), settings.seconds()));
        line(
                "of the ratios of each round. The load generator runs on the same processors; its own time is not counted.");
        line("");
        facts();
        if (!systems.isEmpty()) {
            ratios();
            if (!results.starts.isEmpty()) {
                startsAndMemory();
            }
            if (!results.restarts.isEmpty()) {
                restarts();
            }
            if (!results.balances.isEmpty()) {
                balances();
            }
            figures();
        }
        if (!results.notes.isEmpty()) {
            line("## What is missing");
            line("");
            results.notes.forEach(note -> line("- " + note));
        }
        return page.toString();
    }

    private void line(String text) {
        page.append(text).append('\n');
    }

    private void row(List<String> cells) {
        line("| " + String.join(" | ", cells) + " |");
    }

    private void header(String... names) {
        header(List.of(names));
    }

    private void header(List<String> names) {
        row(names);
        line("|---|" + "---:|".repeat(names.size() - 1));
    }

    private void facts() {
        header("", "");
        results.facts.forEach((name, value) -> row(List.of(name, value)));
        for (Kind kind : systems) {
            row(List.of("`" + kind.title + "`", kind.meaning + ": " + results.versions.get(kind.title)));
        }
        if (!settings.clowder().isEmpty()) {
            row(List.of("options of Clowder", "`" + String.join(" ", settings.clowder()) + "`"));
        }
        line("");
    }

    private void ratios() {
        Kind first = systems.get(0);
        line("## Processor time for each request, as a ratio to `" + first.title + "`");
        line("");
        against(first, any -> true, " us", 1, Measurement::processorMicros, "");
        if (systems.contains(Kind.CLOWDER) && systems.size() > 2) {
            line("## Processor time for each request, Clowder's as a ratio to each");
            line("");
            clowderToEach();
        }
        line("## Answers a second when asked for all it can, as a ratio to `" + first.title + "`");
        line("");
        against(first, workload -> !workload.isFixed(), "/s", 0, Measurement::perSecond, "");
        line("## Time of an answer at a fixed rate, as a ratio to `" + first.title + "`");
        line("");
        against(first, Workload::isFixed, " ms", 2, Measurement::p50, " p50");
        against(first, Workload::isFixed, " ms", 2, Measurement::p99, " p99");
        against(first, Workload::isFixed, " ms", 2, Measurement::p999, " p99.9");
    }

    private void against(
            Kind first,
            Predicate<Workload> which,
            String unit,
            int digits,
            ToDoubleFunction<Measurement> value,
            String what) {
        List<Workload> rows = settings.workloads().stream().filter(which).toList();
        if (rows.isEmpty()) {
            line("No workload of this kind.");
            line("");
            return;
        }
        List<String> names = new ArrayList<>(List.of("workload" + what));
        systems.forEach(kind -> names.add(kind.title));
        header(names);
        for (Workload workload : rows) {
            double[] reference = results.values(first.title, workload.name(), value);
            List<String> cells = new ArrayList<>(List.of("`" + workload.name() + "`"));
            for (Kind kind : systems) {
                double[] values = results.values(kind.title, workload.name(), value);
                cells.add(
                        kind == first
                                ? number(Spread.of(values).median(), digits, unit)
                                : Spread.ofRatios(values, reference).text(2));
            }
            row(cells);
        }
        line("");
    }

    private void clowderToEach() {
        List<Kind> others =
                systems.stream().filter(kind -> kind != Kind.CLOWDER).toList();
        List<String> names = new ArrayList<>(List.of("workload"));
        others.forEach(kind -> names.add("clowder / " + kind.title));
        header(names);
        for (Workload workload : settings.workloads()) {
            double[] own = results.values(Kind.CLOWDER.title, workload.name(), Measurement::processorMicros);
            List<String> cells = new ArrayList<>(List.of("`" + workload.name() + "`"));
            for (Kind kind : others) {
                double[] values = results.values(kind.title, workload.name(), Measurement::processorMicros);
                cells.add(Spread.ofRatios(own, values).text(2));
            }
            row(cells);
        }
        line("");
    }

    private void startsAndMemory() {
        line("## Start and memory");
        line("");
        line(
                "Alone on the machine: from the start of its first process to the first answer with status 200, and memory (PSS,");
        line(
                "MB) of all processes after %d s with %d requests a second. The last column is the memory after all workloads"
                        .formatted(Settings.START_LOAD.toSeconds(), settings.rate() / 2));
        line("without a limit for the heap, when all systems run, so that pages they share count for each in part.");
        line("");
        header("system", "first answer, ms", "ratio", "MB", "ratio", "of these", "one that serves", "MB after all");
        double[] firstStart = results.starts(systems.get(0).title, Start::firstAnswerMillis);
        double[] firstMemory = results.starts(systems.get(0).title, Report::megabytes);
        for (Kind kind : systems) {
            double[] answers = results.starts(kind.title, Start::firstAnswerMillis);
            double[] memory = results.starts(kind.title, Report::megabytes);
            row(List.of(
                    "`" + kind.title + "`",
                    Spread.of(answers).text(0),
                    Spread.ofRatios(answers, firstStart).text(2),
                    Spread.of(memory).text(0),
                    Spread.ofRatios(memory, firstMemory).text(2),
                    parts(kind),
                    serving(kind),
                    after(kind)));
        }
        line("");
    }

    private void restarts() {
        line("## Restart");
        line("");
        line(
                "From the SIGKILL of a process that serves to the first answer of one that had not answered before, without load:");
        line(
                "one that the system itself starts or has ready; plain Tomcat is started again at once by whoever killed it.");
        line("");
        header("system", "first answer of the next, ms", "ratio");
        double[] first = results.restarts(systems.get(0).title);
        for (Kind kind : systems) {
            if (kind.restarts()) {
                double[] millis = results.restarts(kind.title);
                row(List.of(
                        "`" + kind.title + "`",
                        Spread.of(millis).text(0),
                        Spread.ofRatios(millis, first).text(2)));
            }
        }
        line("");
    }

    private void balances() {
        line("## Balance");
        line("");
        line(
                "How %d connections with one request each, one after the other, are spread over idle processes: how far the one"
                        .formatted(settings.connections()));
        line("that is farthest from an equal share is away from it, in percent of that share.");
        line("");
        header("system", "from an equal share, %");
        for (Kind kind : systems) {
            if (kind.servesWithSeveral()) {
                double[] percent = Arrays.stream(results.deviations(kind.title))
                        .map(part -> 100 * part)
                        .toArray();
                row(List.of("`" + kind.title + "`", Spread.of(percent).text(1)));
            }
        }
        line("");
    }

    private static double megabytes(Start start) {
        return start.kilobytes().values().stream().mapToLong(Long::longValue).sum() / MEGA;
    }

    /** Of one process that serves, alone on the machine after the same load, as a ratio to the first system's. */
    private String serving(Kind kind) {
        return Spread.ofRatios(eachServing(kind), eachServing(systems.get(0))).text(2);
    }

    private double[] eachServing(Kind kind) {
        return results.starts(
                kind.title,
                start -> start.kilobytes().entrySet().stream()
                                .filter(part -> Contender.SERVE.contains(part.getKey()))
                                .mapToLong(Map.Entry::getValue)
                                .sum()
                        / MEGA
                        / kind.serving());
    }

    /** The medians of each kind of process. */
    private String parts(Kind kind) {
        return results.starts.stream()
                .filter(start -> start.system().equals(kind.title))
                .flatMap(start -> start.kilobytes().keySet().stream())
                .distinct()
                .map(role -> {
                    double[] values = results.starts(
                            kind.title, start -> start.kilobytes().getOrDefault(role, 0L) / MEGA);
                    return role + " " + number(Spread.of(values).median(), 0, "");
                })
                .reduce((one, other) -> one + ", " + other)
                .orElse(DASH);
    }

    private String after(Kind kind) {
        Map<String, Long> parts = results.memory.getOrDefault(kind.title, Map.of());
        double sum = parts.values().stream().mapToLong(Long::longValue).sum() / MEGA;
        return parts.isEmpty() ? DASH : number(sum, 0, "");
    }

    private void figures() {
        line("## Figures");
        line("");
        for (Workload workload : settings.workloads()) {
            line("### `" + workload.name() + "`: " + workload.title() + ", " + asked(workload));
            line("");
            header("system", "us each", "answers a second", "p50, ms", "p99, ms", "p99.9, ms", "failed");
            for (Kind kind : systems) {
                row(figures(kind, workload));
            }
            line("");
        }
    }

    private List<String> figures(Kind kind, Workload workload) {
        List<String> cells = new ArrayList<>(List.of("`" + kind.title + "`"));
        cells.add(spread(kind, workload, Measurement::processorMicros, 1));
        cells.add(spread(kind, workload, Measurement::perSecond, 0));
        // Without a rate the time of an answer only says how many asked.
        cells.add(workload.isFixed() ? spread(kind, workload, Measurement::p50, 2) : DASH);
        cells.add(workload.isFixed() ? spread(kind, workload, Measurement::p99, 2) : DASH);
        cells.add(workload.isFixed() ? spread(kind, workload, Measurement::p999, 2) : DASH);
        double[] failed = results.values(kind.title, workload.name(), Measurement::failed);
        cells.add(failed.length == 0 ? DASH : number(Arrays.stream(failed).sum(), 0, ""));
        return cells;
    }

    private String spread(Kind kind, Workload workload, ToDoubleFunction<Measurement> value, int digits) {
        return Spread.of(results.values(kind.title, workload.name(), value)).text(digits);
    }

    private String asked(Workload workload) {
        if (!workload.isFixed()) {
            return workload.clients() + " at a time";
        }
        return results.measurements.stream()
                .filter(one -> one.workload().equals(workload.name()))
                .map(one -> number(one.rate(), 0, " a second"))
                .findFirst()
                .orElse("at a fixed rate");
    }

    private static String number(double value, int digits, String unit) {
        return Double.isFinite(value) ? String.format(Locale.ROOT, "%." + digits + "f", value) + unit : DASH;
    }
}
