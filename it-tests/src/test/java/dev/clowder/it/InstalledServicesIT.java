package dev.clowder.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.ClusterStatus;
import dev.clowder.arquillian.Launcher;
import dev.clowder.it.HttpConnection.Worker;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.h2.Driver;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * A {@code server.xml} with more in it than most have: five services, six hosts, TLS with two certificates and HTTP/2, a
 * DataSource, a RemoteIpValve, an AJP connector. {@code curl} is the client.
 */
@EnabledOnOs(value = OS.LINUX, disabledReason = "bin/setenv.sh needs a shell")
@Tag("once")
class InstalledServicesIT {
    private static final Duration SOON = Duration.ofMinutes(2);
    private static final String SHOP = "shop.example.com";

    /** The listeners in the order of the file. */
    private static final int PLAIN = 0;

    private static final int TLS = 1;
    private static final int SECOND_SERVICE = 2;
    private static final int ITSELF = 5;

    private static final String PAGE = """
            <%@ page contentType="text/plain" session="false" import="javax.naming.*,javax.sql.*,java.sql.*" %><%
            String version;
            try (Connection c = ((DataSource) new InitialContext().lookup("java:comp/env/jdbc/test")).getConnection();
                    ResultSet r = c.createStatement().executeQuery("SELECT H2VERSION()")) {
                r.next();
                version = r.getString(1);
            }
            %>%s <%= request.getServerName() %> <%= request.getRemoteAddr() %> <%= request.isSecure() %> <%= version %>""";

    /** Reads what a ForwardedValve in front of it would remove. */
    private static final String OWN_VALVE =
            "<Valve className=\"org.apache.catalina.valves.RemoteIpValve\" remoteIpHeader=\"X-Real-IP\"/>";

    @TempDir
    static Path directory;

    private static Path base;
    private static Tls localhost;
    private static Tls shop;
    private static ClowderProcess cluster;
    private static ClusterStatus status;

    @BeforeAll
    static void start() throws Exception {
        base = directory.resolve("base");
        Path home = Path.of(System.getProperty("tomcat.10"));
        Files.createDirectories(base.resolve("conf"));
        for (String file : List.of("web.xml", "catalina.properties", "logging.properties", "tomcat-users.xml")) {
            Files.copy(home.resolve("conf").resolve(file), base.resolve("conf").resolve(file));
        }
        localhost = new Tls(base.resolve("conf/localhost"));
        shop = new Tls(base.resolve("conf/shop"), SHOP);
        Path h2 = Path.of(
                Driver.class.getProtectionDomain().getCodeSource().getLocation().toURI());
        Files.copy(h2, Files.createDirectories(base.resolve("lib")).resolve("h2.jar"));
        Files.writeString(base.resolve("conf/server.xml"), serverXml());
        Files.writeString(
                base.resolve("conf/context.xml"),
                "<Context><ResourceLink name=\"jdbc/test\" global=\"jdbc/test\" type=\"javax.sql.DataSource\"/></Context>");
        for (String site : List.of("webapps", "shop", "second", "mapped")) {
            Path root = Files.createDirectories(base.resolve(site).resolve("ROOT"));
            Files.writeString(root.resolve("index.jsp"), PAGE.replace("%s", site));
        }
        Path cart = Files.createDirectories(base.resolve("mapped/cart"));
        Files.writeString(cart.resolve("index.jsp"), PAGE.replace("%s", "cart"));
        applicationsThatJudge();
        cluster = ClowderProcess.builder()
                .root(directory)
                .catalinaBase(base)
                .arguments("--catalina-home", home.toString())
                .start();
        status = cluster.awaitReady(SOON);
    }

    @AfterAll
    static void stop() {
        if (cluster != null) {
            cluster.close();
        }
    }

