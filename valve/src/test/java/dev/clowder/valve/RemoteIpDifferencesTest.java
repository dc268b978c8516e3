package dev.clowder.valve;

import static dev.clowder.valve.LiveServer.valve;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.clowder.valve.LiveServer.Level;
import dev.clowder.valve.RawClient.Reply;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.List;
import org.apache.catalina.AccessLog;
import org.apache.catalina.Context;
import org.apache.catalina.Valve;
import org.apache.catalina.valves.RemoteIpValve;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Where ours is meant to differ from Tomcat's RemoteIpValve: the table of docs/remote-ip-valve.md, row by row. */
class RemoteIpDifferencesTest {

    private static final String[] DEFAULTS = {"remoteIpHeader", "X-Forwarded-For"};
    private static final String[] HOST_AND_PORT = {
        "protocolHeader", "X-Forwarded-Proto", "hostHeader", "X-Forwarded-Host", "portHeader", "X-Forwarded-Port"
    };

    private static final String[] OUTSIDE = {"X-Forwarded-Proto: https", "X-Forwarded-Host: outside.example"};

    @SuppressWarnings("AddressSelection") // A literal has one address.
    private static final InetSocketAddress LOOPBACK = new InetSocketAddress("::1", 0);

    /** {@code \n} stands for another line of the same header; in {@code theirs} 11.0 comes before 10.1. */
    @ParameterizedTest(name = "{0} {1}")
    @CsvSource(delimiter = '|', nullValues = "-", textBlock = """
            # header         | value                        | seen       | ours           | theirs 11.0     | theirs 10.1
            X-Forwarded-For  | 6.6.6.6, localhost           | remoteAddr | 127.0.0.1      | 6.6.6.6         | localhost
            X-Forwarded-For  | 6.6.6.6, 10.1                | remoteAddr | 127.0.0.1      | 6.6.6.6         | 10.1
            X-Forwarded-For  | 6.6.6.6, 167772161           | remoteAddr | 127.0.0.1      | 6.6.6.6         | 167772161
            X-Forwarded-For  | ', ,'                        | remoteAddr | 127.0.0.1      | ''              | ''
            X-Forwarded-For  | '203.0.113.7, ,10.0.0.1'     | remoteAddr | 203.0.113.7    | 203.0.113.7     | ''
            X-Forwarded-For  | '9.9.9.9, ,8.8.8.8, 203.0.113.7' | header.x-forwarded-for | 9.9.9.9,8.8.8.8 | 9.9.9.9,,8.8.8.8 | 9.9.9.9,,8.8.8.8
            X-Forwarded-For  | 203.0.113.7:4711             | remoteAddr | 203.0.113.7    | 203.0.113.7:4711 | 203.0.113.7:4711
            X-Forwarded-For  | 203.0.113.7:4711             | remotePort | 4711           | own             | own
            X-Forwarded-For  | 203.0.113.7                  | remotePort | 0              | own             | own
            X-Forwarded-For  | [2001:db8::7]:4711           | remoteAddr | 2001:db8::7    | [2001:db8::7]:4711 | [2001:db8::7]:4711
            X-Forwarded-For  | 203.0.113.7, 10.0.0.1:80     | remoteAddr | 203.0.113.7    | 10.0.0.1:80     | 10.0.0.1:80
            X-Forwarded-For  | unknown                      | remoteAddr | 127.0.0.1      | unknown         | unknown
            X-Forwarded-For  | <script>                     | remoteAddr | 127.0.0.1      | <script>        | <script>
            X-Forwarded-For  | '203.0.113.7, x, 10.0.0.1'   | remoteAddr | 10.0.0.1       | x               | x
            X-Forwarded-For  | 2001:DB8:0:0::7              | remoteAddr | 2001:db8::7    | 2001:DB8:0:0::7 | 2001:DB8:0:0::7
            X-Forwarded-For  | ::ffff:203.0.113.7           | remoteAddr | 203.0.113.7    | ::ffff:203.0.113.7 | ::ffff:203.0.113.7
            X-Forwarded-For  | 203.0.113.7, ::ffff:10.0.0.1 | remoteAddr | 203.0.113.7    | 203.0.113.7     | ::ffff:10.0.0.1
            X-Forwarded-Host | a.example\\nb.example         | serverName | app.internal   | a.example       | a.example
            X-Forwarded-Host | a.example.                   | serverName | app.internal   | a.example.      | a.example.
            X-Forwarded-Host | a.example:99999              | serverName | app.internal   | a.example       | a.example
            X-Forwarded-Host | a.example:0                  | serverName | app.internal   | a.example       | a.example
            X-Forwarded-Host | a.example:                   | serverName | app.internal   | a.example       | a.example
            X-Forwarded-Host | -a                           | serverName | -a             | app.internal    | app.internal
            X-Forwarded-Host | a-.example                   | serverName | a-.example     | app.internal    | app.internal
            X-Forwarded-Host | a_b.example                  | serverName | a_b.example    | app.internal    | app.internal
            X-Forwarded-Port | 81\\n82                       | serverPort | 443            | 81              | 81
            X-Forwarded-Port | +81                          | serverPort | 443            | 81              | 81
            X-Forwarded-Port | 081                          | serverPort | 443            | 81              | 81
            """)
    void aValueThatTomcatGetsWrong(String header, String value, String key, String ours, String in11, String in101)
            throws Exception {
        StringBuilder lines = new StringBuilder("X-Forwarded-Proto: https");
        for (String line : value.split("\\\\n", -1)) {
            lines.append("\r\n").append(header).append(": ").append(line);
        }
        assertThat(seen(valve(HOST_AND_PORT), key, lines.toString())).isEqualTo(ours);
        assertThat(seen(tomcats(HOST_AND_PORT), key, lines.toString()))
                .isEqualTo(TomcatLineTest.line().equals("10.1") ? in101 : in11);
    }

