package dev.clowder.benchmark;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/** All that a run has seen. */
final class Results {
    /** What the reader has to know of the machine and the run, for people. */
    final Map<String, String> facts = new LinkedHashMap<>();

    /** By system. */
    final Map<String, String> versions = new LinkedHashMap<>();

    final List<Start> starts = new ArrayList<>();
    final List<Restart> restarts = new ArrayList<>();
    final List<Balance> balances = new ArrayList<>();
    final List<Measurement> measurements = new ArrayList<>();

    /** Kilobytes after all workloads, by system and by what processes are for. */
    final Map<String, Map<String, Long>> memory = new LinkedHashMap<>();

    /** What could not be measured, and why. */
    final List<String> notes = new ArrayList<>();

    /**
     * One start of a system that has the machine for itself.
     *
     * @param round from 1
     * @param firstAnswerMillis from the start of its first process to the first answer with status 200
     * @param kilobytes of memory after a short load (PSS), by what processes are for
     */
    record Start(String system, int round, double firstAnswerMillis, Map<String, Long> kilobytes) {}

    /**
     * One death of a process that serves.
     *
     * @param round from 1
     * @param millis from its SIGKILL to the first answer of a process that had not answered before
     */
    record Restart(String system, int round, double millis) {}

    /**
     * Connections with one request each, one after the other, while nothing else is asked for.
     *
     * @param round from 1
     * @param answers of each process that serves, the greatest number first
     */
    record Balance(String system, int round, List<Integer> answers) {
        /** How far the process that is farthest from an equal share is away from it, as a part of that share. */
        double deviation() {
            double equal =
                    answers.stream().mapToInt(Integer::intValue).average().orElse(Double.NaN);
            return answers.stream()
                            .mapToDouble(one -> Math.abs(one - equal))
                            .max()
                            .orElse(Double.NaN)
                    / equal;
        }
    }

    /**
     * One round of one workload.
     *
     * @param round from 1
     * @param rate requests that were due each second; 0 for as many as it could
     * @param answered good answers
     * @param failed requests without one
     * @param perSecond good answers
     * @param processorMicros processor time of all processes of the system, for each good answer
     * @param p50 milliseconds; likewise the others
     */
    record Measurement(
            String system,
            String workload,
            int round,
            double rate,
            long answered,
            long failed,
            double perSecond,
            double processorMicros,
            double p50,
            double p99,
            double p999) {}

    /** One value of each round, in their order. */
    double[] values(String system, String workload, ToDoubleFunction<Measurement> value) {
        return measurements.stream()
                .filter(one -> one.system().equals(system) && one.workload().equals(workload))
                .mapToDouble(value)
                .toArray();
    }

    double[] restarts(String system) {
        return restarts.stream()
                .filter(one -> one.system().equals(system))
                .mapToDouble(Restart::millis)
                .toArray();
    }

    double[] deviations(String system) {
        return balances.stream()
                .filter(one -> one.system().equals(system))
                .mapToDouble(Balance::deviation)
                .toArray();
    }

    double[] starts(String system, ToDoubleFunction<Start> value) {
        return starts.stream()
                .filter(one -> one.system().equals(system))
                .mapToDouble(value)
                .toArray();
    }
}
