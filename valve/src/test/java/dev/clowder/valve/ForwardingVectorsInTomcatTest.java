package dev.clowder.valve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import dev.clowder.valve.LiveServer.Level;
import dev.clowder.valve.RawClient.Reply;
import dev.clowder.valve.Vectors.Vector;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.apache.catalina.Container;
import org.apache.catalina.Context;
import org.apache.catalina.LifecycleException;
import org.apache.catalina.connector.Connector;
import org.assertj.core.api.SoftAssertions;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every example of forwarding.json over sockets in a real Tomcat, with the valve in an Engine, a Host and a Context. The
 * peer is the source of a PROXY header.
 */
class ForwardingVectorsInTomcatTest {

    /** A PROXY header carries no zone, and no interface here has the one of the example: put to the rules alone. */
    private static final String WITHOUT_SOCKET = "sec-zone-peer";

    private static final int PEER_PORT = 40000;

    private static LiveServer server;
    private static Connector tls;
    private static Container container;
    private static ForwardedValve valve;
    private static Container added;
    private static String inForce = "";

    static Stream<Arguments> cases() {
        return Stream.of(Level.values())
                .flatMap(level -> Vectors.ofKind("http")
                        .filter(vector -> !vector.id().equals(WITHOUT_SOCKET))
                        .sorted(Comparator.comparing(vector -> vector.attributes() + vector.text("context", "")))
                        .map(vector -> Arguments.of(level, vector)));
    }

    static Stream<Arguments> settings() {
        return Stream.of(Level.values())
                .flatMap(level -> Vectors.ofKind("config").map(vector -> Arguments.of(level, vector)));
    }

    @BeforeAll
    static void start() throws LifecycleException {
        server = LiveServer.behindBalancer();
        // As far as a request can tell, TLS ended here.
        tls = new Connector(ProxyHttp11NioProtocol.class.getName());
        tls.setProperty("proxyProtocol", "required");
        tls.setPort(0);
        tls.setScheme("https");
        tls.setSecure(true);
        server.tomcat.getService().addConnector(tls);
        // A relative redirect would say nothing of the outside.
        ((Context) server.container(Level.CONTEXT, "")).setUseRelativeRedirects(false);
        server.start();
    }

    @AfterAll
    static void stop() throws LifecycleException {
        server.close();
    }

    @ParameterizedTest(name = "{0} {1}")
    @MethodSource("cases")
    void theApplicationSeesWhatTheVectorExpects(Level level, Vector vector) throws Exception {
        configure(level, vector);
        try (RawClient client = connect(vector)) {
            String base = "Host: " + vector.head().hostname() + portOf(vector);
            if (vector.json().has("before")) {
                client.send("/", lines(base, vector.headers("before")));
            }
            for (String path : paths(vector)) {
                List<String> lines = lines(base, vector.headers("headers"));
                JsonNode redirect = vector.expect().path("redirect");
                if (redirect.has("to")) {
                    lines.add("X-Test-Redirect: " + redirect.get("to").asText());
                }
                Reply reply = client.send(path, lines);
                if (vector.expect().has("status")) {
                    assertThat(reply.status())
                            .isEqualTo(vector.expect().get("status").asInt());
                    assertThat(reply.body()).doesNotContain("application=");
                } else if (redirect.has("to")) {
                    assertThat(reply.headers())
                            .containsEntry("location", redirect.get("location").asText());
                } else {
                    assertThat(reply.status()).isEqualTo(path.equals("/error") ? 409 : 200);
                    SoftAssertions.assertSoftly(softly -> check(softly, vector.expect(), reply));
                }
            }
        }
    }

    @ParameterizedTest(name = "{0} {1}")
    @MethodSource("settings")
    void aRuleThatCannotBeRightStopsTheStart(Level level, Vector vector) throws Exception {
        takeAway();
        ForwardedValve made = valveFor(vector);
        made.setContainer(server.container(level, ""));
        if (vector.expect().get("configError").asBoolean()) {
            assertThatThrownBy(made::start)
                    .isInstanceOf(LifecycleException.class)
                    .hasStackTraceContaining("trust=\"" + vector.attributes().get("trust") + "\"");
        } else {
            made.start();
            assertThat(made.getEffectiveTrust()).isNotEmpty();
            made.stop();
        }
    }

