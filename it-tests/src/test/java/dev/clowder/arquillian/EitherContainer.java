package dev.clowder.arquillian;

import java.util.Objects;
import org.jboss.arquillian.container.spi.client.container.DeployableContainer;
import org.jboss.arquillian.container.spi.client.container.DeploymentException;
import org.jboss.arquillian.container.spi.client.protocol.ProtocolDescription;
import org.jboss.arquillian.container.spi.client.protocol.metadata.ProtocolMetaData;
import org.jboss.shrinkwrap.api.Archive;
import org.jspecify.annotations.Nullable;

/**
 * Clowder, or the Tomcat that {@code distribution} names: Arquillian wants one kind of container on a class path, and
 * these tests have two.
 */
public class EitherContainer implements DeployableContainer<TomcatConfiguration> {
    private @Nullable DeployableContainer<?> chosen;

    @Override
    public Class<TomcatConfiguration> getConfigurationClass() {
        return TomcatConfiguration.class;
    }

    @Override
    public void setup(TomcatConfiguration checked) {
        if (checked.isTomcat()) {
            TomcatContainer tomcat = new TomcatContainer();
            tomcat.setup(checked);
            chosen = tomcat;
        } else {
            ClowderContainer clowder = new ClowderContainer();
            clowder.setup(checked);
            chosen = clowder;
        }
    }

    private DeployableContainer<?> chosen() {
        return Objects.requireNonNull(chosen, "setup was not called");
    }

    @Override
    public void start() throws org.jboss.arquillian.container.spi.client.container.LifecycleException {
        chosen().start();
    }

    @Override
    public void stop() throws org.jboss.arquillian.container.spi.client.container.LifecycleException {
        chosen().stop();
    }

    @Override
    public ProtocolDescription getDefaultProtocol() {
        return chosen().getDefaultProtocol();
    }

    @Override
    public ProtocolMetaData deploy(Archive<?> archive) throws DeploymentException {
        return chosen().deploy(archive);
    }

    @Override
    public void undeploy(Archive<?> archive) throws DeploymentException {
        chosen().undeploy(archive);
    }
}
