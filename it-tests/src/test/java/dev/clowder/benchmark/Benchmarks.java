package dev.clowder.benchmark;

import dev.clowder.benchmark.Contender.Kind;
import dev.clowder.benchmark.LoadGenerator.Result;
import dev.clowder.benchmark.Results.Balance;
import dev.clowder.benchmark.Results.Measurement;
import dev.clowder.benchmark.Results.Restart;
import dev.clowder.benchmark.Results.Start;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/**
 * Measures systems side by side: all run, one at a time has load, and in each round each has its turn. First the starts,
 * where a system has the machine for itself, and the deaths of what serves. Arguments: where the page goes, and where the raw figures go; {@link Settings}
 * has the rest.
 */
public final class Benchmarks {
    private static final Duration READY = Duration.ofMinutes(5);
    /** Among so many answers are those of all processes that serve. */
    private static final int MOST_ASKED = 1000;

    private static final long PAUSE_MILLIS = 250;
    private static final Workload FIRST = Workload.ALL.get(0);

    private final PrintStream out = System.out;
    private final Settings settings;
    private final Site site;
    private final SSLContext tls;
    private final List<Kind> systems = new ArrayList<>();
    private final Results results = new Results();

    private Benchmarks(Settings settings, Site site) throws IOException, GeneralSecurityException {
        this.settings = settings;
        this.site = site;
        tls = site.tls().client();
    }

    /** Runs all of it and writes what came out. */
    public static void main(String[] arguments) throws Exception {
        Settings settings = Settings.of(System.getProperties());
        try (Site site = new Site(settings.clowder())) {
            Benchmarks run = new Benchmarks(settings, site);
            try {
                run.all();
            } finally {
                run.write(Path.of(arguments[0]), Path.of(arguments[1]));
            }
        }
    }

    private void write(Path page, Path figures) throws IOException {
        Files.createDirectories(page.toAbsolutePath().getParent());
        Report report = new Report(results, settings, systems);
        Files.writeString(page, report.markdown());
        Files.writeString(figures, report.json());
        out.println("written: " + page);
    }

    private void all() throws IOException, InterruptedException {
        long start = System.nanoTime();
        out.println("about " + Math.max(1, settings.estimate().toMinutes()) + " minutes");
        lookAround();
        if (settings.starts() > 0) {
            starts();
        }
        if (settings.restarts() > 0) {
            restarts();
        }
        for (int heap : settings.heaps()) {
            loads(heap);
        }
        Duration took = Duration.ofNanos(System.nanoTime() - start);
        results.facts.put(
                "load of the machine at the end",
                Files.readString(Path.of("/proc/loadavg")).strip());
        results.facts.put("the run took", took.toMinutes() + " min " + took.toSecondsPart() + " s");
    }

    private void lookAround() throws IOException, InterruptedException {
        results.facts.put("date", Instant.now().truncatedTo(ChronoUnit.MINUTES).toString());
        results.facts.putAll(Machine.facts());
        for (Kind kind : settings.systems()) {
            try {
                results.versions.put(kind.title, kind.version(site));
                systems.add(kind);
            } catch (AssertionError e) {
                note(kind.title + " is not measured: " + e.getMessage());
            }
        }
    }

    private void note(String text) {
        out.println(text);
        // The rest is what a program said, of interest to whoever watches the run.
        results.notes.add(text.lines().findFirst().orElse(""));
    }

    private void starts() throws IOException, InterruptedException {
        // The first makes archives and fills the caches of the system.
        for (int round = 0; round <= settings.starts(); round++) {
            for (Kind kind : turn(round)) {
                try (Contender contender = kind.prepare(site, 0)) {
                    start(kind, contender, round);
                } catch (IOException e) {
                    note(kind.title + " did not start in round " + round + ": " + e.getMessage());
                }
            }
        }
    }

    private void start(Kind kind, Contender contender, int round) throws IOException, InterruptedException {
        long begin = System.nanoTime();
        contender.start();
        double millis = (Probe.awaitAnswer(contender, "/hello", READY) - begin) / 1e6;
        contender.awaitReady(READY);
        if (round > 0) {
            results.starts.add(new Start(kind.title, round, millis, memoryAfterLoad(contender)));
            out.printf(
                    Locale.ROOT,
                    "start %d/%d  %-8s first answer after %.0f ms%n",
                    round,
                    settings.starts(),
                    kind.title,
                    millis);
        }
    }

