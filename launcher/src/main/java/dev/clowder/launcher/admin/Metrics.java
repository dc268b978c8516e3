package dev.clowder.launcher.admin;

import dev.clowder.launcher.supervisor.Status;
import dev.clowder.launcher.wire.Counts;
import dev.clowder.launcher.wire.Insides;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.model.snapshots.ClassicHistogramBuckets;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.prometheus.metrics.model.snapshots.CounterSnapshot.CounterDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot.GaugeDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot.HistogramDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.InfoSnapshot;
import io.prometheus.metrics.model.snapshots.InfoSnapshot.InfoDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricMetadata;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/** A {@link Status} in the text format of Prometheus. The names are those of docs/metrics.md and stay as they are. */
final class Metrics {
    static final String CONTENT_TYPE = PrometheusTextFormatWriter.CONTENT_TYPE;

    private static final List<String> STATES =
            List.of("STARTING", "READY", "SUSPECT", "DRAINING", "STOPPING", "BACKOFF", "QUARANTINED");
    private static final double NANOS = 1e9;
    private static final double MILLIS = 1e3;

    /** The library checks names and labels letter by letter: what is the same in each scrape is made once. */
    private static final Map<String, MetricMetadata> NAMES = new ConcurrentHashMap<>();

    private static final Map<List<String>, Labels> LABELS = new ConcurrentHashMap<>();

    private final Status status;
    private final MetricSnapshots.Builder metrics = MetricSnapshots.builder();

    private Metrics(Status status) {
        this.status = status;
    }

    static byte[] text(Status status) throws IOException {
        Metrics all = new Metrics(status);
        all.cluster();
        all.totals();
        all.workers();
        all.requests();
        all.jvms();
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        PrometheusTextFormatWriter.create().write(text, all.metrics.build());
        return text.toByteArray();
    }

    // The cluster

    private void cluster() {
        Status.SupervisorStatus supervisor = status.supervisor();
        metrics.metricSnapshot(InfoSnapshot.builder()
                .name("clowder_build")
                .help("The version that runs.")
                .dataPoint(InfoDataPointSnapshot.builder()
                        .labels(labels("version", supervisor.version()))
                        .build())
                .build());
        gauge("clowder_supervisor_uptime_seconds", "Since the supervisor was started.", supervisor.uptimeSeconds());
        gauge("clowder_generation", "Grows with each reload and deploy.", supervisor.generation());
        gauge("clowder_slots", "How many workers are wanted.", status.slots().size());
        gauge(
                "clowder_operation_in_progress",
                "1 while a change such as a reload is under way.",
                supervisor.operation() == null ? 0 : 1);
        Status.WorkerStatus spare = status.spare();
        if (spare != null) {
            gauge(
                    "clowder_spare_ready",
                    "1 while a booted worker waits for a slot; with --spare 1 only.",
                    spare.state().equals("READY") ? 1 : 0);
        }
        List<GaugeDataPointSnapshot> points = new ArrayList<>();
        for (String state : STATES) {
            points.add(point(
                    labels("state", state.toLowerCase(Locale.ROOT)),
                    status.workers().stream()
                            .filter(worker -> worker.state().equals(state))
                            .mapToDouble(worker -> 1)
                            .sum()));
        }
        metrics.metricSnapshot(new GaugeSnapshot(about("clowder_workers", "Workers by state."), points));
    }

    private void totals() {
        Status.TotalStatus totals = status.totals();
        counter("clowder_workers_started", "Worker processes that were started.", totals.started());
        counter("clowder_worker_hangs", "Workers ended because they hung.", totals.hangs());
        counter("clowder_worker_drains", "Workers told to finish what they have.", totals.drains());
        List<CounterDataPointSnapshot> exits = new ArrayList<>();
        totals.exits().forEach((cause, count) -> exits.add(count(labels("cause", cause), count)));
        metrics.metricSnapshot(new CounterSnapshot(about("clowder_worker_exits", "Ends of workers, by cause."), exits));
        List<CounterDataPointSnapshot> operations = new ArrayList<>();
        totals.operations().forEach((name, count) -> {
            int space = name.indexOf(' ');
            operations.add(
                    count(labels("operation", name.substring(0, space), "outcome", name.substring(space + 1)), count));
        });
        metrics.metricSnapshot(new CounterSnapshot(
                about("clowder_operations", "Changes of the cluster, by name and outcome."), operations));
    }

