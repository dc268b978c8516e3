package dev.clowder.it;

import org.jboss.arquillian.container.test.api.Deployment;
import org.jboss.arquillian.container.test.api.TargetsContainer;
import org.jboss.shrinkwrap.api.spec.WebArchive;

/** Workers accept from one queue of the kernel: {@code --accept shared}. */
class SharedAcceptIT extends AcceptModeContract {
    @Deployment(testable = false)
    @TargetsContainer("shared")
    static WebArchive probe() {
        return Apps.probe("probe.war");
    }

    @Override
    String mode() {
        return "shared";
    }
}
