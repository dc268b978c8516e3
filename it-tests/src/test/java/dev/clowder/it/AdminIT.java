package dev.clowder.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.ClusterStatus;
import dev.clowder.arquillian.Launcher;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** What a cluster tells of itself: {@code --admin}, {@code --on-event}, {@code --log-format json}, {@code top}. */
@Tag("once")
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class AdminIT {
    private static final Duration SOON = Duration.ofMinutes(3);
    private static final Pattern URL = Pattern.compile("admin page: http://127\\.0\\.0\\.1:(\\d+)/");
    private static final Pattern SECRET = Pattern.compile("name=\"clowder-page\" content=\"([0-9a-f]+)\"");
    private static final Pattern EVENT = Pattern.compile("^event: event\ndata: (.*)$", Pattern.MULTILINE);
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String WORKER = "/worker";

    @TempDir
    static Path files;

    private static Path told;
    private static ClowderProcess cluster;
    private static int admin;

    @BeforeAll
    static void start() throws Exception {
        told = files.resolve("told.jsonl");
        Path war = Apps.write(Apps.probe("probe.war"), files);
        cluster = ClowderProcess.builder()
                .root(files)
                .arguments("--admin", "0", "--log-format", "json", "--on-event", "cat >> " + told)
                .application("/", war)
                .start();
        cluster.awaitReady(SOON);
        await("its address")
                .atMost(SOON)
                .until(() -> URL.matcher(cluster.output()).find());
        Matcher url = URL.matcher(cluster.output());
        assertThat(url.find()).isTrue();
        admin = Integer.parseInt(url.group(1));
    }

    @AfterAll
    static void stop() {
        if (cluster != null) {
            cluster.close();
        }
    }

    @Test
    @Order(1)
    @DisplayName("the page and all its parts come from here, no script is inside it, and nobody may frame it")
    void thePageIsClosed() throws Exception {
        HttpConnection.Response page = get("/");
        assertThat(page.status()).isEqualTo(200);
        assertThat(page.header("Content-Security-Policy"))
                .contains("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'")
                .doesNotContain("unsafe", "http");
        assertThat(page.body()).doesNotContain("http://", "https://", " onclick", "<style", "style=");
        Matcher part = Pattern.compile("(?:src|href)=\"([a-z.]+)\"").matcher(page.body());
        int parts = 0;
        while (part.find()) {
            parts++;
            HttpConnection.Response found = get("/" + part.group(1));
            assertThat(found.status()).as(part.group(1)).isEqualTo(200);
            assertThat(found.header("X-Content-Type-Options")).isEqualTo("nosniff");
        }
        assertThat(parts).isGreaterThanOrEqualTo(3);
        assertThat(get("/../Main.class").status()).isEqualTo(404);
    }

    @Test
    @Order(2)
    @DisplayName("requests are counted by status class and time, probes are not")
    void requestsAreCounted() throws Exception {
        for (int i = 0; i < 5; i++) {
            assertThat(HttpConnection.fresh(cluster.port(), WORKER).status()).isEqualTo(200);
        }
        assertThat(HttpConnection.fresh(cluster.port(), "/nothing-here").status())
                .isEqualTo(404);
        await("the counts").atMost(SOON).untilAsserted(() -> {
            String metrics = get("/metrics").body();
            assertThat(sum(metrics, "clowder_requests_total\\{.*status=\"2xx\"}"))
                    .isEqualTo(5);
            assertThat(sum(metrics, "clowder_requests_total\\{.*status=\"4xx\"}"))
                    .isEqualTo(1);
            assertThat(sum(metrics, "clowder_request_duration_seconds_count\\{.*}"))
                    .isEqualTo(6);
            assertThat(sum(metrics, "clowder_request_duration_seconds_bucket\\{.*le=\"\\+Inf\"}"))
                    .isEqualTo(6);
            assertThat(sum(metrics, "clowder_worker_ready\\{.*}")).isEqualTo(2);
            assertThat(sum(metrics, "clowder_worker_cpu_seconds_total\\{.*}")).isPositive();
        });
        assertThat(get("/metrics").header("Content-Type")).startsWith("text/plain; version=0.0.4");
        assertThat(get("/healthz").status()).isEqualTo(200);
        assertThat(get("/readyz").status()).isEqualTo(200);
    }

    @Test
    @Order(3)
    @DisplayName("a command that does not come from our page is refused and changes nothing; one that does is obeyed")
    void forgedCommandsAreRefused() throws Exception {
        String scale = "{\"name\":\"scale\",\"arguments\":[\"1\"]}";
        String secret = "X-Clowder-Page: " + secret();
        assertThat(post(scale).status()).isEqualTo(403);
        assertThat(post(scale, "X-Clowder-Page: 00").status()).isEqualTo(403);
        assertThat(post(scale, secret, "Origin: http://evil.example").status()).isEqualTo(403);
        assertThat(post(scale, secret, "Origin: null").status()).isEqualTo(403);
        assertThat(post(scale, secret, "Sec-Fetch-Site: cross-site").status()).isEqualTo(403);
        assertThat(post(scale, secret, "Sec-Fetch-Site: same-site").status()).isEqualTo(403);
        assertThat(post("{\"name\":\"stop\",\"arguments\":[]}", secret).status())
                .isEqualTo(400);
        assertThat(post("{", secret).status()).isEqualTo(400);
        assertThat(get("/command").status()).isEqualTo(405);
        HttpConnection.Response tooMany = post("{\"name\":\"scale\",\"arguments\":[\"0\"]}", secret);
        assertThat(tooMany.status()).isEqualTo(400);
        assertThat(JSON.readTree(tooMany.body()).path("text").asText()).contains("use a number from 1");
        HttpConnection.Response threads = post(
                "{\"name\":\"threads\",\"arguments\":[\"1\"]}",
                secret,
                "Origin: http://127.0.0.1:" + admin,
                "Sec-Fetch-Site: same-origin");
        assertThat(threads.status()).isEqualTo(200);
        assertThat(JSON.readTree(threads.body()).path("text").asText()).contains("Requests in flight");
        assertThat(cluster.status().workers()).hasSize(2);
    }

    @Test
    @Order(4)
    @DisplayName("no page of a stranger reaches it by a name of his own that points here")
    void otherNamesAreRefused() throws Exception {
        assertThat(get("/", "Host: evil.example:" + admin).status()).isEqualTo(421);
        assertThat(get("/metrics", "Host: 10.0.0.1").status()).isEqualTo(421);
        assertThat(get("/", "Host: localhost:" + admin).status()).isEqualTo(200);
        assertThat(get("/events", "Sec-Fetch-Site: cross-site").status()).isEqualTo(403);
    }

    @Test
    @Order(5)
    @DisplayName(
            "the death of a worker and its return are seen by an open page, the command for events, the log and the"
                    + " metrics")
    void aDeathIsTold() throws Exception {
        ClusterStatus.Worker victim = cluster.status().workers().get(0);
        try (HttpConnection page = HttpConnection.open(admin)) {
            page.send(page.head("GET", "/events"));
            assertThat(page.readHead().header("Content-Type")).isEqualTo("text/event-stream");
            ProcessHandle.of(victim.pid()).orElseThrow().destroyForcibly();
            Iterator<JsonNode> events = events(page);
            JsonNode death = awaitEvent(events, "exited", victim.id());
            assertThat(death.path("signal").asText()).isEqualTo("SIGKILL");
            assertThat(death.path("cause").asText()).isEqualTo("signal");
            assertThat(death.path("pid").asLong()).isEqualTo(victim.pid());
            JsonNode next = awaitEvent(events, "forked", 0);
            assertThat(next.path("slot").asInt()).isEqualTo(victim.slot());
            awaitEvent(events, "listening", next.path("id").asInt());
            String line = JSON.writeValueAsString(death);
            await("the command")
                    .atMost(SOON)
                    .until(() -> Files.readAllLines(told).contains(line));
            assertThat(cluster.output().lines()).contains(line);
        }
        await("the metrics").atMost(SOON).untilAsserted(() -> {
            String metrics = get("/metrics").body();
            assertThat(sum(metrics, "clowder_worker_exits_total\\{cause=\"signal\"}"))
                    .isEqualTo(1);
            assertThat(sum(metrics, "clowder_worker_restarts_total\\{slot=\"" + victim.slot() + "\"}"))
                    .isEqualTo(1);
            // What the dead one had counted is not lost.
            assertThat(sum(metrics, "clowder_requests_total\\{.*status=\"2xx\"}"))
                    .isEqualTo(5);
        });
    }

    @Test
    @Order(6)
    @DisplayName("top prints both slots once, as plain text, where there is no terminal")
    void topIsPlainWithoutTerminal() throws Exception {
        Launcher.Result top = cluster.command("top");
        assertThat(top.exitCode()).as(top.toString()).isZero();
        assertThat(top.output()).contains("RUNNING", "REQ/S", "SIGKILL, killed").doesNotContain("\u001b");
        assertThat(top.output().lines().filter(line -> line.matches("\\s+[12]\\s+\\d+\\s+\\d+ READY.*")))
                .hasSize(2);
        assertThat(cluster.command("top", "--samples", "0").exitCode()).isEqualTo(2);
    }

    @Test
    @Order(7)
    @DisplayName("every line of the log is an object with a time, a name and a text, those of the workers too")
    void everyLineIsJson() throws Exception {
        List<String> lines = cluster.output().lines().toList();
        for (String line : lines) {
            JsonNode object = JSON.readTree(line);
            assertThat(object.path("at").asText()).as(line).matches("\\d{4}-\\d\\d-\\d\\dT[0-9:.]+Z");
            assertThat(object.path("event").asText()).as(line).isNotEmpty();
            assertThat(object.has("message")).as(line).isTrue();
        }
        assertThat(lines).anyMatch(line -> line.contains("\"event\":\"output\"") && line.contains("\"slot\":2"));
    }

    @Test
    @Order(8)
    @EnabledOnOs(value = OS.LINUX, disabledReason = "the terminal is made by script(1) of util-linux")
    @DisplayName("top fills a terminal until q is pressed, and leaves it as it was")
    void topFillsATerminal() throws Exception {
        Launcher launcher = Launcher.ofThisBuild();
        String top = "stty cols 200 rows 40; exec '" + launcher.javaHome().resolve("bin/java")
                + "' -XX:TieredStopAtLevel=1 -jar '" + launcher.jar() + "' top --run-dir '" + cluster.runDir() + "'";
        Path screen = files.resolve("screen.txt");
        ProcessBuilder script = new ProcessBuilder("script", "-qec", top, "/dev/null");
        script.environment().put("TERM", "xterm");
        Process terminal =
                script.redirectErrorStream(true).redirectOutput(screen.toFile()).start();
        try {
            await("both slots")
                    .atMost(SOON)
                    .until(() -> Files.readString(screen).contains("SIGKILL, killed"));
            terminal.getOutputStream().write('q');
            terminal.getOutputStream().flush();
            assertThat(terminal.waitFor(SOON.toSeconds(), TimeUnit.SECONDS)).isTrue();
            assertThat(terminal.exitValue()).as(Files.readString(screen)).isZero();
            // The other screen, and back.
            assertThat(Files.readString(screen)).contains("\u001b[?1049h", "REQ/S", "\u001b[?1049l");
        } finally {
            terminal.descendants().forEach(ProcessHandle::destroyForcibly);
            terminal.destroyForcibly();
        }
    }

    private static HttpConnection.Response get(String path, String... headers) throws IOException {
        return HttpConnection.fresh(admin, path, headers);
    }

    private static HttpConnection.Response post(String body, String... headers) throws IOException {
        try (HttpConnection connection = HttpConnection.open(admin)) {
            String[] all = Arrays.copyOf(headers, headers.length + 2);
            all[headers.length] = "Content-Type: application/json";
            all[headers.length + 1] = "Content-Length: " + body.getBytes(UTF_8).length;
            connection.send(connection.head("POST", "/command", all) + body);
            return connection.read();
        }
    }

    private static String secret() throws IOException {
        Matcher secret = SECRET.matcher(get("/").body());
        assertThat(secret.find()).isTrue();
        return secret.group(1);
    }

    /** Reads the stream up to an event of this name, and of this worker if it is not 0. */
    private static JsonNode awaitEvent(Iterator<JsonNode> events, String name, int id) {
        while (events.hasNext()) {
            JsonNode event = events.next();
            boolean isOther = id != 0 && event.path("id").asInt() != id;
            // Those of the start are told again to a new page.
            boolean isOld = id == 0 && event.path("id").asInt() <= 2;
            if (event.path("event").asText().equals(name) && !isOther && !isOld) {
                return event;
            }
        }
        throw new AssertionError("no event " + name + " of worker " + id);
    }

    /** The events of a stream as they come, until it has been read for long enough; one piece of it may hold several. */
    private static Iterator<JsonNode> events(HttpConnection page) {
        long deadline = System.nanoTime() + SOON.toNanos();
        return Stream.generate(() -> chunk(page))
                .takeWhile(chunk -> System.nanoTime() < deadline)
                .flatMap(chunk -> EVENT.matcher(chunk).results())
                .map(found -> json(found.group(1)))
                .iterator();
    }

    private static String chunk(HttpConnection page) {
        try {
            return page.readChunk();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static JsonNode json(String text) {
        try {
            return JSON.readTree(text);
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static double sum(String metrics, String series) {
        Pattern sample = Pattern.compile("^" + series + " (\\S+)$", Pattern.MULTILINE);
        return sample.matcher(metrics)
                .results()
                .mapToDouble(found -> Double.parseDouble(found.group(1)))
                .sum();
    }
}
