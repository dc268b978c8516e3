package dev.clowder.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.clowder.it.app.DetailsServlet;
import dev.clowder.valve.Forwarded;
import java.io.IOException;
import java.net.URL;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.jboss.arquillian.container.test.api.Deployment;
import org.jboss.arquillian.container.test.api.RunAsClient;
import org.jboss.arquillian.junit5.container.annotation.ArquillianTest;
import org.jboss.arquillian.test.api.ArquillianResource;
import org.jboss.shrinkwrap.api.spec.WebArchive;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The details of the client through real HTTP, with the default trust: loopback. */
@Tag("once")
@ArquillianTest
class ForwardedIT {
    private static final String[] PROXIED = {
        "X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: https", "X-Forwarded-Host: shop.example.com"
    };

    @ArquillianResource
    private URL url;

    @Deployment
    static WebArchive probe() {
        // The tests inside the container are clients of their own server.
        return Apps.probe("probe.war").addClasses(HttpConnection.class);
    }

    @Test
    @RunAsClient
    @DisplayName("a trusted proxy is believed in everything: address, scheme, secure, host, port, URL, attribute")
    void everythingATrustedProxySaysIsSeen() throws IOException {
        Map<String, String> seen = Details.of(get("details", PROXIED));
        assertEquals("203.0.113.7", seen.get("remoteAddr"));
        assertEquals("203.0.113.7", seen.get("remoteHost"));
        assertEquals("0", seen.get("remotePort"), "W10: the port of the proxy's socket is not the client's");
        assertEquals("https", seen.get("scheme"));
        assertEquals("true", seen.get("secure"));
        assertEquals("shop.example.com", seen.get("serverName"));
        assertEquals("443", seen.get("serverPort"));
        assertEquals("https://shop.example.com/probe/details", seen.get("url"));
        assertEquals("[203.0.113.7]", seen.get("forwarded.ips"));
        assertEquals("https", seen.get("forwarded.protocol"));
        assertEquals("true", seen.get("forwarded.secure"));
        assertEquals("shop.example.com", seen.get("forwarded.hostname"));
        assertEquals("true", seen.get("same"), "Forwarded.of(request) is the request attribute");
    }

    @Test
    @RunAsClient
    @DisplayName(
            "the walk stops at the first address from the right that is not trusted (W4); ips is client first (W8)")
    void theClientIsTheFirstUntrustedAddressFromTheRight() throws IOException {
        Map<String, String> seen = Details.of(get("details", "X-Forwarded-For: 6.6.6.6, 203.0.113.7, 127.0.0.5"));
        assertEquals("203.0.113.7", seen.get("remoteAddr"));
        assertEquals("[203.0.113.7, 127.0.0.5]", seen.get("forwarded.ips"));
    }

    @Test
    @RunAsClient
    @DisplayName("a redirect goes to the host and scheme that the client used")
    void redirectsCarryTheForwardedHostAndScheme() throws IOException {
        HttpConnection.Response redirect = get("redirect", PROXIED);
        assertEquals(302, redirect.status());
        assertEquals("https://shop.example.com/probe/target", redirect.header("Location"));
    }

    @Test
    @RunAsClient
    @DisplayName("a JSP reads the attribute as a bean")
    void aJspReadsTheAttribute() throws IOException {
        assertEquals(
                "[203.0.113.7] CLIENT", get("forwarded.jsp", PROXIED).body().strip());
    }

    @Test
    @RunAsClient
    @DisplayName("the next request on the same connection inherits nothing (W9)")
    void theNextRequestOnTheConnectionInheritsNothing() throws IOException {
        try (HttpConnection connection = HttpConnection.open(url.getPort())) {
            assertEquals(
                    "203.0.113.7",
                    Details.of(connection.get(url.getPath() + "details", PROXIED))
                            .get("remoteAddr"));
            Map<String, String> next = Details.of(connection.get(url.getPath() + "details"));
            assertEquals("127.0.0.1", next.get("remoteAddr"));
            assertEquals("http", next.get("scheme"));
            assertEquals("127.0.0.1", next.get("serverName"));
            assertEquals("NO_HEADER", next.get("forwarded.reason"));
        }
    }

    @Test
    @DisplayName("in the container: the application gets the same facts as an object")
    void theApplicationReadsTheFactsFromTheRequest() throws IOException {
        Forwarded forwarded = forwardedInThisWorker(PROXIED);
        assertEquals("203.0.113.7", forwarded.getIp());
        assertEquals(List.of("203.0.113.7"), forwarded.getIps());
        assertEquals("https", forwarded.getProtocol());
        assertTrue(forwarded.isSecure());
        assertEquals("shop.example.com", forwarded.getHostname());
        assertEquals(List.of("shop"), forwarded.getSubdomains());
        assertEquals("127.0.0.1", forwarded.getPeer());
        assertEquals("CLIENT", forwarded.getReason().name());
    }

    @Test
    @DisplayName("in the container: without headers the object names the peer and the reason")
    void withoutHeadersTheObjectNamesThePeer() throws IOException {
        Forwarded forwarded = forwardedInThisWorker();
        assertEquals("127.0.0.1", forwarded.getIp());
        assertEquals(List.of(), forwarded.getIps());
        assertEquals("NO_HEADER", forwarded.getReason().name());
    }

    /** Runs inside a worker: sends requests until one comes back to this same worker, and returns what it carried. */
    private Forwarded forwardedInThisWorker(String... headerLines) throws IOException {
        String key = UUID.randomUUID().toString();
        String own = System.getProperty("clowder.worker.slot") + "/" + System.getProperty("clowder.worker.id");
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (System.nanoTime() < deadline) {
            HttpConnection.Response response = get("details?remember=" + key, headerLines);
            if (own.equals(response.header("X-Clowder-Worker"))) {
                Forwarded forwarded = DetailsServlet.remembered(key);
                assertNotNull(forwarded);
                return forwarded;
            }
        }
        throw new AssertionError("no connection came back to worker " + own);
    }

    private HttpConnection.Response get(String path, String... headerLines) throws IOException {
        return HttpConnection.fresh(url.getPort(), url.getPath() + path, headerLines);
    }
}
