package dev.clowder.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.ClusterStatus;
import dev.clowder.it.app.FailingListener;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.logging.Level;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;
import org.openqa.selenium.By;
import org.openqa.selenium.OutputType;
import org.openqa.selenium.chrome.ChromeDriver;
import org.openqa.selenium.chrome.ChromeDriverService;
import org.openqa.selenium.chrome.ChromeOptions;
import org.openqa.selenium.logging.LogType;
import org.openqa.selenium.logging.LoggingPreferences;

/** The page of {@code --admin} in a real browser: Debian's chromium with its chromedriver. Screenshots are in target. */
@Tag("slow")
@Tag("once")
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class AdminPageIT {
    private static final Duration SOON = Duration.ofMinutes(3);
    private static final Path CHROMIUM = Path.of("/usr/bin/chromium");
    private static final Path DRIVER = Path.of("/usr/bin/chromedriver");
    private static final Pattern URL = Pattern.compile("admin page: (http://127\\.0\\.0\\.1:(\\d+)/)");

    @TempDir
    static Path files;

    private static Path war;
    private static ClowderProcess cluster;
    private static ChromeDriver browser;
    private static int adminPort;

    @BeforeAll
    static void start() throws Exception {
        assumeTrue(
                Files.isExecutable(CHROMIUM) && Files.isExecutable(DRIVER),
                "no chromium: apt-get install chromium chromium-driver");
        war = Apps.write(Apps.probe("probe.war"), files);
        cluster = ClowderProcess.builder()
                .root(files)
                .arguments("--admin", "0", "--oversubscribe")
                .application("/", war)
                .start();
        cluster.awaitReady(SOON);
        await("its address")
                .atMost(SOON)
                .until(() -> URL.matcher(cluster.output()).find());
        Matcher url = URL.matcher(cluster.output());
        assertThat(url.find()).isTrue();
        adminPort = Integer.parseInt(url.group(2));
        browser = browser();
        browser.get(url.group(1));
        await("the cards").atMost(SOON).until(() -> cards() == 2);
    }

    private static ChromeDriver browser() {
        ChromeOptions options = new ChromeOptions();
        options.setBinary(CHROMIUM.toFile());
        options.addArguments(
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--user-data-dir=" + files.resolve("chromium"));
        LoggingPreferences logs = new LoggingPreferences();
        logs.enable(LogType.BROWSER, Level.ALL);
        options.setCapability("goog:loggingPrefs", logs);
        return new ChromeDriver(
                new ChromeDriverService.Builder()
                        .usingDriverExecutable(DRIVER.toFile())
                        .build(),
                options);
    }

    @AfterAll
    static void stop() {
        try {
            if (browser != null) {
                browser.quit();
            }
        } finally {
            if (cluster != null) {
                cluster.close();
            }
        }
    }

    @Test
    @Order(1)
    @DisplayName("the page shows a killed worker's death with its reason, and its return")
    void showsADeathAndTheReturn() throws Exception {
        ClusterStatus.Worker victim = cluster.status().workers().get(0);
        await("its pid").atMost(SOON).until(() -> card(1).contains("pid " + victim.pid()));
        ProcessHandle.of(victim.pid()).orElseThrow().destroyForcibly();
        await("the death").atMost(SOON).until(() -> card(1).contains("SIGKILL killed"));
        await("the event").atMost(SOON).until(() -> text("#events").contains("died after"));
        await("the return").atMost(SOON).until(() -> {
            String card = card(1);
            return card.contains("ready") && card.contains("worker 3,");
        });
        screenshots();
    }

    @Test
    @Order(2)
    @DisplayName("a page without violations of the rules of axe, light and dark, wide and narrow, and with a dialog")
    void isAccessible() throws Exception {
        look("light", 1280, 1000);
        assertAccessible();
        look("dark", 390, 844);
        assertAccessible();
        browser.findElement(By.cssSelector("[data-slot='1'] button:last-of-type"))
                .click();
        await("the threads").atMost(SOON).until(() -> text("#dump-text").contains("Requests in flight"));
        assertAccessible();
        browser.findElement(By.id("dump-close")).click();
        look("light", 1280, 1000);
    }

    @Test
    @Order(3)
    @DisplayName("its buttons scale and reload, and the roll is shown as progress up to its end")
    void buttonsWork() throws Exception {
        cluster.awaitReady(SOON);
        press("more");
        await("three workers").atMost(SOON).until(() -> cards() == 3 && notice().contains("done, 3 workers"));
        press("fewer");
        await("two workers").atMost(SOON).until(() -> cards() == 2 && notice().contains("done, 2 workers"));
        press("reload");
        await("the progress").atMost(SOON).until(() -> isShown("operation"));
        save("admin-reload");
        await("a half of it").atMost(SOON).until(() -> value("operation-progress") >= 1 || !isShown("operation"));
        await("its end").atMost(SOON).until(() -> notice().contains("reload: done, 2 workers"));
        await("nothing under way").atMost(SOON).until(() -> !isShown("operation"));
        assertThat(text("#events")).contains("reload step", "reload done");
    }

    @Test
    @Order(4)
    @DisplayName("a bad deploy's error is shown, and the old workers go on")
    void showsABadDeploy() throws Exception {
        Path bad = Apps.write(Apps.probe("bad.war").addClass(FailingListener.class), files);
        assertThat(cluster.command(SOON, "deploy", "/=" + bad).exitCode()).isEqualTo(4);
        await("the refusal").atMost(SOON).until(() -> text("#events").contains("deploy refused"));
        assertThat(text("#events")).contains("application / did not start");
        save("admin-bad-deploy");
        assertThat(text("#state")).isEqualTo("running");
    }

    @Test
    @Order(5)
    @DisplayName("the page of somebody else can't press a button, and the browser reports no broken rule of ours")
    void refusesAForgedRequest() throws Exception {
        assertThat(browser.manage().logs().get(LogType.BROWSER).getAll())
                .as("console")
                .noneMatch(entry -> entry.getMessage().contains("Content Security Policy"));
        String target = browser.getCurrentUrl();
        Path evil = files.resolve("evil.html");
        Files.writeString(
                evil,
                "<!doctype html><title>evil</title><form method=post enctype=text/plain action='" + target
                        + "command'><input name='{\"name\":\"scale\",\"arguments\":[\"1\"],\"x\":\"' value='\"}'>"
                        + "<button>win</button></form>",
                UTF_8);
        browser.get(evil.toUri().toString());
        browser.findElement(By.tagName("button")).click();
        await("the answer")
                .atMost(SOON)
                .until(() -> browser.findElement(By.tagName("body"))
                        .getText()
                        .contains("not asked by the page of this cluster"));
        assertThat(cluster.status().workers()).hasSize(2);
    }

    @Test
    @Order(6)
    @DisplayName("promtool of Prometheus finds nothing to say of /metrics")
    void promtoolAcceptsTheMetrics() throws Exception {
        HttpConnection.Response metrics = HttpConnection.fresh(adminPort, "/metrics");
        assertThat(metrics.status()).isEqualTo(200);
        Process promtool = new ProcessBuilder("promtool", "check", "metrics")
                .redirectErrorStream(true)
                .redirectOutput(files.resolve("promtool.txt").toFile())
                .start();
        try (OutputStream text = promtool.getOutputStream()) {
            text.write(metrics.body().getBytes(UTF_8));
        }
        assertThat(promtool.waitFor(SOON.toSeconds(), TimeUnit.SECONDS)).isTrue();
        assertThat(files.resolve("promtool.txt")).isEmptyFile();
        assertThat(promtool.exitValue()).isZero();
    }

    private static void assertAccessible() throws IOException {
        try (InputStream axe = AdminPageIT.class.getResourceAsStream("/axe.min.js")) {
            assertThat(axe).isNotNull();
            browser.executeScript(new String(axe.readAllBytes(), UTF_8));
        }
        Object violations = browser.executeAsyncScript("const done = arguments[arguments.length - 1];"
                + "axe.run().then(found => done(found.violations.map("
                + "v => v.id + ': ' + v.nodes.map(n => n.html + ' ' + n.failureSummary).join(' | '))));");
        assertThat((List<?>) violations).isEmpty();
    }

    private static void screenshots() throws IOException {
        look("dark", 1280, 1000);
        save("admin-desktop-dark");
        look("light", 390, 1500);
        save("admin-phone-light");
        look("dark", 390, 1500);
        save("admin-phone-dark");
        look("light", 1280, 1000);
        save("admin-desktop-light");
    }

    private static void look(String scheme, int width, int height) {
        browser.executeCdpCommand(
                "Emulation.setEmulatedMedia",
                Map.of("features", List.of(Map.of("name", "prefers-color-scheme", "value", scheme))));
        browser.executeCdpCommand(
                "Emulation.setDeviceMetricsOverride",
                Map.of("width", width, "height", height, "deviceScaleFactor", 1, "mobile", width < 500));
    }

    private static void save(String name) throws IOException {
        Path directory = Files.createDirectories(Path.of("target", "screenshots"));
        Files.write(directory.resolve(name + ".png"), browser.getScreenshotAs(OutputType.BYTES));
    }

    private static void press(String id) {
        await("the button " + id)
                .atMost(SOON)
                .until(() -> browser.findElement(By.id(id)).isEnabled());
        browser.findElement(By.id(id)).click();
    }

    private static int cards() {
        return browser.findElements(By.className("card")).size();
    }

    private static String card(int slot) {
        return text("[data-slot='" + slot + "']");
    }

    private static String notice() {
        return text("#notice");
    }

    private static boolean isShown(String id) {
        return browser.findElement(By.id(id)).isDisplayed();
    }

    /** As the page has it now: elements are replaced while they are read. */
    private static String text(String selector) {
        return String.valueOf(browser.executeScript(
                "const found = document.querySelector(arguments[0]); return found ? found.textContent : '';",
                selector));
    }

    private static double value(String id) {
        return browser.executeScript("return document.getElementById(arguments[0]).value;", id) instanceof Number value
                ? value.doubleValue()
                : 0;
    }
}
