package dev.clowder.arquillian;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.clowder.it.app.WorkerServlet;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jboss.arquillian.container.test.api.Deployment;
import org.jboss.arquillian.container.test.api.OperateOnDeployment;
import org.jboss.arquillian.container.test.api.RunAsClient;
import org.jboss.arquillian.container.test.api.TargetsContainer;
import org.jboss.arquillian.junit5.container.annotation.ArquillianTest;
import org.jboss.arquillian.test.api.ArquillianResource;
import org.jboss.shrinkwrap.api.ShrinkWrap;
import org.jboss.shrinkwrap.api.spec.WebArchive;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What a user's test can do to its cluster, and what its cluster does to it. Without AssertJ, which no worker has. */
@Tag("once")
@ArquillianTest
class ClusterControlIT {
    private static final Duration SOON = Duration.ofSeconds(60);

    @Deployment(name = "spread")
    @TargetsContainer("spread")
    static WebArchive spread() {
        return ShrinkWrap.create(WebArchive.class, "spread.war").addClass(WorkerServlet.class);
    }

    @Deployment(name = "killing", testable = false)
    @TargetsContainer("killing")
    static WebArchive killing() {
        return ShrinkWrap.create(WebArchive.class, "killing.war").addClass(WorkerServlet.class);
    }

    // A field, so that this class can run inside the container only if what it needs is there.
    @ArquillianResource
    @OperateOnDeployment("spread")
    private ClusterControl control;

    /** Who answered: {@code SLOT/ID of WORKERS}. */
    private static List<String> workers(URI base, int requests) throws IOException, InterruptedException {
        // Keeps its connection, and would like to speak HTTP/2 over it.
        HttpClient client = HttpClient.newHttpClient();
        HttpRequest request = HttpRequest.newBuilder(base.resolve("worker")).build();
        List<String> workers = new ArrayList<>();
        for (int i = 0; i < requests; i++) {
            HttpResponse<String> response = client.send(request, HttpResponse.BodyHandlers.ofString());
            assertEquals(200, response.statusCode(), response.body());
            workers.add(response.body());
        }
        return workers;
    }

    @Test
    @RunAsClient
    @OperateOnDeployment("spread")
    @DisplayName("the requests of one client go to the workers by turns")
    void requestsAreSpread(@ArquillianResource @OperateOnDeployment("spread") URI base) throws Exception {
        List<String> workers = workers(base, 8);
        assertEquals(
                4, workers.stream().filter(worker -> worker.startsWith("1/")).count(), workers::toString);
        assertEquals(
                4, workers.stream().filter(worker -> worker.startsWith("2/")).count(), workers::toString);
        assertEquals(base, control.uri("/spread/"));
    }

    @Test
    @RunAsClient
    @OperateOnDeployment("spread")
    @DisplayName("a test kills a worker, sees what it was doing before, and waits for its successor")
    void aWorkerIsKilled() throws Exception {
        assertTrue(control.threads(1).contains("main"), control.threads(1));
        int before = control.awaitReady(SOON).worker(1).id();
        control.kill(1);
        ClusterStatus.Worker successor = control.awaitReady(SOON).worker(1);
        assertTrue(successor.id() > before);
        assertEquals("SIGKILL", successor.lastExit().signal());
        assertTrue(control.output().contains("SIGKILL"), control.output());
        assertThrows(IllegalArgumentException.class, () -> control.kill(3));
    }

    @Test
    @OperateOnDeployment("spread")
    @DisplayName("inside the container it is there, and says that it works on the client's side")
    void insideTheContainerItSaysSo() {
        assertNotNull(System.getProperty("clowder.worker.slot"));
        Exception refusal = assertThrows(UnsupportedOperationException.class, () -> control.kill(1));
        assertTrue(refusal.getMessage().contains("@RunAsClient"), refusal.getMessage());
    }

    @Test
    @RunAsClient
    @OperateOnDeployment("killing")
    @DisplayName("killBetweenRequests: every request is answered, each by a worker that has answered none before")
    void everyAnswerIsTheLastOfItsWorker(
            @ArquillianResource @OperateOnDeployment("killing") URI base,
            @ArquillianResource @OperateOnDeployment("killing") ClusterControl killed)
            throws Exception {
        List<String> workers = workers(base, 4);
        assertEquals(4, workers.stream().distinct().count(), workers::toString);
        assertEquals("killed", killed.awaitReady(SOON).worker(1).lastExit().reason());
    }

    @Test
    @Tag("slow")
    @RunAsClient
    @OperateOnDeployment("spread")
    @DisplayName("a test restarts a worker and reloads all of them")
    void workersAreReplaced() throws Exception {
        ClusterStatus before = control.awaitReady(SOON);
        control.restart(2);
        ClusterStatus restarted = control.status();
        assertEquals(before.worker(1).id(), restarted.worker(1).id());
        assertTrue(restarted.worker(2).id() > before.worker(2).id());
        control.reload();
        ClusterStatus reloaded = control.status();
        assertTrue(reloaded.isReady(2));
        assertEquals(before.supervisor().generation() + 1, reloaded.supervisor().generation());
        assertThrows(IOException.class, () -> control.restart(3));
    }
}
