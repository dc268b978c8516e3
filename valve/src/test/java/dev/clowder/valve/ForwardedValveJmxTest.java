package dev.clowder.valve;

import static dev.clowder.valve.LiveServer.valve;
import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.valve.LiveServer.Level;
import java.lang.management.ManagementFactory;
import javax.management.MBeanServer;
import javax.management.ObjectName;
import org.junit.jupiter.api.Test;

/** What an administrator reads over JMX. */
class ForwardedValveJmxTest {

    @Test
    void theRulesInForceAndACounterForEachReasonAreThere() throws Exception {
        ForwardedValve valve = valve("trust", "3; LOOPBACK, ::ffff:10.1.2.3/104");
        LiveServer server = new LiveServer();
        server.tomcat.getEngine().setName("Catalina");
        server.add(Level.ENGINE, valve);
        server.start();
        try (server;
                RawClient client = new RawClient("127.0.0.1", server.port())) {
            client.get("/");
            client.get("/", "X-Forwarded-For: 203.0.113.7");
            client.get("/", "X-Forwarded-For: 203.0.113.7");
            client.get("/", "X-Forwarded-For: 127.0.0.2");
            client.get("/", "X-Forwarded-For: junk");
            client.get("/", "X-Forwarded-For: unknown");

            MBeanServer beans = ManagementFactory.getPlatformMBeanServer();
            ObjectName name = new ObjectName("Catalina:type=Valve,name=ForwardedValve");
            assertThat(beans.getAttribute(name, "effectiveTrust"))
                    .isEqualTo(new String[] {"at most 3", "127.0.0.0/8", "::1/128", "10.0.0.0/8"});
            assertThat(beans.getAttribute(name, "noHeaderCount")).isEqualTo(1L);
            assertThat(beans.getAttribute(name, "clientCount")).isEqualTo(2L);
            assertThat(beans.getAttribute(name, "endOfChainCount")).isEqualTo(1L);
            assertThat(beans.getAttribute(name, "malformedCount")).isEqualTo(1L);
            assertThat(beans.getAttribute(name, "unknownCount")).isEqualTo(1L);
            assertThat(beans.getAttribute(name, "untrustedPeerCount")).isEqualTo(0L);
            assertThat(beans.getAttribute(name, "tooShortCount")).isEqualTo(0L);
            assertThat(beans.getAttribute(name, "conflictCount")).isEqualTo(0L);
        }
    }

    @Test
    void whatIsNotBelievedAtAllIsCountedToo() throws Exception {
        LiveServer server = new LiveServer();
        server.tomcat.getEngine().setName("Catalina");
        server.add(Level.ENGINE, valve("trust", "2", "conflict", "reject"));
        server.start();
        try (server) {
            String conflict = "X-Forwarded-For: 203.0.113.7, 127.0.0.2\r\nForwarded: for=6.6.6.6, for=127.0.0.2\r\n";
            for (int i = 0; i < 3; i++) {
                assertThat(status(server, "Host: app.internal\r\n" + conflict)).isEqualTo(400);
            }
            for (int i = 0; i < 2; i++) {
                assertThat(status(server, "Host: app.internal\r\nX-Forwarded-For: 203.0.113.7\r\n"))
                        .isEqualTo(200);
            }
            assertThat(status(server, "Host: a b\r\n"))
                    .as("refused while it was read")
                    .isEqualTo(400);

            MBeanServer beans = ManagementFactory.getPlatformMBeanServer();
            ObjectName name = new ObjectName("Catalina:type=Valve,name=ForwardedValve");
            assertThat(beans.getAttribute(name, "conflictCount")).isEqualTo(3L);
            assertThat(beans.getAttribute(name, "tooShortCount")).isEqualTo(2L);
            assertThat(beans.getAttribute(name, "untrustedPeerCount")).isEqualTo(1L);
        }
    }

    /** Each on a connection of its own: Tomcat closes it after a 400. */
    private static int status(LiveServer server, String lines) throws Exception {
        try (RawClient client = new RawClient("127.0.0.1", server.port())) {
            return client.sendRaw("GET / HTTP/1.1\r\n" + lines + "\r\n").status();
        }
    }
}
