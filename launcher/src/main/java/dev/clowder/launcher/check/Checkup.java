package dev.clowder.launcher.check;

import dev.clowder.launcher.check.CheckedCluster.NotStartedException;
import dev.clowder.launcher.config.ConfigException;
import dev.clowder.launcher.wire.Observed;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;

/**
 * One check of one application. In order: what single workers answer (twice, in two fresh workers); the same journey with
 * each request at another worker; with two requests of a session at once; with a reload and a killed worker in it; behind a
 * proxy; the end of the application; and all of it with a small heap. Before each of the first four the application is
 * started again in all workers, so that none remembers anything.
 */
final class Checkup {
    private static final int FIRST = 1;
    private static final int SECOND = 2;
    /** Pass in which it is looked which request changes what: by then all classes are loaded. */
    private static final int ATTRIBUTED = 2;

    private static final int MOST_CAUSES = 3;
    /** Passes in the middle of which it happens: what that loses, also of what the user had before, shows behind it. */
    private static final int RELOADED = 0;

    private static final int KILLED = 1;

    private final CheckOptions options;
    private final Path directory;
    private final Consumer<String> progress;
    private final Findings findings = new Findings();
    private final List<String> leftOut = new ArrayList<>();
    private List<Step> journey = List.of();
    private boolean killed;

    /**
     * @param directory for the files of the clusters
     * @param progress is told what happens now
     */
    Checkup(CheckOptions options, Path directory, Consumer<String> progress) {
        this.options = options;
        this.directory = directory;
        this.progress = progress;
    }

    Findings findings() {
        return findings;
    }

    List<Step> journey() {
        return journey;
    }

    /** Requests that the crawl made but could not use. */
    List<String> leftOut() {
        return leftOut;
    }

    /**
     * Does it.
     *
     * @throws NotStartedException if the application does not start, not even once
     * @throws ConfigException if the journey is none
     */
    void run() throws ConfigException, NotStartedException, IOException {
        journey = given();
        progress.accept("starting " + options.workers() + " workers");
        boolean started = false;
        try (CheckedCluster cluster =
                CheckedCluster.start(options, options.workers(), directory.resolve("run"), options.workerOptions())) {
            started = true;
            findings.settled(Rule.STARTS_ONLY_ONCE);
            if (journey.isEmpty()) {
                crawl(cluster);
            }
            look(cluster);
        } catch (NotStartedException e) {
            if (started) {
                notAgain(e);
            } else if (e.someReady()) {
                start(Rule.STARTS_ONLY_ONCE, e);
                findings.unfinished("not all workers started");
                return;
            } else {
                throw e;
            }
        }
        smallHeap();
        findings.settled(Rule.values());
    }

    /** It did start, in all workers at once: what is different now is that there were others before. */
    private void notAgain(NotStartedException e) {
        start(killed ? Rule.LOST_WITH_WORKER : Rule.LOST_BY_RELOAD, e);
        findings.unfinished("the application did not start again " + (killed ? "after a kill" : "in new processes"));
    }

    private void start(Rule rule, NotStartedException e) {
        Finding finding = findings.of(rule, "start");
        finding.add(String.valueOf(e.getMessage()));
        e.log()
                .lines()
                .map(line -> line.replaceFirst("^\\[\\d+] ", ""))
                .filter(line -> line.matches("(Caused by: )?[\\w.$]+(Exception|Error)(: .*)?"))
                .distinct()
                .limit(MOST_CAUSES)
                .forEach(finding::add);
    }

    /** What somebody wrote down; empty if the application is to be crawled. */
    private List<Step> given() throws ConfigException {
        if (options.script() != null) {
            return Journeys.script(options.script());
        }
        return options.har() == null ? List.of() : Journeys.har(options.har(), options.contextPath());
    }

    private void crawl(CheckedCluster cluster) throws NotStartedException, IOException {
        progress.accept("looking for pages");
        journey = new Crawler(cluster, options, leftOut).journey();
        fresh(cluster);
    }

    private void look(CheckedCluster cluster) throws ConfigException, NotStartedException, IOException {
        progress.accept("replaying " + journey.size() + " requests in a single worker, twice");
        Map<String, String> fresh = cluster.ask(FIRST, "memory").memory();
        Map<String, Set<String>> changers = new HashMap<>();
        Replay replay = attributing(cluster, changers);
        List<Answer> first = replay.run();
        expectStatuses(first);
        Observed single = cluster.ask(FIRST, "observed");
        List<Answer> second = new Replay(cluster, journey).to(request -> SECOND).run();
        Observed again = cluster.ask(SECOND, "observed");
        Comparison comparison =
                new Comparison(journey, new Expectation(Replay.positions(journey), first, second), findings);
        comparison.obstacles(leftOut);

        progress.accept("each request to another worker");
        fresh(cluster);
        int workers = cluster.workers();
        List<Answer> spread = new Replay(cluster, journey)
                .to(request -> 1 + request % workers)
                .run();
        List<Observed> all = observed(cluster);
        Inspection inspection = new Inspection(findings, replay.hasSession());
        inspection.memory(fresh, single.memory(), again.memory(), all, changers);
        findings.settled(Rule.MEMORY_DIFFERS);
        List<Observed> everybody = new ArrayList<>(all);
        everybody.addAll(List.of(single, again));
        inspection.reports(everybody, workers);
        comparison.spread(spread, changers);
        findings.settled(
                Rule.SESSION_NOT_SERIALISABLE,
                Rule.SESSION_CHANGED_UNSEEN,
                Rule.FILE_WRITTEN,
                Rule.PORT_OPENED,
                Rule.RUNS_IN_EACH_WORKER,
                Rule.ANSWER_DIFFERS);

        together(cluster, comparison, changers, replay.hasSession());
        unkind(cluster, comparison, changers);
        progress.accept("behind a proxy");
        ProxyRule.check(cluster, journey, findings);
        findings.settled(Rule.FORGETS_PROXY);
        progress.accept("ending the application");
        inspection.leaks(cluster.ask(FIRST, "undeploy").leaks());
        findings.settled(Rule.SURVIVES_UNDEPLOYMENT);
    }