    private static void configure(Level level, Vector vector) {
        String context = vector.text("context", "");
        String wanted = level + " " + context + " " + vector.attributes();
        if (wanted.equals(inForce)) {
            return;
        }
        takeAway();
        if (!context.isEmpty() && server.defaultHost().findChild(context) == null) {
            server.addApplication(server.defaultHost(), context);
            added = server.defaultHost().findChild(context);
        }
        container = server.container(level, context);
        valve = valveFor(vector);
        container.getPipeline().addValve(valve);
        assertThat(valve.getState().isAvailable()).as(wanted).isTrue();
        inForce = wanted;
    }

    /** Other vectors ask for the same path in the root application. */
    private static void takeAway() {
        if (valve != null) {
            container.getPipeline().removeValve(valve);
            valve = null;
        }
        if (added != null) {
            server.defaultHost().removeChild(added);
            added = null;
        }
        inForce = "";
    }

    private static ForwardedValve valveFor(Vector vector) {
        return LiveServer.valve(vector.attributes().entrySet().stream()
                .flatMap(e -> Stream.of(e.getKey(), e.getValue()))
                .toArray(String[]::new));
    }

    private static RawClient connect(Vector vector) throws Exception {
        boolean https = vector.head().secure();
        byte[] header = ProxyHeaderWriter.v2(
                new InetSocketAddress(vector.head().peer(), PEER_PORT), new InetSocketAddress("192.0.2.254", 80));
        return new RawClient("127.0.0.1", https ? tls.getLocalPort() : server.port(), header);
    }

    private static String portOf(Vector vector) {
        GivenHead head = vector.head();
        return head.port() == (head.secure() ? 443 : 80) ? "" : ":" + head.port();
    }

    private static List<String> lines(String host, List<Map.Entry<String, String>> headers) {
        List<String> lines = new ArrayList<>(List.of(host));
        headers.forEach(header -> lines.add(header.getKey() + ": " + header.getValue()));
        return lines;
    }

    /** One path for each dispatcher type in which the expectations must hold. */
    private static List<String> paths(Vector vector) {
        JsonNode dispatches = vector.json().path("dispatches");
        return dispatches.isMissingNode()
                ? List.of(vector.text("path", "/"))
                : StreamSupport.stream(dispatches.spliterator(), false)
                        .map(JsonNode::asText)
                        .map(type -> type.equals("REQUEST") ? "/" : "/" + type.toLowerCase(java.util.Locale.ROOT))
                        .toList();
    }

    private static void check(SoftAssertions softly, JsonNode expect, Reply reply) {
        same(softly, expect, "ip", reply, "forwarded.ip", "remoteAddr", "remoteHost");
        same(softly, expect, "protocol", reply, "forwarded.protocol", "scheme");
        same(softly, expect, "secure", reply, "forwarded.secure", "secure");
        same(softly, expect, "host", reply, "forwarded.host");
        same(softly, expect, "hostname", reply, "forwarded.hostname", "serverName");
        same(softly, expect, "port", reply, "forwarded.port", "serverPort");
        same(softly, expect, "ips", reply, "forwarded.ips");
        same(softly, expect, "subdomains", reply, "forwarded.subdomains");
        same(softly, expect, "prefix", reply, "forwarded.prefix");
        same(softly, expect, "reason", reply, "forwarded.reason");
        same(softly, expect, "remotePort", reply, "remotePort");
        same(softly, expect, "contextPath", reply, "contextPath");
        same(softly, expect, "requestURI", reply, "uri");
        same(softly, expect, "url", reply, "url");
        if (expect.has("ipNot")) {
            softly.assertThat(reply.seen("remoteAddr"))
                    .isNotEqualTo(expect.get("ipNot").asText());
        }
        expect.path("headersAfter")
                .properties()
                .forEach(header -> softly.assertThat(
                                reply.seen("header." + header.getKey().toLowerCase(java.util.Locale.ROOT)))
                        .as(header.getKey())
                        .isEqualTo(
                                header.getValue().isNull()
                                        ? null
                                        : header.getValue().asText()));
    }

    private static void same(SoftAssertions softly, JsonNode expect, String field, Reply reply, String... keys) {
        if (!expect.has(field)) {
            return;
        }
        JsonNode wanted = expect.get(field);
        String text = wanted.isArray()
                ? StreamSupport.stream(wanted.spliterator(), false)
                        .map(JsonNode::asText)
                        .collect(Collectors.joining(", ", "[", "]"))
                : wanted.asText();
        for (String key : keys) {
            softly.assertThat(reply.seen(key)).as(key).isEqualToIgnoringCase(text);
        }
    }
}
