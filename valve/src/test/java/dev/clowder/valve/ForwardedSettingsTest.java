package dev.clowder.valve;

import static dev.clowder.valve.LiveServer.valve;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.clowder.valve.LiveServer.Level;
import dev.clowder.valve.RawClient.Reply;
import java.io.OutputStream;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.catalina.LifecycleException;
import org.apache.catalina.connector.Connector;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is checked and compiled at the start, and where the valve may stand. 127.0.0.1 is a trusted proxy, 127.0.0.9 is anybody. */
class ForwardedSettingsTest {

    private static final String PROXY = "127.0.0.1";
    private static final String ANYBODY = "127.0.0.9";

    @ParameterizedTest
    @ValueSource(
            strings = {
                "trust|10.0.0.0/8, 0.0.0.0/0",
                "trust|0.0.0.0/1, 128.0.0.0/1",
                "trust|::/1, 8000::/1",
                "trust|10.0.0.0/8, ::/2, 4000::/2, 8000::/1",
                "trust|loopbak",
                "headers|x-forwarded-for",
                "conflict|refuse",
                "malformed|true",
                "strip|yes",
                "hosts|*",
                "subdomainOffset|-1",
                "prefix|on",
                "forHeader|X_Forwarded_For",
                "hostHeader|X-Forwarded-For",
                "trustFile|no-such-file",
                "trsut|loopback",
            })
    void whatCannotBeRightStopsTheStartAndIsNamed(String setting) throws Exception {
        String attribute = setting.substring(0, setting.indexOf('|'));
        String text = setting.substring(setting.indexOf('|') + 1);
        LiveServer server = new LiveServer();
        server.add(Level.ENGINE, valve(attribute, text));
        try (server) {
            assertThatThrownBy(server::start)
                    .isInstanceOf(LifecycleException.class)
                    .hasStackTraceContaining("ForwardedValve can't start: " + attribute + "=\"")
                    .hasStackTraceContaining(text + "\": ");
            assertThat(server.connector.getState().isAvailable()).isFalse();
        }
    }

    @Test
    void aSecondValveOnTheWayLeavesTheRequestAlone() throws Exception {
        LiveServer server = new LiveServer();
        server.add(Level.ENGINE, valve("trust", PROXY));
        server.add(Level.CONTEXT, valve("trust", "true"));
        server.start();
        try (server;
                RawClient client = new RawClient(PROXY, server.port())) {
            Reply reply = client.get("/", "X-Forwarded-For: 6.6.6.6, 203.0.113.7");

            assertThat(reply.seen("remoteAddr")).isEqualTo("203.0.113.7");
        }
    }

    @Test
    void twoValvesInOnePipelineAreAMistake() throws Exception {
        LiveServer server = new LiveServer();
        server.add(Level.ENGINE, valve());
        server.add(Level.ENGINE, valve());
        try (server) {
            assertThatThrownBy(server::start).hasStackTraceContaining("two ForwardedValves");
        }
    }

    @Test
    void thePeerOfAUnixSocketIsTrustedByItsKeywordOnly() throws Exception {
        for (String trust : new String[] {"loopback", "unix"}) {
            LiveServer server = new LiveServer();
            server.add(Level.ENGINE, valve("trust", trust));
            Path path = server.base().resolve("s");
            Connector unix = new Connector();
            unix.setProperty("unixDomainSocketPath", path.toString());
            server.tomcat.getService().addConnector(unix);
            server.start();
            try (server;
                    SocketChannel socket = SocketChannel.open(StandardProtocolFamily.UNIX)) {
                socket.connect(UnixDomainSocketAddress.of(path));
                OutputStream out = Channels.newOutputStream(socket);
                out.write("GET / HTTP/1.1\r\nHost: app.internal\r\nX-Forwarded-For: 203.0.113.7\r\n\r\n"
                        .getBytes(StandardCharsets.US_ASCII));
                Reply reply = RawClient.read(Channels.newInputStream(socket));

                assertThat(reply.seen("forwarded.peer")).isEqualTo("unix");
                assertThat(reply.seen("remoteAddr")).isEqualTo(trust.equals("unix") ? "203.0.113.7" : "unix");
            }
        }
    }