    private void fresh(CheckedCluster cluster) throws IOException, NotStartedException {
        if (!cluster.fresh()) {
            findings.of(Rule.SURVIVES_UNDEPLOYMENT, "second start")
                    .add("the application does not start a second time in the same process");
        }
    }

    private static List<Observed> observed(CheckedCluster cluster) throws IOException {
        List<Observed> all = new ArrayList<>();
        for (int slot = 1; slot <= cluster.workers(); slot++) {
            all.add(cluster.ask(slot, "observed"));
        }
        return all;
    }

    /** A replay in the first worker that notes in one of its passes which request changes which values in memory. */
    private Replay attributing(CheckedCluster cluster, Map<String, Set<String>> changers) {
        Map<String, String> last = new HashMap<>();
        return new Replay(cluster, journey)
                .before(position -> {
                    if (position.pass() == ATTRIBUTED && position.step() == 0) {
                        last.putAll(cluster.ask(FIRST, "memory").memory());
                    }
                })
                .after((pass, step) -> {
                    if (pass == ATTRIBUTED) {
                        attribute(last, cluster.ask(FIRST, "memory").memory(), step, changers);
                    }
                });
    }

    /** Which values a request has changed. */
    private static void attribute(
            Map<String, String> last, Map<String, String> now, Step step, Map<String, Set<String>> changers) {
        now.forEach((where, value) -> {
            if (last.containsKey(where) && !value.equals(last.get(where))) {
                changers.computeIfAbsent(where, any -> new LinkedHashSet<>()).add(step.toString());
            }
        });
        last.putAll(now);
    }

    /** A script says what its requests answer, a crawl that there is something at all. */
    private void expectStatuses(List<Answer> answers) throws ConfigException {
        for (int i = 0; i < journey.size(); i++) {
            Step step = journey.get(i);
            int status = answers.get(i).status();
            if (step.expected() != 0 && step.expected() != status) {
                throw new ConfigException("--script " + options.script() + ": " + step + " answered " + status
                        + ", expected " + step.expected());
            }
        }
        if (journey.isEmpty() || answers.stream().allMatch(answer -> isNothing(answer.status()))) {
            throw new ConfigException(options.app() + ": nothing to replay, "
                    + (journey.isEmpty()
                            ? "there is no page at " + options.contextPath() + "/"
                            : journey.get(0) + " answered " + answers.get(0).status())
                    + "; name requests with --script or --har");
        }
    }

    private static boolean isNothing(int status) {
        return status == 0 || status == 404;
    }

    private void together(
            CheckedCluster cluster, Comparison comparison, Map<String, Set<String>> changers, boolean hasSession)
            throws IOException, NotStartedException {
        if (!hasSession) {
            findings.notLookedAt(Rule.TOGETHER, "no request of the journey began a session");
            return;
        }
        progress.accept("two requests of a session at once");
        fresh(cluster);
        comparison.together(new Replay(cluster, journey).together().run(), changers);
        findings.settled(Rule.TOGETHER);
    }

    private void unkind(CheckedCluster cluster, Comparison comparison, Map<String, Set<String>> changers)
            throws IOException, NotStartedException {
        progress.accept("a reload, then a killed worker, between two requests");
        fresh(cluster);
        Replay.Position reloaded = Replay.middle(RELOADED, journey);
        Replay.Position dead = Replay.middle(KILLED, journey);
        List<Answer> answers = new Replay(cluster, journey)
                .before(position -> {
                    if (position.equals(reloaded)) {
                        cluster.reload();
                    } else if (position.equals(dead)) {
                        killed = true;
                        cluster.kill(FIRST);
                        killed = false;
                    }
                })
                .run();
        comparison.unkind(answers, changers, reloaded, dead);
        findings.settled(Rule.LOST_BY_RELOAD, Rule.LOST_WITH_WORKER);
    }

    /** In a cluster of its own: one worker is enough to see what it needs. */
    private void smallHeap() throws ConfigException, IOException {
        if (options.heap().isEmpty()) {
            findings.notLookedAt(Rule.SMALL_HEAP, "--heap off");
            return;
        }
        progress.accept("a heap of " + options.heap());
        String flags = options.workerOptions() + " -Xmx" + options.heap();
        try (CheckedCluster cluster = CheckedCluster.start(options, 1, directory.resolve("small"), flags)) {
            new Replay(cluster, journey).run();
            if (cluster.ranOutOfMemory()) {
                heapFinding(cluster.log(), "it ran out of memory, the heap was " + options.heap());
            }
        } catch (NotStartedException e) {
            heapFinding(e.log(), "it does not start with a heap of " + options.heap() + ": " + e.getMessage());
        }
    }

    private void heapFinding(String log, String what) {
        Finding finding = findings.of(Rule.SMALL_HEAP, "heap");
        finding.add(what);
        log.lines()
                .filter(line -> line.contains("OutOfMemoryError"))
                .map(line -> line.replaceFirst("^.*?(\\S*OutOfMemoryError)", "$1"))
                .distinct()
                .limit(2)
                .forEach(finding::add);
    }
}
