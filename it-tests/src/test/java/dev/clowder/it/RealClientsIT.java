package dev.clowder.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.ClusterStatus;
import dev.clowder.arquillian.Launcher;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.Certificate;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.openqa.selenium.By;
import org.openqa.selenium.remote.RemoteWebDriver;

/** Clients by others: curl, h2load, and Chromium, over HTTPS, HTTP/2 and h2c, before, during and after a reload. */
@Tag("slow")
@Tag("once")
class RealClientsIT {
    private static final Duration SOON = Duration.ofMinutes(4);

    @TempDir
    static Path directory;

    private static Tls tls;
    private static ClowderProcess cluster;
    private static String plain;
    private static String secure;

    @BeforeAll
    static void start() throws Exception {
        tls = new Tls(directory.resolve("tls"));
        cluster = ClowderProcess.builder()
                .application("/", Apps.write(Apps.probe("probe.war"), directory))
                .application("/examples", Path.of(System.getProperty("clowder.examples")))
                .root(directory)
                .arguments(tls.options(0))
                .arguments("--drain-timeout", "10s", "--boot-timeout", "4m")
                .start();
        ClusterStatus status = cluster.awaitReady(SOON);
        plain = "http://localhost:" + status.listeners().get(0).port();
        secure = "https://localhost:" + status.listeners().get(1).port();
    }

    @AfterAll
    static void stop() {
        cluster.close();
    }