    /** A list that Tomcat takes for an expression which no address matches. */
    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', textBlock = """
            127.0.0.1, 10.0.0.1  | 127.0.0.1 | 127.0.0.1
            127.0.0.0/8          | 203.0.113.7 | 127.0.0.1
            loopback             | 127.0.0.1 | 127.0.0.1
            """)
    void aListIsAList(String internalProxies, String in11, String in101) throws Exception {
        String line = "X-Forwarded-For: 203.0.113.7";
        assertThat(seen(valve("internalProxies", internalProxies), "remoteAddr", line))
                .isEqualTo("203.0.113.7");
        assertThat(seen(tomcats("internalProxies", internalProxies), "remoteAddr", line))
                .isEqualTo(TomcatLineTest.line().equals("10.1") ? in101 : in11);
    }

    @Test
    void theLocalNameChangesWhenItIsAskedFor() throws Exception {
        String[] settings = {"hostHeader", "X-Forwarded-Host", "changeLocalName", "true"};
        String line = "X-Forwarded-Host: outside.example";
        assertThat(seen(valve(settings), "localName", line)).isEqualTo("outside.example");
        assertThat(seen(tomcats(settings), "localName", line)).isNotEqualTo("outside.example");
    }

    @Test
    void inAnEngineTheForwardedHostChoosesTheVirtualHost() throws Exception {
        String line = "X-Forwarded-Host: shop.example";
        assertThat(seen(valve(HOST_AND_PORT), "application", line)).isEqualTo("shop.example");
        assertThat(seen(tomcats(HOST_AND_PORT), "application", line)).isEqualTo("app.internal");
    }

    /** It is Tomcat that looks up the peer, and only if the application asks for its name. */
    @Test
    void noNameIsLookedUp() throws Exception {
        String line = "X-Forwarded-For: 203.0.113.7";
        assertThat(seenWithLookups("127.0.0.1", "remoteHost", line)).isEqualTo("203.0.113.7");
        assertThat(seenWithLookups("127.0.0.1", AccessLog.REMOTE_HOST_ATTRIBUTE, line))
                .isEqualTo("203.0.113.7");
        assertThat(seenWithLookups("127.0.0.1", AccessLog.REMOTE_HOST_ATTRIBUTE, "Accept: */*"))
                .isEqualTo("127.0.0.1");
        assertThat(seenWithLookups("10.0.0.1", AccessLog.REMOTE_HOST_ATTRIBUTE, line))
                .isEqualTo("127.0.0.1");
    }

    private static String seenWithLookups(String internalProxies, String key, String line) throws Exception {
        LiveServer server = new LiveServer();
        server.connector.setEnableLookups(true);
        server.add(Level.ENGINE, valve("internalProxies", internalProxies));
        server.start();
        try (server;
                RawClient client = new RawClient("127.0.0.1", server.port())) {
            return client.get("/", line).seen(key);
        }
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource({"::1", "10.0.0.1"})
    void aPeerHasOneTextAsAClientHas(String internalProxies) throws Exception {
        assumeTrue(NetworkInterface.getByInetAddress(LOOPBACK.getAddress()) != null, "no IPv6 here");
        assertThat(overIpv6(valve("internalProxies", internalProxies))).isEqualTo("::1");
        assertThat(overIpv6(tomcats("internalProxies", internalProxies))).isEqualTo("0:0:0:0:0:0:0:1");
    }

    private static String overIpv6(Valve valve) throws Exception {
        LiveServer server = new LiveServer();
        server.connector.setProperty("address", "::1");
        server.add(Level.ENGINE, valve);
        server.start();
        try (server;
                SocketChannel socket =
                        SocketChannel.open(new InetSocketAddress(LOOPBACK.getAddress(), server.port()))) {
            return RawClient.get(socket, "Accept: */*").seen("remoteAddr");
        }
    }

    /** Tomcat makes that redirect before any valve runs. */
    @Test
    void inAnEngineTheRedirectToTheRootOfAnApplicationLeadsOutside() throws Exception {
        assertThat(redirect(valve(HOST_AND_PORT))).isEqualTo("https://outside.example/app/");
        assertThat(redirect(tomcats(HOST_AND_PORT))).isEqualTo("http://app.internal:8080/app/");
    }

    private static String redirect(Valve valve) throws Exception {
        LiveServer server = new LiveServer();
        server.add(Level.ENGINE, valve);
        ((Context) server.container(Level.CONTEXT, "/app")).setUseRelativeRedirects(false);
        server.start();
        try (server;
                RawClient client = new RawClient("127.0.0.1", server.port())) {
            return client.get("/app", OUTSIDE).headers().get("location");
        }
    }

    @Test
    void theAccessLogNamesTheClientAlsoWithoutRequestAttributes() throws Exception {
        String pattern = "%a %{X-Forwarded-For}i %{X-Forwarded-By}i";
        String[] lines = {"X-Forwarded-For: 6.6.6.6, 203.0.113.7, 10.0.0.1", "X-Forwarded-By: me"};
        assertThat(logged(valve(DEFAULTS), pattern, lines))
                .containsExactly("203.0.113.7 6.6.6.6, 203.0.113.7, 10.0.0.1 me");
        assertThat(logged(tomcats(DEFAULTS), pattern, lines))
                .containsExactly("127.0.0.1 6.6.6.6, 203.0.113.7, 10.0.0.1 me");
    }

    @Test
    void theAccessLogNamesTheForwardedHostAndPortAlsoWithoutRequestAttributes() throws Exception {
        assertThat(logged(valve(HOST_AND_PORT), "%v %p", OUTSIDE)).containsExactly("outside.example 443");
        assertThat(logged(tomcats(HOST_AND_PORT), "%v %p", OUTSIDE)).containsExactly("app.internal 8080");
    }

    /** The proxy's own line comes after those that Tomcat reads. */
    @Test
    void ofARequestThatIsNotReadToItsEndNoHeaderCounts() throws Exception {
        String refused = """
                GET / HTTP/1.1
                Host: app.internal
                X-Forwarded-For: 6.6.6.6
                no header
                X-Forwarded-For: 203.0.113.7

