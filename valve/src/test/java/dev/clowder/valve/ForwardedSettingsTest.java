package dev.clowder.valve;

import static dev.clowder.valve.LiveServer.valve;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.clowder.valve.LiveServer.Level;
import dev.clowder.valve.RawClient.Reply;
import java.nio.file.Files;
import org.apache.catalina.LifecycleException;
import org.apache.catalina.connector.Connector;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
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
                "trust|class:",
                "trust|class:com.example.NoSuchPolicy",
                "trust|class:java.lang.String",
                "trust|class:dev.clowder.valve.TrustPolicy",
                "trust|class:dev.clowder.valve.ForwardedSettingsTest$Unmakeable",
                "trust|class:dev.clowder.valve.ForwardedSettingsTest$Failing",
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

    /** A policy with no public constructor. */
    public static final class Unmakeable implements TrustPolicy {
        private Unmakeable() {}

        @Override
        public boolean trusts(String address, int hop) {
            return true;
        }
    }

    /** A policy that cannot be made. */
    public static final class Failing implements TrustPolicy {
        public Failing() {
            throw new IllegalStateException("no list of proxies");
        }

        @Override
        public boolean trusts(String address, int hop) {
            return true;
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"true", "class:dev.clowder.valve.ForwardedSettingsTest$OnlyPeer"})
    void whatAsksNoListCannotStandBesideAFileOfRules(String trust) throws Exception {
        LiveServer server = new LiveServer();
        Files.writeString(server.base().resolve("proxies.txt"), "10.0.0.0/8\n");
        server.add(Level.ENGINE, valve("trust", trust, "trustFile", "proxies.txt"));
        try (server) {
            assertThatThrownBy(server::start)
                    .isInstanceOf(LifecycleException.class)
                    .hasStackTraceContaining("ForwardedValve can't start: trust=\"" + trust + "\": '" + trust
                            + "' and the rules of trustFile exclude each other");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"0", "false"})
    void nobodyIsTrustedIfThatIsAskedFor(String trust) throws Exception {
        ForwardedValve valve = valve("trust", trust);
        try (LiveServer server = LiveServer.with(Level.ENGINE, valve);
                RawClient client = new RawClient(PROXY, server.port())) {
            Reply reply = client.get("/", "X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: https");

            assertThat(reply.seen("remoteAddr")).isEqualTo(PROXY);
            assertThat(reply.seen("scheme")).isEqualTo("http");
            assertThat(reply.seen("forwarded.reason")).isEqualTo("UNTRUSTED_PEER");
            assertThat(valve.getEffectiveTrust()).containsExactly("false");
        }
    }

    @ParameterizedTest
    @EnumSource(Level.class)
    void headersOfOtherNamesTakeThePlaceOfTheUsualOnes(Level level) throws Exception {
        ForwardedValve valve = valve(
                "forHeader", "X-Outer-For",
                "protoHeader", "X-Outer-Proto",
                "hostHeader", "X-Outer-Host",
                "portHeader", "X-Outer-Port",
                "prefix", "true",
                "prefixHeader", "X-Outer-Prefix");
        try (LiveServer server = LiveServer.with(level, valve);
                RawClient client = new RawClient(PROXY, server.port())) {
            Reply reply = client.get(
                    "/x",
                    "X-Outer-For: 203.0.113.7",
                    "X-Outer-Proto: https",
                    "X-Outer-Host: outside.example",
                    "X-Outer-Port: 8443",
                    "X-Outer-Prefix: /out",
                    "X-Forwarded-For: 6.6.6.6",
                    "X-Forwarded-Proto: http",
                    "X-Forwarded-Host: evil.example",
                    "X-Forwarded-Port: 66",
                    "X-Forwarded-Prefix: /evil");

            assertThat(reply.seen("remoteAddr")).isEqualTo("203.0.113.7");
            assertThat(reply.seen("url")).isEqualTo("https://outside.example:8443/out/x");
            assertThat(reply.seen("secure")).isEqualTo("true");
            assertThat(reply.body()).doesNotContain("header.x-forwarded", "evil", "6.6.6.6");
        }
    }

    /** What the guide names for each of them. */
    @ParameterizedTest
    @ValueSource(
            strings = {"cf-connecting-ip", "fastly-client-ip", "true-client-ip", "x-azure-clientip", "x-azure-socketip"
            })
    void theHeaderOfADeliveryNetworkNamesTheClientIfTheNetworkSentIt(String headers) throws Exception {
        try (LiveServer server = LiveServer.with(Level.ENGINE, valve("trust", PROXY, "headers", headers));
                RawClient network = new RawClient(PROXY, server.port());
                RawClient anybody = new RawClient(ANYBODY, server.port())) {
            String[] lines = {headers + ": 203.0.113.7", "X-Forwarded-For: 6.6.6.6"};
            assertThat(network.get("/", lines).seen("remoteAddr")).isEqualTo("203.0.113.7");
            assertThat(network.get("/", lines[1]).seen("remoteAddr")).isEqualTo(PROXY);

            Reply spoofed = anybody.get("/", lines);
            assertThat(spoofed.seen("remoteAddr")).isEqualTo(ANYBODY);
            assertThat(spoofed.seen("header." + headers)).isNull();
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
        for (String trust : new String[] {"loopback", "unix", "1; loopback", "1; unix", "0"}) {
            assertThat(clientOverUnixSocket(trust))
                    .as(trust)
                    .isEqualTo(trust.endsWith("unix") ? "203.0.113.7" : "unix");
        }
    }

    @Test
    void whatTrustsWhoeverItIsTrustsThePeerOfAUnixSocketToo() throws Exception {
        for (String trust : new String[] {"true", "1", "class:" + OnlyUnix.class.getName()}) {
            assertThat(clientOverUnixSocket(trust)).as(trust).isEqualTo("203.0.113.7");
        }
        assertThat(clientOverUnixSocket("class:" + OnlyPeer.class.getName()))
                .as("a policy that knows no such peer")
                .isEqualTo("unix");
    }

    /** Trusts a Unix socket by the name that a policy is told. */
    public static final class OnlyUnix implements TrustPolicy {
        @Override
        public boolean trusts(String address, int hop) {
            return hop == 0 && address.equals("unix");
        }
    }

    /** Who the client is of a request over a Unix socket that names 203.0.113.7. */
    private static @Nullable String clientOverUnixSocket(String trust) throws Exception {
        Reply reply = LiveServer.overUnixSocket(valve("trust", trust), "X-Forwarded-For: 203.0.113.7");
        assertThat(reply.seen("forwarded.peer")).isEqualTo("unix");
        return reply.seen("remoteAddr");
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
