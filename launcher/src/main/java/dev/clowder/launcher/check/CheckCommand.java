package dev.clowder.launcher.check;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.clowder.launcher.check.CheckedCluster.NotStartedException;
import dev.clowder.launcher.config.App;
import dev.clowder.launcher.config.AppReader;
import dev.clowder.launcher.config.ConfigException;
import dev.clowder.launcher.supervisor.RunDirectory;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code clowder check}. Exit code 0: nothing found; 1: found; 2: wrong usage; 3: the application does not start, or something
 * else is in the way of the check. */
@Command(
        name = "check",
        sortOptions = false,
        description =
                "Runs an application on several workers in ways that are legal but unkind, compares its answers with"
                        + " those of a single worker, and tells what it kept to itself. Exit code 1 if it found something.")
public final class CheckCommand implements Callable<Integer> {
    private static final int FOUND = 1;
    private static final int USAGE = 2;
    private static final int COULD_NOT_START = 3;
    private static final int MOST_LOG_LINES = 40;
    /** For the request and the workers that there are. */
    private static final long PATIENCE_SECONDS = 20;

    @Parameters(paramLabel = "APP", description = "as for run")
    String app = "";

    @Option(names = "--crawl", description = "follow links and forms from the application's root (the default)")
    boolean crawl;

    @Option(
            names = "--script",
            paramLabel = "FILE",
            description = "replay these requests: lines METHOD PATH [STATUS] [BODY]")
    @Nullable
    Path script;

    @Option(names = "--har", paramLabel = "FILE", description = "replay what a browser recorded as an HTTP archive")
    @Nullable
    Path har;

    @Option(
            names = "--pages",
            paramLabel = "N",
            defaultValue = "60",
            description = "most requests of a crawl (default: 60)")
    int pages = 60;

    @Option(
            names = "--crawl-seconds",
            paramLabel = "N",
            defaultValue = "30",
            description = "longest time of a crawl (default: 30)")
    int crawlSeconds = 30;

    @Option(names = "--get-only", description = "a crawl follows links and sends no forms by POST")
    boolean getOnly;

    @Option(names = "--workers", paramLabel = "N", defaultValue = "2", description = "at least 2 (default: 2)")
    int workers = 2;

    @Option(
            names = "--sessions",
            paramLabel = "MODE",
            defaultValue = "auto",
            description = "as for run (default: auto)")
    String sessions = "auto";

    @Option(
            names = "--heap",
            paramLabel = "SIZE",
            defaultValue = "64m",
            description = "of the worker that has little memory, as for -Xmx; off: do without (default: 64m)")
    String heap = "64m";

    @Option(
            names = "--worker-opts",
            paramLabel = "FLAGS",
            defaultValue = "",
            description = "more JVM flags of the workers")
    String workerOptions = "";

    @Option(names = "--java", paramLabel = "PATH", description = "JDK or java command of the workers")
    @Nullable
    String java;

    @Option(
            names = "--boot-seconds",
            paramLabel = "N",
            defaultValue = "60",
            description = "until a worker must be ready (default: 60)")
    int bootSeconds = 60;

    @Option(names = "--html", paramLabel = "FILE", description = "write the report as a page")
    @Nullable
    Path html;

    @Option(names = "--json", paramLabel = "FILE", description = "write the report for programs")
    @Nullable
    Path json;

    @Option(
            names = "--baseline",
            paramLabel = "FILE",
            description = "findings that are known and accepted: one a line, as --write-baseline writes them")
    @Nullable
    Path baseline;

    @Option(
            names = "--write-baseline",
            paramLabel = "FILE",
            description = "write all findings of this check as a baseline; the exit code is 0 then")
    @Nullable
    Path writeBaseline;

    @Option(names = "--help", usageHelp = true, description = "show this")
    boolean help;

    @Spec
    CommandSpec spec = CommandSpec.create();