    // The workers, by slot

    private void workers() {
        List<InfoDataPointSnapshot> points = new ArrayList<>();
        for (Status.WorkerStatus worker : status.workers()) {
            if (worker.pid() != 0) {
                points.add(InfoDataPointSnapshot.builder()
                        .labels(Labels.of(
                                "slot", String.valueOf(worker.slot()),
                                "id", String.valueOf(worker.id()),
                                "pid", String.valueOf(worker.pid()),
                                "generation", String.valueOf(worker.generation()),
                                "state", worker.state().toLowerCase(Locale.ROOT)))
                        .build());
            }
        }
        metrics.metricSnapshot(new InfoSnapshot(about("clowder_worker", "The processes that there are."), points));
        bySlot(
                "clowder_worker_ready",
                "Workers of the slot that take clients.",
                w -> w.state().equals("READY") ? 1 : 0);
        bySlot("clowder_worker_connections", "Open connections.", Status.WorkerStatus::connections);
        bySlot("clowder_worker_threads_busy", "Threads at work on a request.", Status.WorkerStatus::busyThreads);
        bySlot("clowder_worker_heap_used_bytes", "Heap in use.", worker -> (double) worker.heapUsedBytes());
        bySlot("clowder_worker_resident_bytes", "Resident memory.", worker -> (double) worker.rssBytes());
        inside("clowder_worker_threads_max", "Threads that may work on requests.", Insides::maxThreads);
        inside("clowder_worker_jvm_threads", "Threads of the JVM.", Insides::liveThreads);
        inside("clowder_worker_heap_max_bytes", "What the heap may grow to.", insides ->
                (double) insides.heapMaxBytes());
        inside("clowder_worker_open_files", "Descriptors in use.", insides ->
                (double) Math.max(0, insides.openFiles()));
        inside("clowder_worker_max_files", "Limit of descriptors.", insides ->
                (double) Math.max(0, insides.maxFiles()));
        List<CounterDataPointSnapshot> restarts = new ArrayList<>();
        for (Status.SlotStatus slot : status.slots()) {
            int most = status.workers().stream()
                    .filter(worker -> worker.slot() == slot.slot())
                    .mapToInt(Status.WorkerStatus::restarts)
                    .max()
                    .orElse(0);
            restarts.add(count(label(slot), most));
        }
        metrics.metricSnapshot(new CounterSnapshot(
                about("clowder_worker_restarts", "Workers of the slot after its first."), restarts));
    }

    private void requests() {
        List<CounterDataPointSnapshot> responses = new ArrayList<>();
        List<HistogramDataPointSnapshot> durations = new ArrayList<>();
        for (Status.SlotStatus slot : status.slots()) {
            Counts counts = slot.counts();
            for (int i = 0; i < Counts.STATUS_CLASSES; i++) {
                long count = i < counts.responses().size() ? counts.responses().get(i) : 0;
                responses.add(count(labels("slot", String.valueOf(slot.slot()), "status", (i + 1) + "xx"), count));
            }
            List<Double> bounds = new ArrayList<>(Counts.LATENCY_SECONDS);
            bounds.add(Double.POSITIVE_INFINITY);
            List<Long> buckets = IntStream.range(0, bounds.size())
                    .mapToObj(
                            i -> i < counts.latency().size() ? counts.latency().get(i) : 0L)
                    .toList();
            durations.add(HistogramDataPointSnapshot.builder()
                    .labels(label(slot))
                    .classicHistogramBuckets(ClassicHistogramBuckets.of(bounds, buckets))
                    .sum(counts.latencyNanos() / NANOS)
                    .build());
        }
        metrics.metricSnapshot(
                new CounterSnapshot(about("clowder_requests", "Finished requests by status class."), responses));
        metrics.metricSnapshot(new HistogramSnapshot(
                about("clowder_request_duration_seconds", "Time of requests, to the end of the response."), durations));
        counted(
                "clowder_forwarded",
                "Requests by why the walk along their proxies ended.",
                "reason",
                Counts::forwarded,
                1);
    }

