package dev.clowder.valve;

import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.valve.LiveServer.Level;
import dev.clowder.valve.RawClient.Reply;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;
import org.apache.catalina.LifecycleException;
import org.apache.catalina.valves.RemoteIpValve;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The same requests to Tomcat's RemoteIpValve and to ours with the same attributes: the application sees the same. */
class RemoteIpValveTest {

    private static final String INTERNAL = "127.0.0.1";
    private static final String TRUSTED = "127.0.0.2";
    private static final String STRANGER = "127.0.0.9";

    /** Each a line of server.xml, as far as both valves and both lines of Tomcat have a meaning for it. */
    enum Settings {
        DEFAULTS("remoteIpHeader", "X-Forwarded-For"),
        EXPRESSIONS(
                "internalProxies", "127\\.0\\.0\\.1|10\\.\\d{1,3}\\.\\d{1,3}\\.\\d{1,3}",
                "trustedProxies", "127\\.0\\.0\\.2|192\\.0\\.2\\.\\d{1,3}|2001:db8:.*"),
        NOBODY_INTERNAL("internalProxies", "", "trustedProxies", "127\\.0\\.0\\.[12]|10\\..*"),
        EVERYBODY("internalProxies", ".*"),
        HOST_AND_PORT(
                "protocolHeader", "X-Forwarded-Proto",
                "hostHeader", "X-Forwarded-Host",
                "portHeader", "X-Forwarded-Port"),
        LOCAL(
                "hostHeader", "X-Forwarded-Host",
                "portHeader", "X-Forwarded-Port",
                "changeLocalName", "false",
                "changeLocalPort", "true"),
        OWN_NAMES(
                "remoteIpHeader", "X-Client",
                "proxiesHeader", "X-Way",
                "protocolHeader", "X-Tls",
                "protocolHeaderHttpsValue", "On",
                "httpServerPort", "8000",
                "httpsServerPort", "8443",
                "trustedProxies", "127\\.0\\.0\\.2|192\\.0\\.2\\.\\d+"),
        NO_PROTOCOL("protocolHeader", "", "portHeader", "X-Forwarded-Port"),
        NO_ATTRIBUTES("remoteIpHeader", "X-Forwarded-For", "requestAttributesEnabled", "false");

        @SuppressWarnings("ImmutableEnumChecker") // Nobody writes to it.
        private final String[] attributes;

        Settings(String... attributes) {
            this.attributes = attributes;
        }
    }

    private static final Map<String, LiveServer> SERVERS = new LinkedHashMap<>();

    @AfterAll
    static void stop() throws LifecycleException {
        for (LiveServer server : SERVERS.values()) {
            server.close();
        }
        SERVERS.clear();
    }

    private static LiveServer server(boolean ours, Level level, Settings settings) throws LifecycleException {
        String key = ours + " " + level + " " + settings;
        LiveServer server = SERVERS.get(key);
        if (server == null) {
            server = LiveServer.with(
                    level,
                    LiveServer.configured(ours ? new ForwardedValve() : new RemoteIpValve(), settings.attributes));
            SERVERS.put(key, server);
        }
        return server;
    }

    @ParameterizedTest
    @EnumSource(Settings.class)
    void theApplicationSeesTheSame(Settings settings) throws Exception {
        Random random = new Random(7239);
        for (Level level : Level.values()) {
            for (String peer : new String[] {INTERNAL, TRUSTED, STRANGER}) {
                try (RawClient theirs = new RawClient(
                                peer, server(false, level, settings).port());
                        RawClient ours = new RawClient(
                                peer, server(true, level, settings).port())) {
                    for (int i = 0; i < 60; i++) {
                        String[] lines = request(random);
                        assertThat(seen(ours.get("/", lines)))
                                .as("%s %s from %s: %s", settings, level, peer, List.of(lines))
                                .isEqualTo(seen(theirs.get("/", lines)));
                    }
                }
            }
        }
    }