    @Override
    public Integer call() throws IOException {
        PrintWriter err = spec.commandLine().getErr();
        Path directory = Files.createTempDirectory("clowder-check");
        CountDownLatch over = new CountDownLatch(1);
        Thread interruption = interruption(Thread.currentThread(), over);
        Runtime.getRuntime().addShutdownHook(interruption);
        try {
            CheckOptions options = options();
            Baseline known = baseline == null ? Baseline.none() : Baseline.read(baseline);
            Checkup checkup = new Checkup(options, directory, step -> err.println("check: " + step));
            boolean whole = run(checkup, err);
            known.applyTo(checkup.findings());
            int code = report(checkup);
            return whole ? code : COULD_NOT_START;
        } catch (ConfigException e) {
            e.problems().forEach(problem -> err.println("clowder: " + problem));
            return USAGE;
        } catch (NotStartedException e) {
            e.log().lines().limit(MOST_LOG_LINES).forEach(err::println);
            err.println("clowder: " + app + " can't be checked: " + e.getMessage());
            return COULD_NOT_START;
        } catch (IOException | RuntimeException e) {
            err.println("clowder: " + app + ": no report: " + e);
            return COULD_NOT_START;
        } finally {
            try {
                RunDirectory.delete(directory);
            } catch (IOException e) {
                err.println("clowder: " + directory + " is left behind: " + e.getMessage());
            }
            over.countDown();
            forget(interruption);
        }
    }

    /** Whether it came to its end; if not, what it found until then is worth a report nonetheless. */
    private boolean run(Checkup checkup, PrintWriter err) throws ConfigException, NotStartedException {
        try {
            checkup.run();
            return true;
        } catch (IOException | RuntimeException e) {
            // Also for a fault of ours: 1 would say that something was found.
            err.println("clowder: " + app + ": the check did not come to its end: " + e);
            checkup.findings().unfinished("the check did not come to its end");
            return false;
        }
    }

    /** When the program is told to end, the check ends first, so that nothing of it stays. */
    private static Thread interruption(Thread checking, CountDownLatch over) {
        return new Thread(
                () -> {
                    checking.interrupt();
                    try {
                        over.await(PATIENCE_SECONDS, TimeUnit.SECONDS);
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                },
                "end of the check");
    }

    private static void forget(Thread interruption) {
        try {
            Runtime.getRuntime().removeShutdownHook(interruption);
        } catch (IllegalStateException e) {
            // It has begun.
        }
    }

    private CheckOptions options() throws ConfigException {
        App mounted = AppReader.check(List.of(app)).get(0);
        if ((crawl ? 1 : 0) + (script == null ? 0 : 1) + (har == null ? 0 : 1) > 1) {
            throw new ConfigException("--crawl, --script and --har: use one of them");
        }
        atLeast("--workers", workers, 2);
        atLeast("--pages", pages, 1);
        atLeast("--crawl-seconds", crawlSeconds, 1);
        atLeast("--boot-seconds", bootSeconds, 1);
        writable("--html", html);
        writable("--json", json);
        writable("--write-baseline", writeBaseline);
        if (!heap.matches("off|\\d+[kmgKMG]")) {
            throw new ConfigException("--heap " + heap + ": use a size such as 64m, or off");
        }
        return new CheckOptions(
                app,
                mounted.contextPath(),
                workers,
                sessions,
                heap.equals("off") ? "" : heap,
                workerOptions,
                Duration.ofSeconds(bootSeconds),
                java,
                script,
                har,
                pages,
                Duration.ofSeconds(crawlSeconds),
                getOnly);
    }

    /** Not only when there is something to write, after minutes. */
    private static void writable(String option, @Nullable Path file) throws ConfigException {
        if (file != null) {
            Path place = file.toAbsolutePath();
            Path parent = place.getParent();
            boolean possible = !Files.isDirectory(place)
                    && (Files.exists(place) ? Files.isWritable(place) : parent != null && Files.isWritable(parent));
            if (!possible) {
                throw new ConfigException(
                        option + " " + file + ": can't be written, name a file in a directory that is there");
            }
        }
    }

    private static void atLeast(String option, int value, int least) throws ConfigException {
        if (value < least) {
            throw new ConfigException(option + " " + value + ": use " + least + " or more");
        }
    }

    private int report(Checkup checkup) throws IOException {
        Report report = new Report(app, checkup.journey(), checkup.leftOut(), checkup.findings());
        spec.commandLine().getOut().print(report.text());
        spec.commandLine().getOut().flush();
        if (html != null) {
            Files.writeString(html, report.html(), UTF_8);
        }
        if (json != null) {
            Files.writeString(json, report.json(), UTF_8);
        }
        if (writeBaseline != null) {
            Baseline.write(writeBaseline, checkup.findings());
            return 0;
        }
        return checkup.findings().unknown().isEmpty() ? 0 : FOUND;
    }
}
