package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.ClusterStatus;
import dev.clowder.arquillian.Launcher;
import dev.clowder.it.HttpConnection.Response;
import dev.clowder.it.HttpConnection.Worker;
import dev.clowder.it.app.FailingListener;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import org.jboss.shrinkwrap.api.ShrinkWrap;
import org.jboss.shrinkwrap.api.asset.StringAsset;
import org.jboss.shrinkwrap.api.spec.WebArchive;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/**
 * An installed Tomcat on every core: {@code conf} as its makers distribute it but for the port, {@code webapps} with a
 * .war, a directory, and the manager. Everything happens to one cluster, one after the other.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
abstract class CatalinaBaseContract {
    private static final Duration SOON = Duration.ofMinutes(2);

    /** Keeps the file of the part where the container says, and says what it has kept. */
    private static final String UPLOAD = """
            <%@ page session="false" contentType="text/plain" trimDirectiveWhitespaces="true" %>
            <%
              java.io.File temp = (java.io.File) application.getAttribute("jakarta.servlet.context.tempdir");
              if (request.getMethod().equals("POST")) {
                var part = request.getPart("file");
                part.write(part.getSubmittedFileName());
                out.print(part.getSubmittedFileName());
              } else if (request.getParameter("kept") != null) {
                out.print(java.nio.file.Files.readString(temp.toPath().resolve("same.txt")));
              }
            %>
            """;

    private static final String UPLOADS = """
            <web-app xmlns="https://jakarta.ee/xml/ns/jakartaee" version="6.0">
              <servlet>
                <servlet-name>upload</servlet-name>
                <jsp-file>/parts.jsp</jsp-file>
                <multipart-config><file-size-threshold>0</file-size-threshold></multipart-config>
              </servlet>
              <servlet-mapping><servlet-name>upload</servlet-name><url-pattern>/parts</url-pattern></servlet-mapping>
            </web-app>
            """;

    private Path directory;
    private Path base;
    private Map<String, String> before;
    private ClowderProcess cluster;

    /** The installation, which stays as it is. */
    abstract Path home();

    /** Whether {@code CATALINA_BASE} is another directory than {@code CATALINA_HOME}. */
    abstract boolean isSplit();

    @BeforeAll
    void start(@TempDir Path files) throws Exception {
        directory = files;
        base = directory.resolve("base");
        for (String part : isSplit() ? List.of("conf") : List.of("conf", "lib", "bin")) {
            copy(home().resolve(part), base.resolve(part));
        }
        Path serverXml = base.resolve("conf/server.xml");
        Files.writeString(serverXml, Files.readString(serverXml).replace("port=\"8080\"", "port=\"${test.port:-0}\""));
        // The application asks it who the client is.
        Path valve = Path.of(System.getProperty("clowder.valve"));
        copy(valve, Files.createDirectories(base.resolve("lib")).resolve(valve.getFileName()));
        Path webapps = Files.createDirectories(base.resolve("webapps"));
        Apps.write(Apps.probe("probe.war"), webapps);
        Files.createDirectories(webapps.resolve("plain"));
        Files.writeString(webapps.resolve("plain/index.html"), "a directory");
        Apps.write(manager(), webapps);
        Path upload = webapps.resolve("upload");
        Files.writeString(Files.createDirectories(upload.resolve("WEB-INF")).resolve("web.xml"), UPLOADS);
        Files.writeString(upload.resolve("parts.jsp"), UPLOAD);
        before = contents();
        ClowderProcess.Builder builder =
                ClowderProcess.builder().root(directory).catalinaBase(base);
        builder.arguments("--drain-timeout", "5s");
        cluster = (isSplit() ? builder.arguments("--catalina-home", home().toString()) : builder).start();
        cluster.awaitReady(SOON);
    }

    @AfterAll
    void stop() {
        if (cluster != null) {
            cluster.close();
        }
    }

    /** As in Tomcat's own application, which the tests' copy of the distribution does not have. */
    private static WebArchive manager() {
        return ShrinkWrap.create(WebArchive.class, "manager.war")
                .addAsManifestResource(new StringAsset("<Context privileged=\"true\"/>"), "context.xml")
                .setWebXML(new StringAsset("""
                        <web-app xmlns="https://jakarta.ee/xml/ns/jakartaee" version="6.0">
                          <servlet>
                            <servlet-name>Manager</servlet-name>
                            <servlet-class>org.apache.catalina.manager.ManagerServlet</servlet-class>
                          </servlet>
                          <servlet-mapping><servlet-name>Manager</servlet-name><url-pattern>/text/*</url-pattern></servlet-mapping>
                        </web-app>
                        """));
    }

    @Test
    @Order(1)
    @DisplayName("workers run the version that is installed")
    void workersRunTheInstalledVersion() {
        String name = home().getFileName().toString();
        assertThat(cluster.output())
                .contains("Server version name:   Apache Tomcat/" + name.substring("apache-tomcat-".length()));
    }

    @Test
    @Order(1)
    @DisplayName("every worker serves what lies in webapps: a .war, a directory, a JSP")
    void everyWorkerServesEveryApplication() throws IOException {
        assertThat(workers("/probe/worker")).hasSize(2);
        assertThat(get("/plain/").body()).isEqualTo("a directory");
        Set<Worker> compiled = new HashSet<>();
        for (int i = 0; i < 40 && compiled.size() < 2; i++) {
            Response page =
                    HttpConnection.fresh(cluster.port(), "/probe/forwarded.jsp", "X-Forwarded-For: 203.0.113.7");
            assertThat(page.body().strip()).isEqualTo("[203.0.113.7] CLIENT");
            compiled.add(page.worker());
        }
        assertThat(compiled).hasSize(2);
    }

    @Test
    @Order(1)
    @DisplayName("uploads in parts: two workers keep files of the same name apart")
    void uploadsOfBothWorkersAreKeptApart() throws IOException {
        try (HttpConnection one = HttpConnection.open(cluster.port());
                HttpConnection other = toAnotherWorker(one)) {
            assertThat(upload(one, "of one").body()).isEqualTo("same.txt");
            assertThat(upload(other, "of the other").body()).isEqualTo("same.txt");
            assertThat(one.get("/upload/parts?kept").body().strip()).isEqualTo("of one");
            assertThat(other.get("/upload/parts?kept").body().strip()).isEqualTo("of the other");
        }
    }

    /** Until a connection is another worker's. */
    private HttpConnection toAnotherWorker(HttpConnection one) throws IOException {
        Worker first = one.get("/upload/parts").worker();
        for (int i = 0; i < 40; i++) {
            HttpConnection other = HttpConnection.open(cluster.port());
            if (!other.get("/upload/parts").worker().equals(first)) {
                return other;
            }
            other.close();
        }
        throw new AssertionError("40 connections to worker " + first);
    }

    private static Response upload(HttpConnection to, String content) throws IOException {
        String body = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"same.txt\"\r\n\r\n" + content
                + "\r\n--b--\r\n";
        to.send(to.head(
                        "POST",
                        "/upload/parts",
                        "Content-Type: multipart/form-data; boundary=b",
                        "Content-Length: " + body.length())
                + body);
        return to.read();
    }

    @Test
    @Order(1)
    @DisplayName("what N workers can't share is said at the start: the shutdown port")
    void changesAreSaidAtTheStart() {
        assertThat(cluster.output()).containsPattern("server\\.xml line \\d+: no shutdown port 8005");
    }

    @Test
    @Order(1)
    @DisplayName("the manager is refused with the reason and the commands to use")
    void theManagerIsRefused() throws IOException {
        Response refusal = get("/manager/text/list");
        assertThat(refusal.status()).isEqualTo(403);
        assertThat(refusal.body()).contains("one worker only", "clowder.jar reload");
    }

    @Test
    @Order(2)
    @DisplayName("a .war replaced in webapps is deployed on all workers, and no request is lost")
    void aReplacedArchiveIsDeployedWithoutLoss() throws Exception {
        int generation = cluster.status().supervisor().generation();
        try (Load load = Load.start(cluster.port(), "/probe/worker", 2, 4);
                HttpConnection events = HttpConnection.open(cluster.port())) {
            events.send(events.head("GET", "/probe/events"));
            assertThat(events.readHead().header("Content-Type")).startsWith("text/event-stream");
            assertThat(events.readChunk()).isEqualTo("data: open\n\n");
            replace(Apps.probe("probe.war").addAsWebResource(new StringAsset("second"), "version.txt"));
            await("the new version").atMost(SOON).until(() -> generation() > generation);
            load.stop();
            assertThat(load.failures()).isEmpty();
            assertThat(load.answers()).isPositive();
            // A stream of events is ended by its application, not cut off.
            assertThat(events.readChunk()).isEqualTo("data: bye\n\n");
            assertThat(events.readChunk()).as("the end of the stream").isEmpty();
        }
        assertThat(get("/probe/version.txt").body()).isEqualTo("second");
    }

    @Test
    @Order(3)
    @DisplayName("failure 11: a .war that does not start is refused, the old one serves on")
    void aBadArchiveIsRefused() throws Exception {
        ClusterStatus old = cluster.status();
        replace(ShrinkWrap.create(WebArchive.class, "probe.war").addClass(FailingListener.class));
        await("the refusal").atMost(SOON).until(() -> cluster.output().contains("/probe did not start"));
        await("its end").atMost(SOON).until(() -> cluster.status().workers().size() == 2);
        ClusterStatus now = cluster.awaitReady(SOON);
        assertThat(now.supervisor().generation()).isEqualTo(old.supervisor().generation());
        assertThat(get("/probe/version.txt").body()).isEqualTo("second");
    }

    @Test
    @Order(4)
    @DisplayName("a .war that is removed is undeployed, another one added is deployed")
    void aRemovedArchiveIsUndeployed() throws Exception {
        int generation = generation();
        Files.move(base.resolve("webapps/probe.war"), directory.resolve("away.war"));
        Apps.write(Apps.probe("shop##2.war"), base.resolve("webapps"));
        await("the new set").atMost(SOON).until(() -> generation() > generation);
        assertThat(get("/probe/worker").status()).isEqualTo(404);
        assertThat(get("/shop/worker").status()).isEqualTo(200);
    }

    @Test
    @Order(5)
    @DisplayName("a server.xml with another port is refused by reload: ports are bound once")
    void anotherPortIsRefused() throws Exception {
        Path serverXml = base.resolve("conf/server.xml");
        String good = Files.readString(serverXml);
        try {
            Files.writeString(serverXml, good.replace("${test.port:-0}", "8081"));
            Launcher.Result reload = cluster.command(SOON, "reload");
            assertThat(reload.exitCode()).isEqualTo(2);
            assertThat(reload.errors()).contains("the ports of its connectors have changed");
        } finally {
            Files.writeString(serverXml, good);
        }
    }

    @Test
    @Order(6)
    @DisplayName("nothing in the base directory was changed, but logs, of which each slot has its own")
    void nothingInTheBaseWasChanged() throws IOException, InterruptedException {
        Map<String, String> now = contents();
        now.keySet().removeIf(name -> name.startsWith("webapps"));
        Map<String, String> expected = new TreeMap<>(before);
        expected.keySet().removeIf(name -> name.startsWith("webapps"));
        assertThat(now).isEqualTo(expected);
        cluster.terminate();
        assertThat(cluster.awaitExit(SOON)).isZero();
        try (Stream<Path> logs = Files.list(base.resolve("logs"))) {
            assertThat(logs.map(log -> log.getFileName().toString()).toList())
                    .contains("slot-1.log", "slot-2.log")
                    .anyMatch(name -> name.matches("localhost_access_log\\.slot1\\..*txt"))
                    .anyMatch(name -> name.matches("catalina\\.slot2\\..*log"));
        }
    }

    private int generation() throws IOException, InterruptedException {
        return cluster.status().supervisor().generation();
    }

    private Response get(String path) throws IOException {
        return HttpConnection.fresh(cluster.port(), path);
    }

    private Set<Worker> workers(String path) throws IOException {
        Set<Worker> workers = new HashSet<>();
        for (int i = 0; i < 40 && workers.size() < 2; i++) {
            Response response = get(path);
            assertThat(response.status()).isEqualTo(200);
            workers.add(response.worker());
        }
        return workers;
    }

    /** As a careful operator does: copied elsewhere, then moved. */
    private void replace(WebArchive archive) throws IOException {
        Path next = Apps.write(archive, Files.createDirectories(directory.resolve("next")));
        Files.move(next, base.resolve("webapps").resolve(archive.getName()), StandardCopyOption.REPLACE_EXISTING);
    }

    /** Every file but logs, and a checksum of what is in it. */
    private Map<String, String> contents() throws IOException {
        Map<String, String> all = new TreeMap<>();
        try (Stream<Path> files = Files.walk(base)) {
            for (Path file : files.toList()) {
                String name = base.relativize(file).toString();
                if (!name.isEmpty() && !name.startsWith("logs")) {
                    all.put(name, Files.isDirectory(file) ? "directory" : checksum(file));
                }
            }
        }
        return all;
    }

    private static String checksum(Path file) throws IOException {
        CRC32 sum = new CRC32();
        sum.update(Files.readAllBytes(file));
        return Long.toHexString(sum.getValue());
    }

    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> files = Files.walk(from)) {
            for (Path file : files.toList()) {
                Path target = to.resolve(from.relativize(file));
                Files.createDirectories(target.getParent());
                Files.copy(file, target, StandardCopyOption.COPY_ATTRIBUTES);
            }
        }
    }
}
