package dev.clowder.it;

import org.jboss.arquillian.container.test.api.Deployment;
import org.jboss.arquillian.container.test.api.TargetsContainer;
import org.jboss.shrinkwrap.api.spec.WebArchive;

/** The distribution of Tomcat 11.0. */
class Tomcat11IT extends DistributionContract {
    @Deployment(testable = false)
    @TargetsContainer("tomcat-11")
    static WebArchive probe() {
        return application();
    }

    @Override
    String line() {
        return "11.0.";
    }
}
