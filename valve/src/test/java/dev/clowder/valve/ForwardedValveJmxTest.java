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
}