    @Test
    void aConnectorAddedToARunningServerIsCoveredToo() throws Exception {
        try (LiveServer server = LiveServer.with(Level.ENGINE, valve("trust", PROXY))) {
            Connector late = new Connector();
            late.setPort(0);
            server.tomcat.getService().addConnector(late);
            try (RawClient client = new RawClient(PROXY, late.getLocalPort())) {
                assertThat(client.get("/", "X-Forwarded-Host: shop.example").seen("application"))
                        .isEqualTo("shop.example");
            }
        }
    }

    @Test
    void whatTheProxySaysOfARequestOutweighsTheConnectorsProxyName() throws Exception {
        LiveServer server = new LiveServer();
        server.add(Level.ENGINE, valve("trust", PROXY));
        server.connector.setProxyName("front.example");
        server.connector.setProxyPort(81);
        server.start();
        try (server;
                RawClient client = new RawClient(PROXY, server.port())) {
            assertThat(client.get("/").seen("url")).isEqualTo("http://front.example:81/");
            Reply reply = client.get("/", "X-Forwarded-Host: outside.example", "X-Forwarded-Proto: https");
            assertThat(reply.seen("url")).isEqualTo("https://outside.example/");
            assertThat(reply.seen("forwarded.host")).isEqualTo("outside.example");
        }
    }

    /** Trusts whoever stands where it may, for the test of {@code class:}. */
    public static final class OnlyPeer implements TrustPolicy {
        @Override
        public boolean trusts(String address, int hop) {
            if (hop > 0 && address.equals("203.0.113.66")) {
                throw new IllegalStateException("asked about the unspeakable");
            }
            return hop == 0 && address.equals(PROXY);
        }
    }

    @Test
    void aPolicyOfYourOwnDecides() throws Exception {
        try (LiveServer server = LiveServer.with(Level.ENGINE, valve("trust", "class:" + OnlyPeer.class.getName()));
                RawClient client = new RawClient(PROXY, server.port())) {
            assertThat(client.get("/", "X-Forwarded-For: 6.6.6.6, 203.0.113.7").seen("remoteAddr"))
                    .isEqualTo("203.0.113.7");
            assertThat(client.get("/", "X-Forwarded-For: 6.6.6.6, 203.0.113.66").seen("remoteAddr"))
                    .as("a policy that throws trusts nobody")
                    .isEqualTo("203.0.113.66");
        }
    }

    @Test
    void aStoppedValveDoesNothingAndARestartedOneJudgesAsBefore() throws Exception {
        ForwardedValve valve = valve("trust", PROXY);
        try (LiveServer server = LiveServer.with(Level.ENGINE, valve);
                RawClient client = new RawClient(PROXY, server.port())) {
            String header = "X-Forwarded-Host: shop.example";
            assertThat(client.get("/", header).seen("application")).isEqualTo("shop.example");
            valve.stop();
            assertThat(client.get("/", header).seen("application")).isEqualTo("app.internal");
            assertThat(client.get("/", header).seen("forwarded.ip")).isNull();
            valve.start();
            assertThat(client.get("/", header).seen("application")).isEqualTo("shop.example");
        }
    }

    @Test
    void aRelativeTrustFileIsFoundInCatalinaBase() throws Exception {
        LiveServer server = new LiveServer();
        Files.writeString(server.base().resolve("proxies.txt"), "# ours\n127.0.0.9 # the edge\n");
        server.add(Level.ENGINE, valve("trust", "false", "trustFile", "proxies.txt"));
        server.start();
        try (server;
                RawClient client = new RawClient(ANYBODY, server.port())) {
            assertThat(client.get("/", "X-Forwarded-For: 203.0.113.7").seen("remoteAddr"))
                    .isEqualTo("203.0.113.7");
        }
    }
}
