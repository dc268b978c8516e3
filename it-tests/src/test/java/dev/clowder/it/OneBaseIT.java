package dev.clowder.it;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.it.HttpConnection.Response;
import java.io.IOException;
import java.io.OutputStream;
import java.io.StringReader;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import javax.management.ObjectName;
import javax.management.remote.JMXConnector;
import javax.management.remote.JMXConnectorFactory;
import javax.management.remote.JMXServiceURL;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** What two workers on one {@code CATALINA_BASE} would take from each other, if nobody took care. */
@Tag("once")
@EnabledOnOs(value = OS.LINUX, disabledReason = "bin/setenv.sh needs a shell")
class OneBaseIT {
    private static final Duration SOON = Duration.ofMinutes(3);
    private static final Pattern RECEIVER = Pattern.compile("\\[(\\d)\\].*Receiver Server Socket bound to.*:(\\d+)\\]");

    /** What an application sees of its worker, as properties. */
    private static final String PAGE = """
        <%@ page contentType="text/plain" %>
        real=<%= application.getRealPath("/") %>
        work=<%= application.getAttribute("jakarta.servlet.context.tempdir") %>
        temp=<%= System.getProperty("java.io.tmpdir") %>
        word=<%= System.getProperty("test.word") %>
        base=<%= System.getProperty("test.base") %>
        session=<%= session.isNew() %>
        """;

    @TempDir
    static Path files;

    private static Path base;
    private static int shutdown;
    private static int jmx;
    private static int debugger;
    private static int receiver;
    private static ClowderProcess cluster;

    @BeforeAll
    static void start() throws Exception {
        base = files.resolve("base");
        Path home = Path.of(System.getProperty("tomcat.10"));
        Path conf = Files.createDirectories(base.resolve("conf"));
        for (String file : List.of("web.xml", "catalina.properties", "logging.properties")) {
            Files.copy(home.resolve("conf").resolve(file), conf.resolve(file));
        }
        List<Integer> ports = freePorts(8);
        shutdown = ports.get(0);
        jmx = ports.get(1);
        debugger = ports.get(3);
        receiver = ports.get(5);
        Files.writeString(conf.resolve("server.xml"), serverXml());
        Files.writeString(
                Files.createDirectories(base.resolve("bin")).resolve("setenv.sh"), """
                    JAVA_OPTS="-Dtest.word='two words' -Dtest.base=$CATALINA_BASE"
                    CATALINA_OPTS="-Dcom.sun.management.jmxremote.port=%d -Dcom.sun.management.jmxremote.rmi.port=%d"
                    CATALINA_OPTS="$CATALINA_OPTS -Dcom.sun.management.jmxremote.host=127.0.0.1"
                    CATALINA_OPTS="$CATALINA_OPTS -Djava.rmi.server.hostname=127.0.0.1"
                    CATALINA_OPTS="$CATALINA_OPTS -Dcom.sun.management.jmxremote.ssl=false"
                    CATALINA_OPTS="$CATALINA_OPTS -Dcom.sun.management.jmxremote.authenticate=false"
                    CATALINA_OPTS="$CATALINA_OPTS -agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=127.0.0.1:%d"
                    """.formatted(jmx, jmx, debugger));
        applications();
        cluster = ClowderProcess.builder()
                .root(files)
                .catalinaBase(base)
                .arguments("--catalina-home", home.toString())
                .start();
        cluster.awaitReady(SOON);
    }

    @AfterAll
    static void stop() {
        if (cluster != null) {
            cluster.close();
        }
    }

    /** Consecutive ones, below those that the kernel gives to whoever asks for any. */
    private static List<Integer> freePorts(int count) throws IOException {
        for (int first = 20_000; first < 30_000; first += count) {
            List<Integer> ports = new ArrayList<>();
            try {
                for (int port = first; port < first + count; port++) {
                    new ServerSocket(port).close();
                    ports.add(port);
                }
                return ports;
            } catch (IOException e) {
                // One of them is taken.
            }
        }
        throw new IOException("no free ports");
    }

    private static String serverXml() {
        return """
            <Server port="%d">
              <Service name="Catalina">
                <Connector port="0" address="127.0.0.1"/>
                <Engine name="Catalina" defaultHost="localhost">
                  <Cluster className="org.apache.catalina.ha.tcp.SimpleTcpCluster">
                    <Channel className="org.apache.catalina.tribes.group.GroupChannel">
                      <Membership className="org.apache.catalina.tribes.membership.StaticMembershipService">
                        <LocalMember className="org.apache.catalina.tribes.membership.StaticMember" domain="test"/>
                      </Membership>
                      <Receiver className="org.apache.catalina.tribes.transport.nio.NioReceiver"
                          address="127.0.0.1" port="%d" autoBind="0"/>
                    </Channel>
                  </Cluster>
                  <Host name="localhost" appBase="webapps">
                    <Context path="/packed" docBase="packed.war"/>
                  </Host>
                </Engine>
              </Service>
            </Server>
            """.formatted(shutdown, receiver);
    }