                """.replace("\n", "\r\n");
        assertThat(loggedOf(refused, valve(DEFAULTS))).isEqualTo("127.0.0.1 400");
        assertThat(loggedOf(refused, tomcats(DEFAULTS))).isEqualTo("6.6.6.6 400");
    }

    private static String loggedOf(String request, Valve valve) throws Exception {
        LiveServer server = new LiveServer();
        server.add(Level.ENGINE, valve);
        server.logAccess("%a %s", true);
        server.start();
        try (server;
                RawClient client = new RawClient("127.0.0.1", server.port())) {
            assertThat(client.sendRaw(request).status()).isEqualTo(400);
            await().atMost(Duration.ofSeconds(10)).until(() -> !server.accessLog.isEmpty());
            return server.accessLog.get(0);
        }
    }

    @Test
    void anAsynchronousRequestLeavesNothingToTheNext() throws Exception {
        LiveServer server = LiveServer.with(Level.ENGINE, valve(DEFAULTS));
        try (server;
                RawClient client = new RawClient("127.0.0.1", server.port())) {
            String plain = client.get("/").body();
            client.get("/async", "X-Forwarded-For: 6.6.6.6, 203.0.113.7", "X-Forwarded-By: me");
            assertThat(client.get("/").body()).isEqualTo(plain);
        }
    }

    private static List<String> logged(Valve valve, String pattern, String... lines) throws Exception {
        LiveServer server = new LiveServer();
        server.add(Level.ENGINE, valve);
        server.logAccess(pattern, false);
        server.start();
        try (server;
                RawClient client = new RawClient("127.0.0.1", server.port())) {
            client.get("/", lines);
            await().atMost(Duration.ofSeconds(10)).until(() -> !server.accessLog.isEmpty());
            return server.accessLog;
        }
    }

    @Test
    void thePeerOfAUnixSocketIsTrustedByItsKeywordOnly() throws Exception {
        String line = "X-Forwarded-For: 203.0.113.7";
        assertThat(overUnixSocket(tomcats(DEFAULTS), line)).isEqualTo("203.0.113.7");
        assertThat(overUnixSocket(valve(DEFAULTS), line)).isEqualTo("unix");
        assertThat(overUnixSocket(valve("internalProxies", "127.0.0.0/8, unix"), line))
                .isEqualTo("203.0.113.7");
    }

    private static String overUnixSocket(Valve valve, String line) throws Exception {
        return LiveServer.overUnixSocket(valve, line).seen("remoteAddr");
    }

    /** The others are accepted by Tomcat: with a warning, or with an exception at the first request, or silently. */
    @ParameterizedTest(name = "{0} {1}")
    @CsvSource(delimiter = '|', textBlock = """
            internalProxies  | 0.0.0.0/0
            internalProxies  | 10.0.0.0/33
            trustedProxies   | *
            remoteIpHeader   | X_Forwarded_For
            remoteIpHeader   | ''
            httpServerPort   | 70000
            httpsServerPort  | none
            proxiesHeader    | two words
            """)
    void whatCannotBeRightStopsTheStart(String attribute, String text) throws Exception {
        LiveServer server = new LiveServer();
        server.add(Level.ENGINE, valve(attribute, text));
        try (server) {
            assertThatThrownBy(server::start).hasStackTraceContaining(attribute + "=\"" + text + "\": ");
        }
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource({"trust,loopback", "headers,forwarded", "trustFile,f", "protoHeader,X-P", "prefix,true", "forHeader,X-F"
    })
    void bothFormsOfTheSettingsTogetherAreAMistake(String attribute, String text) throws Exception {
        LiveServer server = new LiveServer();
        server.add(Level.ENGINE, valve("internalProxies", "10.0.0.0/8", attribute, text));
        try (server) {
            assertThatThrownBy(server::start)
                    .hasStackTraceContaining(attribute + "=\"" + text + "\": cannot stand beside internalProxies");
        }
    }

    @Test
    void withoutAnAttributeOfItsOwnTheDefaultsAreOurs() throws Exception {
        // 127.0.0.1 is trusted in either form; 10.0.0.1 only by Tomcat.
        String line = "X-Forwarded-For: 203.0.113.7, 10.0.0.1";
        assertThat(seen(valve("requestAttributesEnabled", "true"), "remoteAddr", line))
                .isEqualTo("10.0.0.1");
        assertThat(seen(valve(DEFAULTS), "remoteAddr", line)).isEqualTo("203.0.113.7");
    }

    private static RemoteIpValve tomcats(String... namesAndValues) {
        return LiveServer.configured(new RemoteIpValve(), namesAndValues);
    }

    private static String seen(Valve valve, String key, String line) throws Exception {
        try (LiveServer server = LiveServer.with(Level.ENGINE, valve);
                RawClient client = new RawClient("127.0.0.1", server.port())) {
            Reply reply = client.get("/", line);
            String seen = reply.seen(key);
            return key.equals("remotePort")
                            && String.valueOf(client.localPort()).equals(seen)
                    ? "own"
                    : seen;
        }
    }
}
