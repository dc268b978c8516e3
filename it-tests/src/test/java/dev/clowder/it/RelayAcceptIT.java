package dev.clowder.it;

import org.jboss.arquillian.container.test.api.Deployment;
import org.jboss.arquillian.container.test.api.TargetsContainer;
import org.jboss.shrinkwrap.api.spec.WebArchive;
import org.junit.jupiter.api.Tag;

/** The supervisor copies the bytes: {@code --accept relay}. */
@Tag("once")
class RelayAcceptIT extends AcceptModeContract {
    @Deployment(testable = false)
    @TargetsContainer("relay")
    static WebArchive probe() {
        return Apps.probe("probe.war");
    }

    @Override
    String mode() {
        return "relay";
    }
}
