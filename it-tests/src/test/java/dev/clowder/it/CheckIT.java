package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.clowder.arquillian.Launcher;
import dev.clowder.it.faulty.ChangedUnseenServlet;
import dev.clowder.it.faulty.CleanServlet;
import dev.clowder.it.faulty.ContextAttributeServlet;
import dev.clowder.it.faulty.FileServlet;
import dev.clowder.it.faulty.FixedRedirectServlet;
import dev.clowder.it.faulty.ForgetfulServlet;
import dev.clowder.it.faulty.LargeServlet;
import dev.clowder.it.faulty.LeakListener;
import dev.clowder.it.faulty.LocalSessionServlet;
import dev.clowder.it.faulty.LockFileListener;
import dev.clowder.it.faulty.LoggingServlet;
import dev.clowder.it.faulty.LoginServlet;
import dev.clowder.it.faulty.NotSerialisableServlet;
import dev.clowder.it.faulty.OnlyOneListener;
import dev.clowder.it.faulty.OwnDirectoryServlet;
import dev.clowder.it.faulty.PlainCookieServlet;
import dev.clowder.it.faulty.PortListener;
import dev.clowder.it.faulty.RacingServlet;
import dev.clowder.it.faulty.SchedulerListener;
import dev.clowder.it.faulty.StaticCounterServlet;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.jboss.shrinkwrap.api.ShrinkWrap;
import org.jboss.shrinkwrap.api.asset.StringAsset;
import org.jboss.shrinkwrap.api.spec.WebArchive;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code clowder check}: each fault is found, first and by its cause; in an application without one nothing is. */
@Tag("once")
@EnabledOnOs(value = OS.LINUX, disabledReason = "processes left behind are found through /proc")
class CheckIT {
    private static final Duration SOON = Duration.ofMinutes(8);
    private static final int CLEAN = 0;
    private static final int FOUND = 1;
    private static final int WRONG_USAGE = 2;
    private static final int CAN_NOT_START = 3;

    private static final String DISTRIBUTABLE =
            "<web-app xmlns=\"https://jakarta.ee/xml/ns/jakartaee\" version=\"6.0\"><distributable/></web-app>";

    @TempDir
    private Path files;