    /** Runs a program to its end and returns what it said; its exit code must be 0. */
    private static String run(List<String> command) throws IOException, InterruptedException {
        // There curl draws its progress, whatever it is told, when it has several transfers at a time.
        Path errors = Files.createTempFile(directory, "errors", ".txt");
        Process process =
                new ProcessBuilder(command).redirectError(errors.toFile()).start();
        String said = new String(process.getInputStream().readAllBytes(), UTF_8);
        assertThat(process.waitFor(SOON.toSeconds(), TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue())
                .as(command + "\n" + said + Files.readString(errors))
                .isZero();
        return said;
    }

    /** What curl says of each transfer: version of HTTP and status. One process keeps its connection. */
    private static List<String> curl(String url, String... options) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of("curl", "-sS", "-m", "60", "-o", "/dev/null"));
        command.addAll(List.of(
                "-w", "%{http_version} %{http_code}\\n", "--cacert", tls.chain().toString()));
        command.addAll(List.of(options));
        command.add(url);
        return run(command).lines().toList();
    }

    @Test
    @DisplayName("curl: HTTP/2 by ALPN and by prior knowledge; a wish to upgrade is answered in HTTP/1.1")
    void curlGetsTheVersionThatItAsksFor() throws Exception {
        assertThat(curl(secure + "/worker", "--http2")).containsExactly("2 200");
        assertThat(curl(secure + "/worker", "--http1.1")).containsExactly("1.1 200");
        assertThat(curl(plain + "/worker", "--http2-prior-knowledge")).containsExactly("2 200");
        assertThat(curl(plain + "/worker", "--http2")).containsExactly("1.1 200");
    }

    /** One request for each process over h2c: curl 7.88 breaks such a connection at its second request, at any server. */
    @Test
    @DisplayName("curl loses no request in a reload, over HTTP/1.1, HTTP/2 and h2c")
    void aReloadLosesNoRequestOfCurl() throws Exception {
        List<Callable<List<String>>> clients = List.of(
                () -> curl(secure + "/worker?[1-50]", "--http2", "--rate", "20/s"),
                () -> curl(secure + "/worker?[1-50]", "--http2", "--parallel", "--parallel-max", "8"),
                () -> curl(plain + "/worker?[1-50]", "--rate", "20/s"),
                () -> curl(plain + "/worker", "--http2-prior-knowledge"));
        AtomicBoolean over = new AtomicBoolean();
        ExecutorService threads = Executors.newFixedThreadPool(clients.size());
        try {
            List<Future<Set<String>>> all = new ArrayList<>();
            for (Callable<List<String>> client : clients) {
                all.add(threads.submit(() -> {
                    Set<String> answers = new TreeSet<>();
                    do {
                        answers.addAll(client.call());
                    } while (!over.get());
                    return answers;
                }));
            }
            reload();
            over.set(true);
            for (Future<Set<String>> answers : all) {
                assertThat(answers.get(SOON.toSeconds(), TimeUnit.SECONDS)).isSubsetOf("2 200", "1.1 200");
            }
        } finally {
            over.set(true);
            threads.shutdownNow();
        }
    }

    /** Not during a reload: after a GOAWAY it opens no other connection, and counts what it has not sent as failed. */
    @Test
    @DisplayName("h2load: many requests at a time over HTTP/2 and h2c, before and after a reload")
    void h2loadIsServedBeforeAndAfterAReload() throws Exception {
        assertAllSucceed(secure + "/worker");
        reload();
        assertAllSucceed(secure + "/worker");
        assertAllSucceed(plain + "/worker");
    }

    private static void assertAllSucceed(String url) throws IOException, InterruptedException {
        assertThat(run(List.of("h2load", "-n", "400", "-c", "4", "-m", "4", url)))
                .contains("400 succeeded, 0 failed, 0 errored, 0 timeout", "status codes: 400 2xx");
    }

    private static void reload() throws Exception {
        Launcher.Result reload = cluster.command(SOON, "reload");
        assertThat(reload.exitCode()).as(reload.errors()).isZero();
    }

    /** Asks every 20 ms, until it is told to stop. */
    private static final String ASK_ON = """
            window.answers = 0; window.failures = []; window.workers = {};
            window.asking = (async () => {
              while (!window.enough) {
                try {
                  const answer = await fetch('/worker', {cache: 'no-store'});
                  if (!answer.ok) throw new Error('status ' + answer.status);
                  await answer.text();
                  window.workers[answer.headers.get('X-Clowder-Worker')] = true;
                  window.answers++;
                } catch (e) { window.failures.push(String(e)); }
                await new Promise(wake => setTimeout(wake, 20));
              }
            })();
            """;

    @Test
    @DisplayName("Chromium: pages and JSPs over HTTP/2, a WebSocket example, and a reload that loses no request")
    void aBrowserSurvivesAReload() throws Exception {
        Certificate certificate;
        try (HttpConnection connection = HttpConnection.tls(
                Integer.parseInt(secure.replaceAll("\\D", "")), tls.client().getSocketFactory())) {
            certificate = connection.certificate();
        }
        try (Browser chromium = Browser.start(directory, certificate)) {
            RemoteWebDriver browser = chromium.driver();
            assertJspOverHttp2(browser);
            browser.get(secure + "/worker");
            browser.executeScript(ASK_ON);
            String asking = browser.getWindowHandle();
            browser.switchTo().newWindow(org.openqa.selenium.WindowType.TAB);
            String socket = browser.getWindowHandle();
            connect(browser);
            reload();
            // The worker of this socket has left, and said so.
            await("its end").atMost(SOON).until(() -> console(browser).contains("connection closed, Code: 1001"));
            connect(browser);
            assertThat(browser.getWindowHandle()).isEqualTo(socket);

            browser.switchTo().window(asking);
            browser.executeScript("window.enough = true");
            browser.executeAsyncScript("window.asking.then(arguments[arguments.length - 1])");
            assertThat(browser.executeScript("return window.failures")).isEqualTo(List.of());
            Set<String> workers = new TreeSet<>();
            ((List<?>) browser.executeScript("return Object.keys(window.workers)"))
                    .forEach(worker -> workers.add(String.valueOf(worker)));
            assertThat(workers).as("of before and after").hasSizeGreaterThan(1);
            assertJspOverHttp2(browser);
        }
    }

    private static void assertJspOverHttp2(RemoteWebDriver browser) {
        browser.get(secure + "/examples/jsp/jsp2/el/basic-arithmetic.jsp");
        assertThat(browser.findElement(By.tagName("table")).getText()).contains("${21 * 2} 42");
        assertThat(browser.executeScript("return performance.getEntriesByType('navigation')[0].nextHopProtocol"))
                .isEqualTo("h2");
    }

    /** Tomcat's own example, by its own buttons. */
    private static void connect(RemoteWebDriver browser) {
        browser.get(secure + "/examples/websocket/echo.xhtml");
        browser.findElement(By.id("radio2")).click();
        browser.findElement(By.id("connect")).click();
        await("the socket")
                .atMost(SOON)
                .until(() -> browser.findElement(By.id("echo")).isEnabled());
        browser.findElement(By.id("echo")).click();
        await("the echo").atMost(SOON).until(() -> console(browser).contains("Received: Here is a message!"));
    }

    private static String console(RemoteWebDriver browser) {
        return browser.findElement(By.id("console")).getText();
    }
}
