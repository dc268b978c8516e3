package dev.clowder.launcher.check;

import dev.clowder.launcher.wire.Observed;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** Turns what the workers saw from inside into findings. */
final class Inspection {
    /** Of so many workers each gets each request of a spread replay. */
    private static final int ALL_GET_ALL = 2;

    private final Findings findings;
    private final boolean hasSession;

    /** @param hasSession whether the journey had a session */
    Inspection(Findings findings, boolean hasSession) {
        this.findings = findings;
        this.hasSession = hasSession;
    }

    /**
     * A value counts if requests change it, two single workers come to the same one after the same journey, and a worker
     * that got only a part of the requests comes to another. With three workers or more not each of them gets each request:
     * then a value must change with requests that come again, or every cache would count.
     *
     * @param fresh before any request
     * @param single after the journey in one worker
     * @param again the same in another one
     * @param spread all workers, after the journey with its requests spread
     * @param changers requests by the place of the values they change
     */
    void memory(
            Map<String, String> fresh,
            Map<String, String> single,
            Map<String, String> again,
            List<Observed> spread,
            Map<String, Set<String>> changers) {
        for (String where : new TreeSet<>(single.keySet())) {
            String value = single.get(where);
            boolean settles = changers.getOrDefault(where, Set.of()).isEmpty();
            if (value == null
                    || !value.equals(again.get(where))
                    || value.equals(fresh.get(where))
                    || (settles && spread.size() > ALL_GET_ALL)) {
                continue;
            }
            List<Observed> having = spread.stream()
                    .filter(worker -> worker.memory().containsKey(where))
                    .toList();
            if (having.stream().anyMatch(worker -> !value.equals(worker.memory().get(where)))) {
                Finding finding = findings.of(Rule.MEMORY_DIFFERS, where);
                finding.add(having.stream()
                        .map(worker -> worker.memory().get(where) + " in worker " + worker.slot())
                        .collect(Collectors.joining(
                                ", ", "after the same journey " + value + " in a single worker; spread ", "")));
                changers.getOrDefault(where, Set.of()).stream()
                        .limit(2)
                        .forEach(request -> finding.add("changed by " + request));
            }
        }
    }

    /**
     * The other reports.
     *
     * @param all of all workers
     * @param workers how many there were at a time
     */
    void reports(List<Observed> all, int workers) {
        for (Observed worker : all) {
            worker.attributes().forEach(this::attribute);
            worker.blind().forEach((what, why) -> {
                switch (what) {
                    case "files" -> findings.notLookedAt(Rule.FILE_WRITTEN, why);
                    case "memory" -> findings.notLookedAt(Rule.MEMORY_DIFFERS, why);
                    case "threads" -> findings.notLookedAt(Rule.RUNS_IN_EACH_WORKER, why);
                    default -> findings.notLookedAt(Rule.PORT_OPENED, why);
                }
            });
            for (Observed.AppThread thread : worker.threads()) {
                if (thread.recurring()) {
                    findings.of(Rule.RUNS_IN_EACH_WORKER, thread.by())
                            .add("thread " + thread.name().replaceAll("\\d+", "#") + ", in each of " + workers
                                    + " workers, started by " + thread.by());
                }
            }
            ports(worker);
        }
        files(all);
        if (!hasSession) {
            findings.notLookedAt(Rule.SESSION_NOT_SERIALISABLE, "no request of the journey began a session");
            findings.notLookedAt(Rule.SESSION_CHANGED_UNSEEN, "no request of the journey began a session");
        }
    }

    private void attribute(Observed.Attribute attribute) {
        boolean unseen = attribute.culprit().isEmpty();
        Rule rule = unseen ? Rule.SESSION_CHANGED_UNSEEN : Rule.SESSION_NOT_SERIALISABLE;
        Finding finding = findings.of(
                rule, "attribute " + attribute.name() + " " + (unseen ? attribute.type() : attribute.culprit()));
        finding.add("attribute " + attribute.name() + " of class " + attribute.type()
                + (unseen || attribute.culprit().equals(attribute.type())
                        ? ""
                        : ", because of " + attribute.culprit()));
        finding.add("seen with " + attribute.request());
    }

    private void ports(Observed worker) {
        for (int port : worker.ports()) {
            List<String> holders = new ArrayList<>();
            worker.memory().forEach((where, value) -> {
                if (value.equals("port " + port)) {
                    holders.add(where);
                }
            });
            String holder = holders.isEmpty() ? "the application" : holders.get(0);
            findings.of(Rule.PORT_OPENED, holder)
                    .add("port " + port + " in worker " + worker.slot() + ", opened by " + holder);
        }
    }

    private void files(List<Observed> all) {
        Map<String, Set<String>> byCode = new LinkedHashMap<>();
        for (Observed worker : all) {
            for (Observed.FileWrite write : worker.files()) {
                byCode.computeIfAbsent(write.by(), any -> new TreeSet<>()).add(write.file());
            }
        }
        byCode.forEach((by, files) -> {
            Finding finding = findings.of(Rule.FILE_WRITTEN, by);
            files.stream().limit(3).forEach(file -> finding.add(by + " writes " + file));
            if (files.size() > 3) {
                finding.add("and " + (files.size() - 3) + " other files");
            }
        });
    }

    /** What remained when the application was stopped; the class loader is the consequence of anything else. */
    void leaks(List<String> leaks) {
        List<String> causes = leaks.size() > 1
                ? leaks.stream().filter(leak -> !leak.equals(Observed.LOADER)).toList()
                : leaks;
        for (String leak : causes) {
            String[] lines = leak.split("\\R", -1);
            Finding finding = findings.of(
                    Rule.SURVIVES_UNDEPLOYMENT,
                    lines[0].replaceAll("@[0-9a-f]+", "")
                            .replaceAll("\\d+", "#")
                            .replaceFirst("(but has failed|\\. ).*", ""));
            finding.add(lines[0]);
            for (int i = 1; i < lines.length; i++) {
                // Of a stack the application's own lines say most.
                if (!lines[i].matches(
                        "\\s*(\\w+//|java\\.base@[^/]*/)?(java|jdk|sun|org\\.apache)[./@].*|.*\\$\\$Lambda.*")) {
                    finding.add(lines[i].trim());
                }
            }
            if (leaks.size() > 1 && leaks.contains(Observed.LOADER)) {
                finding.add(Observed.LOADER);
            }
        }
    }
}
