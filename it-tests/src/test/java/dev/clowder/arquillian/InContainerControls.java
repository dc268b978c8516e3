package dev.clowder.arquillian;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.fail;

import java.net.URL;
import org.jboss.arquillian.container.test.api.Deployment;
import org.jboss.arquillian.junit5.container.annotation.ArquillianTest;
import org.jboss.arquillian.test.api.ArquillianResource;
import org.jboss.shrinkwrap.api.ShrinkWrap;
import org.jboss.shrinkwrap.api.spec.WebArchive;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;

/** Run by {@link AdapterIT} in a JVM of its own; two of these tests must fail. All run inside the container. */
@ArquillianTest
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class InContainerControls {
    @Deployment
    static WebArchive application() {
        return ShrinkWrap.create(WebArchive.class, "controls.war");
    }

    @Test
    void runsInAWorker() {
        assertNotNull(System.getProperty("clowder.worker.slot"));
    }

    // The question for the URL and its answer travel over connections of their own, to any worker.
    @RepeatedTest(4)
    void isToldTheUrlWhicheverWorkerItRunsIn(@ArquillianResource URL url) {
        assertEquals("/controls/", url.getPath());
    }

    @Test
    void failsOnPurpose() {
        fail("red on purpose in worker " + System.getProperty("clowder.worker.slot"));
    }

    // Last, because the others need both workers.
    @Test
    @Order(Integer.MAX_VALUE)
    void endsItsServer() {
        Runtime.getRuntime().halt(42);
    }
}
