package example;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import java.net.CookieManager;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import org.jboss.arquillian.container.test.api.Deployment;
import org.jboss.arquillian.container.test.api.RunAsClient;
import org.jboss.arquillian.junit5.container.annotation.ArquillianTest;
import org.jboss.arquillian.test.api.ArquillianResource;
import org.jboss.shrinkwrap.api.ShrinkWrap;
import org.jboss.shrinkwrap.api.spec.WebArchive;
import org.junit.jupiter.api.Test;

@ArquillianTest
class VisitsTest {
    @Deployment
    static WebArchive application() {
        return ShrinkWrap.create(WebArchive.class, "counter.war").addClass(VisitsServlet.class);
    }

    /** The numbers that a visitor is told. */
    private static String[] visit(HttpClient visitor, URI base) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(base.resolve("visits")).build();
        return visitor.send(request, HttpResponse.BodyHandlers.ofString()).body().split(" ");
    }

    @Test
    @RunAsClient
    void everyVisitIsCounted(@ArquillianResource URI base) throws Exception {
        int first = Integer.parseInt(visit(HttpClient.newHttpClient(), base)[0]);
        int second = Integer.parseInt(visit(HttpClient.newHttpClient(), base)[0]);
        assertEquals(first + 1, second);
    }

    @Test
    @RunAsClient
    void aVisitorIsRecognized(@ArquillianResource URI base) throws Exception {
        HttpClient visitor =
                HttpClient.newBuilder().cookieHandler(new CookieManager()).build();
        for (int visits = 1; visits <= 4; visits++) {
            assertEquals(String.valueOf(visits), visit(visitor, base)[1]);
        }
    }

    @Test
    void thisOneRunsInAWorker() {
        assertNotNull(System.getProperty("clowder.worker.slot"));
    }
}