    private static void applications() throws IOException {
        Path webapps = Files.createDirectories(base.resolve("webapps"));
        war(webapps.resolve("packed.war"));
        Path descriptors = Files.createDirectories(base.resolve("conf/Catalina/localhost"));
        war(files.resolve("elsewhere.war"));
        Files.writeString(
                descriptors.resolve("outside.xml"), "<Context docBase=\"" + files.resolve("elsewhere.war") + "\"/>");
        Path own = Files.createDirectories(files.resolve("own"));
        Files.writeString(own.resolve("index.jsp"), PAGE);
        Files.writeString(descriptors.resolve("own.xml"), """
            <Context docBase="%s" workDir="%s">
              <Valve className="org.apache.catalina.valves.AccessLogValve" prefix="own" suffix=".txt" buffered="false"/>
            </Context>
            """.formatted(own, base.resolve("work/own")));
        Path hostManager = Files.createDirectories(webapps.resolve("host-manager"));
        Files.writeString(
                Files.createDirectories(hostManager.resolve("META-INF")).resolve("context.xml"),
                "<Context privileged=\"true\"/>");
        Files.writeString(
                Files.createDirectories(hostManager.resolve("WEB-INF")).resolve("web.xml"), """
                <web-app xmlns="https://jakarta.ee/xml/ns/jakartaee" version="6.0">
                  <servlet>
                    <servlet-name>HostManager</servlet-name>
                    <servlet-class>org.apache.catalina.manager.host.HostManagerServlet</servlet-class>
                  </servlet>
                  <servlet-mapping><servlet-name>HostManager</servlet-name><url-pattern>/text/*</url-pattern></servlet-mapping>
                </web-app>
                """);
    }

    private static void war(Path file) throws IOException {
        try (OutputStream out = Files.newOutputStream(file);
                ZipOutputStream zip = new ZipOutputStream(out)) {
            zip.putNextEntry(new ZipEntry("index.jsp"));
            zip.write(PAGE.getBytes(UTF_8));
        }
    }

    /** What both workers say of themselves at a path, by slot. */
    private static Map<Integer, Properties> ask(String path) throws IOException {
        Map<Integer, Properties> pages = new TreeMap<>();
        for (long end = System.nanoTime() + SOON.toNanos(); pages.size() < 2 && System.nanoTime() < end; ) {
            Response response = HttpConnection.fresh(cluster.port(), path);
            assertThat(response.status()).as(response.body()).isEqualTo(200);
            Properties page = new Properties();
            page.load(new StringReader(response.body()));
            pages.put(response.worker().slot(), page);
        }
        assertThat(pages).hasSize(2);
        return pages;
    }

    private static List<String> values(String path, String name) throws IOException {
        return ask(path).values().stream().map(page -> page.getProperty(name)).toList();
    }

    @Test
    @DisplayName("the shutdown port is not open")
    void theShutdownPortIsNotOpen() {
        assertThatThrownBy(() -> new Socket(InetAddress.getLoopbackAddress(), shutdown).close())
                .isInstanceOf(ConnectException.class);
        assertThat(cluster.output()).contains("no shutdown port " + shutdown);
    }

    @Test
    @DisplayName("a <Cluster>: each worker's receiver has a port of its own, without an error, and a line says so")
    void eachWorkerHasAReceiverOfItsOwn() {
        Map<String, Integer> ports = new TreeMap<>();
        Matcher bound = RECEIVER.matcher(cluster.output());
        while (bound.find()) {
            ports.put(bound.group(1), Integer.valueOf(bound.group(2)));
        }
        assertThat(ports.keySet()).containsExactly("1", "2");
        assertThat(new HashSet<>(ports.values())).hasSize(2).allMatch(port -> port >= receiver);
        assertThat(cluster.output())
                .containsPattern("server\\.xml line \\d+: each worker is a member of the <Cluster>")
                .doesNotContain("BindException");
    }

    @Test
    @DisplayName("setenv.sh: applications see its definitions, with blanks and with CATALINA_BASE")
    void applicationsSeeTheDefinitionsOfSetenv() throws IOException {
        assertThat(values("/packed/", "word")).containsOnly("two words");
        assertThat(values("/packed/", "base")).containsOnly(base.toString());
    }