    private static String serverXml() {
        return """
                <Server port="8005">
                  <GlobalNamingResources>
                    <Resource name="jdbc/test" auth="Container" type="javax.sql.DataSource"
                        driverClassName="org.h2.Driver" url="jdbc:h2:mem:test"/>
                  </GlobalNamingResources>
                  <Service name="Catalina">
                    <Executor name="pool" namePrefix="catalina-exec-" maxThreads="20" minSpareThreads="2"/>
                    <Connector port="0" address="127.0.0.1" executor="pool"/>
                    <Connector port="0" address="127.0.0.1" SSLEnabled="true" scheme="https" secure="true"
                        protocol="org.apache.coyote.http11.Http11NioProtocol" defaultSSLHostConfigName="localhost">
                      <UpgradeProtocol className="org.apache.coyote.http2.Http2Protocol"/>
                      <SSLHostConfig hostName="localhost">
                        <Certificate certificateFile="conf/localhost/cert.pem" certificateKeyFile="conf/localhost/key.pem"/>
                      </SSLHostConfig>
                      <SSLHostConfig hostName="shop.example.com">
                        <Certificate certificateFile="conf/shop/cert.pem" certificateKeyFile="conf/shop/key.pem"/>
                      </SSLHostConfig>
                    </Connector>
                    <Connector port="8009" protocol="AJP/1.3" secretRequired="false"/>
                    <Engine name="Catalina" defaultHost="localhost">
                      <Valve className="org.apache.catalina.valves.RemoteIpValve"/>
                      <Host name="localhost" appBase="webapps"/>
                      <Host name="shop.example.com" appBase="shop"/>
                    </Engine>
                  </Service>
                  <Service name="Second">
                    <Connector port="0" address="127.0.0.1"/>
                    <Engine name="Second" defaultHost="localhost">
                      <Host name="localhost" appBase="second"/>
                      <Host name="shop.example.com" appBase="mapped"/>
                    </Engine>
                  </Service>
                  <Service name="Named">
                    <Connector port="0" address="127.0.0.1"/>
                    <Engine name="Named" defaultHost="localhost">
                      <Host name="localhost" appBase="named">
                        <Context path="/app" docBase="${catalina.base}/elsewhere/named">OWN_VALVE</Context>
                      </Host>
                    </Engine>
                  </Service>
                  <Service name="Described">
                    <Connector port="0" address="127.0.0.1"/>
                    <Engine name="Described" defaultHost="localhost">
                      <Host name="localhost" appBase="described"/>
                    </Engine>
                  </Service>
                  <Service name="Itself">
                    <Connector port="0" address="127.0.0.1"/>
                    <Engine name="Itself" defaultHost="localhost">
                      <Host name="localhost" appBase="itself"/>
                    </Engine>
                  </Service>
                </Server>
                """.replace("OWN_VALVE", OWN_VALVE);
    }

    /** One more than in {@link #serverXml}: by a descriptor, and by what is in the application itself. */
    private static void applicationsThatJudge() throws IOException {
        for (String application : List.of("elsewhere/named", "elsewhere/described", "itself/app")) {
            Path root = Files.createDirectories(base.resolve(application));
            Files.writeString(root.resolve("index.jsp"), PAGE.replace("%s", application));
        }
        Files.writeString(
                Files.createDirectories(base.resolve("conf/Described/localhost"))
                        .resolve("app.xml"),
                "<Context docBase=\"" + base.resolve("elsewhere/described") + "\">" + OWN_VALVE + "</Context>");
        Files.writeString(
                Files.createDirectories(base.resolve("itself/app/META-INF")).resolve("context.xml"),
                "<Context>" + OWN_VALVE + "</Context>");
        Path other = Files.createDirectories(base.resolve("itself/ROOT"));
        Files.writeString(other.resolve("index.jsp"), PAGE.replace("%s", "other"));
    }

    private static int port(int listener) {
        return status.listeners().get(listener).port();
    }

