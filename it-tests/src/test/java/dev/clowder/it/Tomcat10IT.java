package dev.clowder.it;

import org.jboss.arquillian.container.test.api.Deployment;
import org.jboss.arquillian.container.test.api.TargetsContainer;
import org.jboss.shrinkwrap.api.spec.WebArchive;

/** The distribution of Tomcat 10.1. */
class Tomcat10IT extends DistributionContract {
    @Deployment(testable = false)
    @TargetsContainer("tomcat-10")
    static WebArchive probe() {
        return application();
    }

    @Override
    String line() {
        return "10.1.";
    }
}