    /** All run, without load; each in its turn loses a process that serves. */
    private void restarts() throws IOException, InterruptedException {
        Map<Kind, Contender> running = new EnumMap<>(Kind.class);
        try {
            for (Kind kind : systems) {
                if (kind.restarts()) {
                    start(kind, 0, running);
                }
            }
            // The first is not counted: it makes archives and fills caches, as a first start does.
            for (int round = 0; round <= settings.restarts(); round++) {
                TimeUnit.MILLISECONDS.sleep(Settings.STABLE.toMillis());
                for (Kind kind : turn(round)) {
                    Contender contender = running.get(kind);
                    if (contender != null) {
                        restart(kind, contender, round);
                    }
                }
            }
        } finally {
            running.values().forEach(Contender::close);
        }
    }

    private void restart(Kind kind, Contender contender, int round) throws IOException, InterruptedException {
        Set<String> known = new HashSet<>();
        for (int i = 0; i < MOST_ASKED && known.size() < (kind.servesWithSeveral() ? Contender.WORKERS : 1); i++) {
            known.add(Probe.get(contender.ports().plain(), "/pid"));
        }
        ProcessHandle victim = ProcessHandle.of(Long.parseLong(known.iterator().next()))
                .orElseThrow(() -> new IOException(kind.title + " has no process " + known));
        long killed = System.nanoTime();
        victim.destroyForcibly();
        contender.restart();
        double millis = (Probe.awaitOther(contender, "/pid", known, READY) - killed) / 1e6;
        contender.awaitReady(READY);
        if (round > 0) {
            results.restarts.add(new Restart(kind.title, round, millis));
            out.printf(
                    Locale.ROOT,
                    "restart %d/%d  %-8s first answer of the next after %.0f ms%n",
                    round,
                    settings.restarts(),
                    kind.title,
                    millis);
        }
    }

    private Map<String, Long> memoryAfterLoad(Contender contender) throws IOException, InterruptedException {
        try (LoadGenerator load = generator(FIRST, contender)) {
            load.atRate(new Schedule(settings.rate() / 2.0), Settings.START_LOAD);
        }
        return memory(contender);
    }

    private static Map<String, Long> memory(Contender contender) throws IOException {
        Map<String, Long> kilobytes = new LinkedHashMap<>();
        Map<String, List<ProcessHandle>> processes = contender.processes();
        for (String role : new TreeSet<>(processes.keySet())) {
            kilobytes.put(role, Usage.memory(processes.get(role)));
        }
        return kilobytes;
    }

    /** The order of a round: nobody is always the one behind the same other. */
    private List<Kind> turn(int round) {
        List<Kind> order = new ArrayList<>(systems);
        Collections.rotate(order, -round);
        return order;
    }

    private void loads(int heap) throws IOException, InterruptedException {
        Map<Kind, Contender> running = new EnumMap<>(Kind.class);
        try {
            List<Workload> workloads = settings.workloads(heap);
            for (Kind kind : systems) {
                if (workloads.stream().noneMatch(kind::does)) {
                    continue;
                }
                start(kind, heap, running);
            }
            for (Workload workload : workloads) {
                Map<Kind, Contender> able = new EnumMap<>(running);
                able.keySet().removeIf(kind -> !kind.does(workload));
                sameAnswers(workload, able.values());
                load(workload, able, settings.warmup(workload.equals(workloads.get(0))));
            }
            if (heap == 0) {
                for (Map.Entry<Kind, Contender> one : running.entrySet()) {
                    results.memory.put(one.getKey().title, memory(one.getValue()));
                }
            }
        } finally {
            running.values().forEach(Contender::close);
        }
    }

    private void start(Kind kind, int heap, Map<Kind, Contender> running) throws InterruptedException {
        try {
            running.put(kind, startReady(kind, heap));
        } catch (IOException e) {
            note(kind.title + " did not start: " + e.getMessage());
        }
    }

    private Contender startReady(Kind kind, int heap) throws IOException, InterruptedException {
        Contender contender = kind.prepare(site, heap);
        try {
            contender.start();
            Probe.awaitAnswer(contender, "/hello", READY);
            contender.awaitReady(READY);
            return contender;
        } catch (IOException | InterruptedException | RuntimeException e) {
            contender.close();
            throw e;
        }
    }

    private static void sameAnswers(Workload workload, Collection<Contender> running) throws IOException {
        for (String path : new TreeSet<>(workload.paths())) {
            @Nullable String first = null;
            for (Contender contender : running) {
                String answer = Probe.get(contender.ports().plain(), path);
                if (first != null && !first.equals(answer)) {
                    throw new IOException(path + " has different answers: " + first + " and " + answer);
                }
                first = answer;
            }
        }
    }