    /** What curl prints: the page, and the version of HTTP behind it. */
    private static String curl(String url, String... options) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of("curl", "-sS", "-m", "60", "-w", " HTTP/%{http_version}"));
        command.addAll(List.of(options));
        command.add(url);
        Process curl = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(curl.getInputStream().readAllBytes(), UTF_8);
        assertThat(curl.waitFor(90, TimeUnit.SECONDS)).isTrue();
        return output;
    }

    @Test
    @DisplayName("every connector of every service is a port of the cluster, with TLS where the file has it")
    void everyConnectorIsShared() {
        assertThat(status.listeners())
                .extracting(ClusterStatus.Listener::protocol)
                .containsExactly("http", "https", "http", "http", "http", "http");
        assertThat(cluster.output()).contains("connector port 8009 (AJP/1.3) is off");
    }

    @Test
    @DisplayName("hosts and services have their own applications, and the DataSource of the file")
    void hostsAndServicesAreThoseOfTheFile() throws Exception {
        String plain = "http://127.0.0.1:" + port(PLAIN) + "/";
        assertThat(curl(plain)).startsWith("webapps 127.0.0.1 127.0.0.1 false 2.");
        assertThat(curl(plain, "-H", "Host: " + SHOP)).startsWith("shop " + SHOP + " 127.0.0.1 false 2.");
        assertThat(curl("http://127.0.0.1:" + port(SECOND_SERVICE) + "/")).startsWith("second 127.0.0.1 ");
    }

    @Test
    @DisplayName("each name has its certificate (SNI), and HTTP/2 is spoken where the file says so")
    void eachNameHasItsCertificate() throws Exception {
        String atShop = SHOP + ":" + port(TLS);
        String page = curl(
                "https://" + atShop + "/",
                "--http2",
                "--cacert",
                shop.chain().toString(),
                "--resolve",
                atShop + ":127.0.0.1");
        assertThat(page).startsWith("shop " + SHOP + " 127.0.0.1 true 2.").endsWith(" HTTP/2");
        assertThat(curl(
                        "https://localhost:" + port(TLS) + "/",
                        "--http1.1",
                        "--cacert",
                        localhost.chain().toString()))
                .startsWith("webapps localhost 127.0.0.1 true 2.")
                .endsWith(" HTTP/1.1");
    }

    @Test
    @DisplayName("a TLS session of one name is resumed at every worker, and not for another name")
    void aSessionIsResumedForItsNameAtEveryWorker() throws Exception {
        Path ticket = directory.resolve("ticket");
        OpenSsl client = new OpenSsl(directory, SHOP);
        assertThat(client.visit(port(TLS), "-tls1_3", "-sess_out", ticket).resumed())
                .isFalse();
        Set<Worker> workers = new HashSet<>();
        for (int i = 0; i < 100 && workers.size() < 2; i++) {
            OpenSsl.Visit again = client.visit(port(TLS), "-tls1_3", "-sess_in", ticket);
            assertThat(again.resumed()).isTrue();
            workers.add(again.worker());
        }
        assertThat(workers).hasSize(2);
        OpenSsl elsewhere = new OpenSsl(directory, "localhost");
        assertThat(elsewhere.visit(port(TLS), "-tls1_3", "-sess_in", ticket).resumed())
                .isFalse();
    }

    @Test
    @DisplayName(
            "a RemoteIpValve of the file is the one that judges; where there is none --trust does, and the forwarded host"
                    + " decides host and context")
    void theValveOfTheFileJudges() throws Exception {
        String[] forwarded = {"-H", "X-Forwarded-For: 203.0.113.7", "-H", "X-Forwarded-Host: " + SHOP};
        assertThat(curl("http://127.0.0.1:" + port(PLAIN) + "/", forwarded))
                .startsWith("webapps 127.0.0.1 203.0.113.7 ");
        String second = "http://127.0.0.1:" + port(SECOND_SERVICE) + "/";
        assertThat(curl(second, forwarded)).startsWith("mapped " + SHOP + " 203.0.113.7 ");
        assertThat(curl(second + "cart/", forwarded)).startsWith("cart " + SHOP + " 203.0.113.7 ");
        assertThat(curl(second)).startsWith("second 127.0.0.1 127.0.0.1 ");
    }

    @ParameterizedTest
    @CsvSource({"3, elsewhere/named", "4, elsewhere/described", "5, itself/app"})
    @DisplayName("an application with a valve of its own, wherever it is declared, finds all headers for it to judge")
    void theValveOfAnApplicationJudges(int listener, String application) throws Exception {
        String url = "http://127.0.0.1:" + port(listener) + "/app/";
        assertThat(curl(url, "-H", "X-Real-IP: 203.0.113.7", "-H", "X-Forwarded-For: 198.51.100.9"))
                .startsWith(application + " 127.0.0.1 203.0.113.7 ");
    }

    @Test
    @DisplayName("--trust judges for the other applications of its engine, and one line says so")
    void trustIsForTheOtherApplications() throws Exception {
        String url = "http://127.0.0.1:" + port(ITSELF) + "/";
        String[] forwarded = {"-H", "X-Forwarded-For: 203.0.113.7", "-H", "X-Forwarded-Host: " + SHOP};
        assertThat(curl(url, forwarded)).startsWith("other " + SHOP + " 203.0.113.7 ");
        assertThat(cluster.output())
                .contains("Itself: localhost/app has a RemoteIpValve or ForwardedValve of its own")
                .doesNotContain("Second: localhost");
    }

    @Test
    @DisplayName("the unit for systemd names the installation, no port, and as many sockets as there are connectors")
    void theUnitNamesTheInstallation() throws Exception {
        Launcher.Result unit = Launcher.ofThisBuild()
                .run(
                        SOON,
                        List.of(
                                "config",
                                "systemd",
                                "--name",
                                "shop",
                                "--run-dir",
                                cluster.runDir().toString()));
        assertThat(unit.exitCode()).as(unit.errors()).isZero();
        assertThat(unit.output())
                .contains(" run --run-dir /run/shop --log-dir /var/log/shop ", " --catalina-base " + base)
                .contains("\nFileDescriptorStoreMax=6\n");
    }
}
