package dev.clowder.benchmark;

import java.time.Duration;
import java.util.List;
import java.util.Properties;
import java.util.function.Function;

/**
 * What a run measures, from system properties that begin with {@code benchmark.}.
 *
 * @param systems {@code systems}, in this order; all but those that differ in their sessions by default. Ratios are to the
 *     first
 * @param workloads {@code workloads}; all but those with sessions by default
 * @param rounds {@code rounds} that count, 5 by default; in each all systems have their turn
 * @param starts {@code starts} that count, as many as {@code rounds} by default; 0 to measure none
 * @param restarts {@code restarts} that count, as many as {@code starts} by default; 0 to measure none
 * @param connections {@code connections} with one request each whose distribution is looked at, 1000 by default
 * @param seconds {@code seconds} of load in a round, 2 by default
 * @param warmup {@code warmup} seconds of load before the first round of a workload, 3 by default; see {@link #warmup(boolean)}
 * @param rate {@code rate}: the greatest fixed rate, 6400 requests a second by default
 * @param loops {@code threads} of the load generator that receive; by default one for each four processors
 * @param clowder {@code clowder}: further options of {@code clowder.jar run}, separated by spaces
 */
record Settings(
        List<Contender.Kind> systems,
        List<Workload> workloads,
        int rounds,
        int starts,
        int restarts,
        int connections,
        int seconds,
        int warmup,
        int rate,
        int loops,
        List<String> clowder) {
    /** Of a start: also the one that is not counted, which fills the caches of files and makes Clowder's class archive. */
    private static final int START_SECONDS = 6;

    /**
     * For which a worker has to run before it is killed: Clowder replaces one that dies sooner than 10 s after it was ready
     * only after a pause.
     */
    static final Duration STABLE = Duration.ofSeconds(11);
    /** Of a restart. */
    private static final int RESTART_SECONDS = 3;

    private static final double PAUSE_SECONDS = 0.3;

    static final Duration START_LOAD = Duration.ofSeconds(2);

    /** The first workload meets JVMs that have compiled nothing yet, which takes several of them longer than one. */
    private static final int FIRST_WARMUPS = 6;

    /**
     * Reads them.
     *
     * @throws IllegalArgumentException if one has a value that makes no sense; the message names both
     */
    static Settings of(Properties properties) {
        int rounds = number(properties, "rounds", 5, 1);
        int starts = number(properties, "starts", rounds, 0);
        int seconds = number(properties, "seconds", 2, 1);
        return new Settings(
                list(properties, "systems", List.of(Contender.Kind.values()), Contender.Kind.USUAL, kind -> kind.title),
                list(properties, "workloads", Workload.ALL, Workload.USUAL, Workload::name),
                rounds,
                starts,
                number(properties, "restarts", starts, 0),
                number(properties, "connections", 1000, 1),
                seconds,
                number(properties, "warmup", 3, 1),
                number(properties, "rate", 6400, 1),
                number(properties, "threads", Math.max(1, Runtime.getRuntime().availableProcessors() / 4), 1),
                words(text(properties, "clowder"), " "));
    }

    private static String text(Properties properties, String name) {
        return properties.getProperty("benchmark." + name, "").strip();
    }

    private static List<String> words(String text, String separator) {
        return text.isEmpty() ? List.of() : List.of(text.split(separator + "+"));
    }

    private static int number(Properties properties, String name, int otherwise, int least) {
        String text = text(properties, name);
        try {
            int number = text.isEmpty() ? otherwise : Integer.parseInt(text);
            if (number < least) {
                throw new IllegalArgumentException(
                        "benchmark." + name + " must be at least " + least + ", not " + number);
            }
            return number;
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("benchmark." + name + " must be a number, not " + text, e);
        }
    }

    private static <T> List<T> list(
            Properties properties, String name, List<T> all, List<T> usual, Function<T, String> title) {
        List<String> wanted = words(text(properties, name), ",");
        List<String> known = all.stream().map(title).toList();
        for (String one : wanted) {
            if (!known.contains(one)) {
                throw new IllegalArgumentException(
                        "benchmark." + name + " has " + one + ", but there are " + String.join(", ", known));
            }
        }
        return wanted.isEmpty()
                ? usual
                : wanted.stream().map(one -> all.get(known.indexOf(one))).toList();
    }

    /** How long the run will take, about. */
    Duration estimate() {
        double each = warmup + rounds * (seconds + PAUSE_SECONDS);
        double all = starts == 0 ? 0 : (starts + 1.0) * START_SECONDS;
        long mortal = systems.stream().filter(Contender.Kind::restarts).count();
        double deaths = restarts == 0
                ? 0
                : mortal * START_SECONDS + (restarts + 1.0) * (STABLE.toSeconds() + mortal * RESTART_SECONDS);
        long loads = systems.stream()
                .mapToLong(kind -> workloads.stream().filter(kind::does).count())
                .sum();
        long firstLoads = heaps().stream()
                .mapToLong(heap -> systems.stream()
                        .filter(kind -> kind.does(workloads(heap).get(0)))
                        .count())
                .sum();
        double first = firstLoads * (FIRST_WARMUPS - 1.0) * warmup;
        return Duration.ofSeconds(Math.round(loads * each + first + systems.size() * all + deaths));
    }

    /**
     * Load for each system before the first round of a workload.
     *
     * @param first whether its processes have had none yet
     */
    Duration warmup(boolean first) {
        return Duration.ofSeconds((long) warmup * (first ? FIRST_WARMUPS : 1));
    }

    List<Integer> heaps() {
        return workloads.stream().map(Workload::heap).distinct().sorted().toList();
    }

    /** In the order of the run. */
    List<Workload> workloads(int heap) {
        return workloads.stream().filter(workload -> workload.heap() == heap).toList();
    }
}
