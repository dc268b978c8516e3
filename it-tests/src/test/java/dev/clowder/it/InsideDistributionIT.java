package dev.clowder.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertSame;

import dev.clowder.it.app.DetailsServlet;
import dev.clowder.valve.Forwarded;
import java.io.IOException;
import java.net.URL;
import java.util.List;
import java.util.UUID;
import org.jboss.arquillian.container.test.api.Deployment;
import org.jboss.arquillian.container.test.api.OperateOnDeployment;
import org.jboss.arquillian.container.test.api.TargetsContainer;
import org.jboss.arquillian.junit5.container.annotation.ArquillianTest;
import org.jboss.arquillian.test.api.ArquillianResource;
import org.jboss.shrinkwrap.api.spec.WebArchive;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Inside an application that runs in a Tomcat distribution with our jar in its {@code lib/}. */
@Tag("once")
@ArquillianTest
@Tag("slow")
class InsideDistributionIT {
    @Deployment(name = "in-10")
    @TargetsContainer("inside-10")
    static WebArchive in10() {
        return Apps.probe("probe.war").addClasses(HttpConnection.class);
    }

    @Deployment(name = "in-11")
    @TargetsContainer("inside-11")
    static WebArchive in11() {
        return Apps.probe("probe.war").addClasses(HttpConnection.class);
    }

    @Test
    @OperateOnDeployment("in-10")
    @DisplayName("Tomcat 10.1: the application gets the facts as an object of the class in lib")
    void inTomcat10(@ArquillianResource @OperateOnDeployment("in-10") URL url) throws Exception {
        theApplicationGetsTheFacts(url, "10.1.");
    }

    @Test
    @OperateOnDeployment("in-11")
    @DisplayName("Tomcat 11.0: the application gets the facts as an object of the class in lib")
    void inTomcat11(@ArquillianResource @OperateOnDeployment("in-11") URL url) throws Exception {
        theApplicationGetsTheFacts(url, "11.0.");
    }

    private static void theApplicationGetsTheFacts(URL url, String line)
            throws IOException, ReflectiveOperationException {
        Class<?> tomcat = Class.forName("org.apache.catalina.util.ServerInfo");
        assertEquals(
                line,
                tomcat.getMethod("getServerNumber").invoke(null).toString().substring(0, line.length()));
        assertSame(tomcat.getClassLoader(), Forwarded.class.getClassLoader(), "the jar was dropped into lib");
        String key = UUID.randomUUID().toString();
        HttpConnection.fresh(
                url.getPort(),
                url.getPath() + "details?remember=" + key,
                "X-Forwarded-For: 203.0.113.7, 127.0.0.1",
                "X-Forwarded-Proto: https",
                "X-Forwarded-Host: www.shop.example.com");
        Forwarded forwarded = DetailsServlet.remembered(key);
        assertNotNull(forwarded);
        assertEquals("203.0.113.7", forwarded.getIp());
        assertEquals(List.of("203.0.113.7", "127.0.0.1"), forwarded.getIps());
        assertEquals(List.of("shop", "www"), forwarded.getSubdomains());
        assertEquals("https", forwarded.getProtocol());
        assertEquals("127.0.0.1", forwarded.getPeer());
        assertEquals(Forwarded.Reason.CLIENT, forwarded.getReason());
    }
}