    private void jvms() {
        List<CounterDataPointSnapshot> cpu = new ArrayList<>();
        List<CounterDataPointSnapshot> handovers = new ArrayList<>();
        for (Status.SlotStatus slot : status.slots()) {
            cpu.add(count(label(slot), slot.counts().cpuNanos() / NANOS));
            handovers.add(count(label(slot), slot.counts().handovers()));
        }
        metrics.metricSnapshot(new CounterSnapshot(about("clowder_worker_cpu_seconds", "Processor time."), cpu));
        metrics.metricSnapshot(new CounterSnapshot(
                about("clowder_worker_handovers", "Connections that the supervisor accepted for it."), handovers));
        counted("clowder_worker_gc_collections", "Garbage collections.", "collector", Counts::collections, 1);
        counted("clowder_worker_gc_seconds", "Time of them.", "collector", Counts::collectionMillis, MILLIS);
    }

    // How they are made

    private interface Part {
        Map<String, Long> of(Counts counts);
    }

    private void counted(String name, String help, String label, Part part, double unit) {
        List<CounterDataPointSnapshot> points = new ArrayList<>();
        for (Status.SlotStatus slot : status.slots()) {
            part.of(slot.counts())
                    .forEach((key, count) ->
                            points.add(count(labels("slot", String.valueOf(slot.slot()), label, key), count / unit)));
        }
        metrics.metricSnapshot(new CounterSnapshot(about(name, help), points));
    }

    private void inside(String name, String help, ToDoubleFunction<Insides> value) {
        bySlot(name, help, worker -> worker.insides() == null ? 0 : value.applyAsDouble(worker.insides()));
    }

    /** While a worker is replaced there are two in a slot: what they use adds up. */
    private void bySlot(String name, String help, ToDoubleFunction<Status.WorkerStatus> value) {
        List<GaugeDataPointSnapshot> points = new ArrayList<>();
        for (Status.SlotStatus slot : status.slots()) {
            points.add(point(
                    label(slot),
                    status.workers().stream()
                            .filter(worker -> worker.slot() == slot.slot())
                            .mapToDouble(value)
                            .sum()));
        }
        metrics.metricSnapshot(new GaugeSnapshot(about(name, help), points));
    }

    private void gauge(String name, String help, double value) {
        metrics.metricSnapshot(new GaugeSnapshot(about(name, help), List.of(point(Labels.EMPTY, value))));
    }

    private void counter(String name, String help, long value) {
        metrics.metricSnapshot(new CounterSnapshot(about(name, help), List.of(count(Labels.EMPTY, value))));
    }

    private static MetricMetadata about(String name, String help) {
        return NAMES.computeIfAbsent(name, key -> new MetricMetadata(key, help));
    }

    /** Slots, states, causes and the like, of which there are few; not what is another for each process. */
    private static Labels labels(String... namesAndValues) {
        return LABELS.computeIfAbsent(List.of(namesAndValues), key -> Labels.of(namesAndValues));
    }

    private static GaugeDataPointSnapshot point(Labels labels, double value) {
        return new GaugeDataPointSnapshot(value, labels, null);
    }

    private static CounterDataPointSnapshot count(Labels labels, long value) {
        return count(labels, (double) value);
    }

    private static CounterDataPointSnapshot count(Labels labels, double value) {
        return new CounterDataPointSnapshot(value, labels, null, 0L);
    }

    private static Labels label(Status.SlotStatus slot) {
        return labels("slot", String.valueOf(slot.slot()));
    }
}