    @Test
    @DisplayName("behaviour 50: the JMX port of setenv.sh is each slot's own")
    void theJmxPortIsEachSlotsOwn() throws Exception {
        for (int slot = 1; slot <= 2; slot++) {
            assertThat((String[]) attribute(slot, "java.lang:type=Runtime", "InputArguments"))
                    .contains("-Dclowder.worker.slot=" + slot);
        }
        assertThat(cluster.output()).contains("the worker in slot K has port " + jmx + " + K - 1");
    }

    @Test
    @DisplayName("behaviour 50: the port for debuggers of setenv.sh is each slot's own")
    void thePortForDebuggersIsEachSlotsOwn() throws IOException {
        byte[] greeting = "JDWP-Handshake".getBytes(US_ASCII);
        for (int slot = 1; slot <= 2; slot++) {
            try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), debugger + slot - 1)) {
                socket.setSoTimeout((int) SOON.toMillis());
                socket.getOutputStream().write(greeting);
                assertThat(socket.getInputStream().readNBytes(greeting.length)).isEqualTo(greeting);
            }
        }
    }

    @Test
    @DisplayName("each slot has its own directories for compiled pages and uploads, whatever a context's workDir says")
    void workAndTempAreEachSlotsOwn() throws IOException {
        for (String path : List.of("/packed/", "/outside/", "/own/")) {
            assertThat(new HashSet<>(values(path, "work")))
                    .as(path)
                    .hasSize(2)
                    .allMatch(work -> work.startsWith(cluster.runDir().toString()));
        }
        assertThat(new HashSet<>(values("/own/", "temp"))).hasSize(2);
        assertThat(cluster.output()).contains("/own: workDir " + base.resolve("work/own"));
        assertThat(base.resolve("work")).doesNotExist();
    }

    @Test
    @DisplayName("a .war of webapps that server.xml names is expanded once for all, one elsewhere stays packed")
    void anArchiveIsExpandedOnceOrNotAtAll() throws IOException {
        Set<String> expanded = new HashSet<>(values("/packed/", "real"));
        assertThat(expanded).hasSize(1);
        assertThat(Path.of(expanded.iterator().next()).resolve("index.jsp")).hasContent(PAGE);
        assertThat(expanded.iterator().next()).startsWith(cluster.runDir().toString());
        assertThat(values("/outside/", "real")).containsOnly("null");
        try (Stream<Path> webapps = Files.list(base.resolve("webapps"))) {
            assertThat(webapps.map(path -> path.getFileName().toString()))
                    .containsExactlyInAnyOrder("packed.war", "host-manager");
        }
    }

    @Test
    @DisplayName("the access log of a context is a file for each slot")
    void theAccessLogOfAContextIsEachSlotsOwn() throws IOException {
        ask("/own/");
        try (Stream<Path> logs = Files.list(base.resolve("logs"))) {
            assertThat(logs.map(log -> log.getFileName().toString()).filter(log -> log.startsWith("own")))
                    .hasSize(2)
                    .anyMatch(log -> log.startsWith("own.slot1."))
                    .anyMatch(log -> log.startsWith("own.slot2."));
        }
    }

    @Test
    @DisplayName("the host manager is refused as the manager is")
    void theHostManagerIsRefused() throws IOException {
        Response refusal = HttpConnection.fresh(cluster.port(), "/host-manager/text/list");
        assertThat(refusal.status()).isEqualTo(403);
        assertThat(refusal.body()).contains("one worker only");
    }

    @Test
    @DisplayName("sessions are never written to a file that another worker would read, and no worker deploys by itself")
    void sessionsAreNotWrittenAndNobodyDeploysAlone() throws Exception {
        for (int slot = 1; slot <= 2; slot++) {
            assertThat(attribute(slot, "Catalina:type=Manager,host=localhost,context=/own", "pathname"))
                    .isNull();
            assertThat(attribute(slot, "Catalina:type=Host,host=localhost", "autoDeploy"))
                    .isEqualTo(false);
        }
    }

    /** What a worker says over JMX, at its own port. */
    private static @Nullable Object attribute(int slot, String bean, String name) throws Exception {
        int port = jmx + slot - 1;
        JMXServiceURL url = new JMXServiceURL("service:jmx:rmi:///jndi/rmi://127.0.0.1:" + port + "/jmxrmi");
        try (JMXConnector connector = JMXConnectorFactory.connect(url)) {
            return connector.getMBeanServerConnection().getAttribute(new ObjectName(bean), name);
        }
    }
}
