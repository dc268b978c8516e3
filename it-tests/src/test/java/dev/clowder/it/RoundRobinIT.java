package dev.clowder.it;

import org.jboss.arquillian.container.test.api.Deployment;
import org.jboss.arquillian.container.test.api.TargetsContainer;
import org.jboss.shrinkwrap.api.spec.WebArchive;
import org.junit.jupiter.api.Tag;

/** The supervisor accepts and hands the socket over: {@code --accept round-robin}. */
@Tag("once")
class RoundRobinIT extends AcceptModeContract {
    @Deployment(testable = false)
    @TargetsContainer("round-robin")
    static WebArchive probe() {
        return Apps.probe("probe.war");
    }

    @Override
    String mode() {
        return "round-robin";
    }
}