    /** Starts no process that outlives it, and leaves no file. */
    private Launcher.Result check(String... arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of("check"));
        command.addAll(List.of(arguments));
        command.addAll(List.of("--json", json().toString()));
        return new Marked().clowder(SOON, command);
    }

    private Path json() {
        return files.resolve("report.json");
    }

    private Path write(WebArchive archive) {
        return Apps.write(archive, files);
    }

    private static WebArchive application(Class<?> type) {
        return ShrinkWrap.create(WebArchive.class, type.getSimpleName() + ".war")
                .addClass(type)
                .addClasses(type.getDeclaredClasses());
    }

    private static WebArchive distributable(Class<?> type) {
        return application(type).setWebXML(new StringAsset(DISTRIBUTABLE));
    }

    /** With a page, since it has no servlet. */
    private static WebArchive page(Class<?> type) {
        return application(type).addAsWebResource(new StringAsset("<html>hello</html>"), "index.html");
    }

    @Test
    @Tag("slow")
    @DisplayName("in an application without a fault nothing is found: every rule is ok, exit code 0")
    void nothingIsFoundInTheCleanOne() throws Exception {
        Path script = Files.writeString(files.resolve("clean.script"), """
                # the whole of it
                GET  /     200
                POST /add  302 item=one
                GET  /again
                """);
        Launcher.Result result =
                check(write(distributable(CleanServlet.class)).toString(), "--script", script.toString());
        assertThat(result.exitCode()).as(result.toString()).isEqualTo(CLEAN);
        JsonNode report = new JsonMapper().readTree(json().toFile());
        assertThat(report.path("findings")).isEmpty();
        assertThat(report.path("rules"))
                .isNotEmpty()
                .allSatisfy(rule -> assertThat(rule.path("verdict").asText())
                        .as(rule.toString())
                        .isEqualTo("ok"));
    }

    @Test
    @Tag("slow")
    @DisplayName("a static counter is found first, with its class, its field and the request")
    void aStaticCounterIsFound() throws Exception {
        String war = write(application(StaticCounterServlet.class)).toString();
        Path script = Files.writeString(files.resolve("counter.script"), "GET /");
        Path html = files.resolve("report.html");
        Launcher.Result result = check(war, "--script", script.toString(), "--heap", "off", "--html", html.toString());
        assertThat(result.exitCode()).as(result.toString()).isEqualTo(FOUND);
        assertThat(result.output())
                .startsWith("FOUND memory-differs")
                .contains(StaticCounterServlet.class.getName() + ".HITS", "GET / answers");
        assertThat(html).content().contains(StaticCounterServlet.class.getName() + ".HITS");
        assertThat(findings()).hasSize(1);
    }

    @Test
    @Tag("slow")
    @DisplayName("what a browser recorded shows it too; once it is written down as known it no longer counts")
    void aRecordedJourneyShowsItAndABaselineAcceptsIt() throws Exception {
        String war = write(application(StaticCounterServlet.class)).toString();
        Path har = Files.writeString(files.resolve("counter.har"), """
                {"log": {"entries": [
                  {"request": {"method": "GET", "url": "https://shop.example/"}},
                  {"request": {"method": "GET", "url": "https://fonts.example/font.woff"}}]}}
                """);
        Path known = files.resolve("known");
        Launcher.Result first =
                check(war, "--har", har.toString(), "--heap", "off", "--write-baseline", known.toString());
        assertThat(first.exitCode()).as(first.toString()).isEqualTo(CLEAN);
        assertThat(first.output()).startsWith("FOUND memory-differs").contains(", 1 requests");
        String cause = "memory-differs " + StaticCounterServlet.class.getName() + ".HITS";
        assertThat(known).content().contains(cause + "\n", cause + " => GET /");

        Launcher.Result second = check(war, "--har", har.toString(), "--heap", "off", "--baseline", known.toString());
        assertThat(second.exitCode()).as(second.toString()).isEqualTo(CLEAN);
        assertThat(second.output()).doesNotContain("FOUND").contains("nothing found, 1 known from the baseline");
        assertThat(findings())
                .singleElement()
                .satisfies(
                        finding -> assertThat(finding.path("known").asBoolean()).isTrue());
    }

    @Test
    @Tag("slow")
    @DisplayName("a worker dies between two requests: a journey that begins with a login finds that this is lost")
    void aLoginThatDiesWithItsWorkerIsFound() throws Exception {
        Path script = Files.writeString(files.resolve("login.script"), """
                POST /login    200 user=tom
                GET  /account  200
                """);
        Launcher.Result result = check(
                write(application(LoginServlet.class)).toString(), "--script", script.toString(), "--heap", "off");
        assertThat(result.exitCode()).as(result.toString()).isEqualTo(FOUND);
        assertThat(findings()).singleElement().satisfies(finding -> {
            assertThat(finding.path("rule").asText()).isEqualTo("lost-with-worker");
            assertThat(finding.path("cause").asText()).isEqualTo("GET /account");
        });
    }

    @Test
    @Tag("slow")
    @DisplayName("a log that the application writes is no finding")
    void aLogIsNoFinding() throws Exception {
        Path script = Files.writeString(files.resolve("log.script"), "GET /");
        Launcher.Result result = check(
                write(application(LoggingServlet.class)).toString(), "--script", script.toString(), "--heap", "off");
        assertThat(result.exitCode()).as(result.toString()).isEqualTo(CLEAN);
        assertThat(result.output()).contains("file-written               ok");
    }

    @Test
    @Tag("slow")
    @DisplayName("an application that does not start again is found, beside all that was found before")
    void aFailureLateKeepsWhatWasFoundBefore() throws Exception {
        Path locks = Files.createDirectory(files.resolve("locks"));
        Path script = Files.writeString(files.resolve("counter.script"), "GET /");
        Launcher.Result result = check(
                write(application(StaticCounterServlet.class).addClass(LockFileListener.class))
                        .toString(),
                "--script",
                script.toString(),
                "--heap",
                "off",
                "--worker-opts=-Dshop.locks=" + locks);
        assertThat(result.exitCode()).as(result.toString()).isEqualTo(FOUND);
        assertThat(findings())
                .as(result.output())
                .extracting(finding -> finding.path("rule").asText())
                .containsExactly("memory-differs", "lost-by-reload");
        assertThat(result.output())
                .contains("the shop runs already", "lost-with-worker           not looked at: the application did not");
    }

    static Stream<Arguments> faults() {
        return Stream.of(
                arguments(
                        "session-not-serialisable",
                        "NotSerialisableServlet$Connection",
                        distributable(NotSerialisableServlet.class)),
                arguments(
                        "session-changed-unseen",
                        "attribute visits java.util.ArrayList",
                        distributable(ChangedUnseenServlet.class)),
                arguments(
                        "memory-differs", "ServletContext attribute cache", application(ContextAttributeServlet.class)),
                arguments("file-written", "FileServlet.doGet", application(FileServlet.class)),
                arguments("port-opened", "PortListener.socket", page(PortListener.class)),
                arguments("survives-undeployment", "left behind", page(LeakListener.class)),
                arguments("runs-in-each-worker", "SchedulerListener.contextInitialized", page(SchedulerListener.class)),
                arguments("forgets-proxy", "redirect of GET /", application(FixedRedirectServlet.class)),
                arguments("forgets-proxy", "cookie taste", application(PlainCookieServlet.class)),
                arguments("together", "GET /", application(RacingServlet.class)),
                arguments("answer-differs", "GET /", application(OwnDirectoryServlet.class)),
                arguments("lost-by-reload", "GET /", application(ForgetfulServlet.class)),
                arguments("lost-with-worker", "GET /", application(LocalSessionServlet.class)),
                arguments("small-heap", "heap", application(LargeServlet.class)),
                arguments("starts-only-once", "start", page(OnlyOneListener.class)));
    }

    @ParameterizedTest
    @MethodSource("faults")
    @Tag("slow")
    @DisplayName("each fault is the first finding, and by itself the only one")
    void eachFaultIsTheFirstFinding(String rule, String cause, WebArchive archive) throws Exception {
        Launcher.Result result = check(write(archive).toString());
        assertThat(result.exitCode()).as(result.toString()).isEqualTo(FOUND);
        JsonNode first = findings().get(0);
        assertThat(first.path("rule").asText()).as(result.output()).isEqualTo(rule);
        assertThat(first.path("cause").asText()).contains(cause);
        // A lock in the session is of no use if it is replicated, where requests of a session wait for each other.
        if (!rule.equals("together")) {
            assertThat(findings()).as(result.output()).hasSize(1);
        }
    }

    @Test
    @Tag("slow")
    @DisplayName("in Tomcat's examples nothing is found beyond the listed baseline")
    void nothingIsFoundInTheExamplesBeyondTheBaseline() throws Exception {
        Path baseline = Path.of(CheckIT.class.getResource("examples.baseline").toURI());
        Launcher.Result result =
                check(System.getProperty("clowder.examples"), "--baseline", baseline.toString(), "--heap", "off");
        assertThat(result.exitCode()).as(result.toString()).isEqualTo(CLEAN);
        assertThat(result.output()).contains("known from the baseline");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "--script",
                "--har",
                "--baseline",
                "--workers=1",
                "--heap=much",
                "--crawl --script",
                "--html=/no/such/directory/report.html",
                "--write-baseline=/no/such/directory/known",
            })
    @DisplayName("a wrong command line is one line that names the culprit, and starts nothing")
    void aWrongCommandLineStartsNothing(String wrong) throws Exception {
        Path empty = Files.writeString(files.resolve("empty.txt"), "");
        List<String> arguments =
                new ArrayList<>(List.of(write(page(PortListener.class)).toString()));
        for (String option : wrong.split(" ", -1)) {
            arguments.add(option);
            if (option.equals("--script") || option.equals("--har")) {
                arguments.add(empty.toString());
            } else if (option.equals("--baseline")) {
                arguments.add(Files.writeString(files.resolve("wrong.txt"), "no-such-rule x")
                        .toString());
            }
        }
        Launcher.Result result = check(arguments.toArray(String[]::new));
        assertThat(result.exitCode()).as(result.toString()).isEqualTo(WRONG_USAGE);
        assertThat(result.errors().lines()).singleElement().asString().contains(wrong.split("[ =]", -1)[0]);
    }

    @Test
    @Tag("slow")
    @DisplayName("a check that is told to end (SIGTERM) ends its workers and leaves no file")
    void anInterruptedCheckLeavesNothing() throws Exception {
        Path temporary = Files.createDirectory(files.resolve("tmp"));
        Launcher launcher = Launcher.ofThisBuild();
        List<String> command = List.of(
                launcher.javaHome().resolve("bin/java").toString(),
                "-Djava.io.tmpdir=" + temporary,
                "-jar",
                launcher.jar().toString(),
                "check",
                write(page(PortListener.class)).toString());
        try (Foreground check = Foreground.start(files, command)) {
            await("its first requests").atMost(SOON).until(() -> check.output().contains("in a single worker"));
            check.terminate();
            try (Stream<Path> left = Files.list(temporary)) {
                assertThat(left.map(path -> path.getFileName().toString()))
                        .as(check.output())
                        .noneMatch(name -> name.startsWith("clowder"));
            }
        }
    }

    @Test
    @Tag("slow")
    @DisplayName("an application that does not start is exit code 3 with its reason")
    void anApplicationThatDoesNotStartIsExitCodeThree() throws Exception {
        Path war = Apps.write(
                ShrinkWrap.create(WebArchive.class, "failing.war").addClass(dev.clowder.it.app.FailingListener.class),
                files);
        Launcher.Result result = check(war.toString());
        assertThat(result.exitCode()).as(result.toString()).isEqualTo(CAN_NOT_START);
        assertThat(result.errors()).contains("the database of this shop is closed today");
        assertThat(result.errors().lines().reduce("", (first, last) -> last)).contains("can't be checked");
    }

    private List<JsonNode> findings() throws IOException {
        JsonNode report = new JsonMapper().readTree(json().toFile());
        return StreamSupport.stream(report.path("findings").spliterator(), false)
                .toList();
    }
}