    /** As HTTP/1.0 may be. The second request comes in objects of Tomcat that exist already. */
    @ParameterizedTest
    @EnumSource(Level.class)
    void aRequestWithoutAHostIsSeenTheSame(Level level) throws Exception {
        String request = """
                GET / HTTP/1.0
                Connection: keep-alive
                X-Forwarded-For: 203.0.113.7
                X-Forwarded-Proto: https

                """.replace("\n", "\r\n");
        Settings settings = Settings.HOST_AND_PORT;
        try (RawClient theirs =
                        new RawClient(INTERNAL, server(false, level, settings).port());
                RawClient ours =
                        new RawClient(INTERNAL, server(true, level, settings).port())) {
            for (int i = 0; i < 2; i++) {
                Reply reply = ours.sendRaw(request);
                assertThat(seen(reply)).isEqualTo(seen(theirs.sendRaw(request)));
                assertThat(reply.seen("forwarded.host")).isEqualTo("app.internal");
            }
        }
    }

    @Test
    void everySetterAndGetterIsThereWithItsType() throws Exception {
        int found = 0;
        for (Method theirs : RemoteIpValve.class.getDeclaredMethods()) {
            if (Modifier.isPublic(theirs.getModifiers()) && theirs.getName().matches("(get|set|is).+")) {
                Method ours = ForwardedValve.class.getMethod(theirs.getName(), theirs.getParameterTypes());
                assertThat(ours.getReturnType()).as(theirs.getName()).isEqualTo(theirs.getReturnType());
                found++;
            }
        }
        assertThat(found).as("13 attributes, two methods each").isEqualTo(26);
    }

    /** Everything that both can tell. The remote port is one of the differences. */
    private static String seen(Reply reply) {
        assertThat(reply.status()).isEqualTo(200);
        return reply.body()
                .lines()
                .filter(line -> !line.startsWith("forwarded.") && !line.startsWith("remotePort="))
                .sorted()
                .collect(Collectors.joining("\n"));
    }

    /** Header lines as proxies write them: each with any number of members, in one line or in several. */
    private static String[] request(Random random) {
        List<String> lines = new ArrayList<>();
        String[] addresses = {
            "203.0.113.7",
            "198.51.100.99",
            "10.1.2.3",
            "192.0.2.44",
            "192.168.1.1",
            "100.64.0.1",
            "2001:db8::7",
            "fd00::1"
        };
        list(lines, random, "X-Forwarded-For", 4, addresses);
        list(lines, random, "X-Client", 4, addresses);
        list(lines, random, "X-Forwarded-Proto", 3, "https", "https", "http", "HTTPS", "");
        list(lines, random, "X-Tls", 2, "on", "ON", "off", "");
        list(lines, random, "X-Forwarded-By", 1, "198.51.100.1", "10.0.0.1");
        list(lines, random, "X-Way", 1, "198.51.100.1");
        one(
                lines,
                random,
                "X-Forwarded-Host",
                "outside.example",
                "outside.example:8443",
                "[2001:db8::1]:81",
                "bad host");
        one(lines, random, "X-Forwarded-Port", "8443", "80", "no");
        lines.add("X-Other: kept");
        return lines.toArray(new String[0]);
    }

    private static void one(List<String> lines, Random random, String name, String... values) {
        if (random.nextBoolean()) {
            lines.add(name + ": " + values[random.nextInt(values.length)]);
        }
    }

    private static void list(List<String> lines, Random random, String name, int most, String... values) {
        for (int line = random.nextInt(3); line > 0; line--) {
            StringBuilder text = new StringBuilder(name + ": ");
            for (int i = random.nextInt(most); i >= 0; i--) {
                text.append(values[random.nextInt(values.length)])
                        .append(i > 0 ? random.nextBoolean() ? ", " : "," : "");
            }
            lines.add(text.toString());
        }
    }
}