    private void load(Workload workload, Map<Kind, Contender> running, Duration warmup) throws InterruptedException {
        Map<Kind, Double> most = new EnumMap<>(Kind.class);
        for (Map.Entry<Kind, Contender> one : running.entrySet()) {
            try (LoadGenerator load = generator(workload, one.getValue())) {
                Result result = load.saturated(warmup);
                most.put(one.getKey(), result.perSecond());
            } catch (IOException e) {
                note(one.getKey().title + " did not do " + workload.name() + ": " + e.getMessage());
            }
        }
        Schedule schedule =
                workload.isFixed() ? Schedule.within(settings.rate() * workload.rate(), most.values()) : null;
        for (int round = 1; round <= settings.rounds(); round++) {
            for (Kind kind : turn(round)) {
                Contender contender = running.get(kind);
                if (contender == null || !most.containsKey(kind)) {
                    continue;
                }
                TimeUnit.MILLISECONDS.sleep(PAUSE_MILLIS);
                try {
                    add(measure(kind, contender, workload, round, schedule));
                    if (workload.way() == Workload.Way.CONNECTION_EACH && kind.servesWithSeveral()) {
                        balance(kind, contender, round);
                    }
                } catch (IOException e) {
                    most.remove(kind);
                    note(kind.title + " gave up " + workload.name() + " in round " + round + ": " + e.getMessage());
                }
            }
        }
    }

    private Measurement measure(
            Kind kind, Contender contender, Workload workload, int round, @Nullable Schedule schedule)
            throws IOException, InterruptedException {
        Duration time = Duration.ofSeconds(settings.seconds());
        try (LoadGenerator load = generator(workload, contender)) {
            List<ProcessHandle> servers = servers(contender);
            double before = Usage.processorMicros(processes(contender));
            Result result = schedule == null ? load.saturated(time) : load.atRate(schedule, time);
            // What has come meanwhile began with nothing, what has ended counts for its parent.
            double used = Usage.processorMicros(processes(contender)) - before;
            if (!servers.equals(servers(contender))) {
                throw new IOException("its processes changed");
            }
            if (result.answered() == 0) {
                throw new IOException("no answer in time");
            }
            return new Measurement(
                    kind.title,
                    workload.name(),
                    round,
                    schedule == null ? 0 : schedule.perSecond(),
                    result.answered(),
                    result.failed(),
                    result.perSecond(),
                    used / result.answered(),
                    result.latencies().millis(0.5),
                    result.latencies().millis(0.99),
                    result.latencies().millis(0.999));
        }
    }

    private void balance(Kind kind, Contender contender, int round) throws IOException {
        Map<String, Integer> answers = new HashMap<>();
        for (int i = 0; i < settings.connections(); i++) {
            answers.merge(Probe.get(contender.ports().plain(), "/pid"), 1, Integer::sum);
        }
        List<Integer> counts = new ArrayList<>(answers.values());
        // One that answered none of them is not among them.
        counts.addAll(Collections.nCopies(Math.max(0, Contender.WORKERS - counts.size()), 0));
        counts.sort(Comparator.reverseOrder());
        Balance balance = new Balance(kind.title, round, counts);
        results.balances.add(balance);
        out.printf(
                Locale.ROOT,
                "balance    %d/%d  %-8s %s of %d connections, %.1f %% from an equal share%n",
                round,
                settings.rounds(),
                kind.title,
                counts,
                settings.connections(),
                100 * balance.deviation());
    }

    private static List<ProcessHandle> processes(Contender contender) {
        return contender.processes().values().stream()
                .flatMap(List::stream)
                .sorted()
                .toList();
    }

    private static List<ProcessHandle> servers(Contender contender) {
        return contender.processes().entrySet().stream()
                .filter(role -> !role.getKey().equals(Contender.ENGINE))
                .flatMap(role -> role.getValue().stream())
                .sorted()
                .toList();
    }

    private LoadGenerator generator(Workload workload, Contender contender) throws IOException {
        Ports ports = contender.ports();
        return new LoadGenerator(
                workload, workload.way().encrypted() ? ports.tls() : ports.plain(), tls, settings.loops());
    }

    private void add(Measurement one) {
        results.measurements.add(one);
        out.printf(
                Locale.ROOT,
                "%-10s %d/%d  %-8s %8.0f/s  %7.1f us each  p50 %.2f  p99 %.2f  p99.9 %.2f ms%s%n",
                one.workload(),
                one.round(),
                settings.rounds(),
                one.system(),
                one.perSecond(),
                one.processorMicros(),
                one.p50(),
                one.p99(),
                one.p999(),
                one.failed() == 0 ? "" : "  " + one.failed() + " failed");
    }
}
