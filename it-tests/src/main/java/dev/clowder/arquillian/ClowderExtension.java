package dev.clowder.arquillian;

import org.jboss.arquillian.container.spi.client.container.DeployableContainer;
import org.jboss.arquillian.container.test.spi.client.deployment.AuxiliaryArchiveAppender;
import org.jboss.arquillian.container.test.spi.client.protocol.Protocol;
import org.jboss.arquillian.core.spi.LoadableExtension;
import org.jboss.arquillian.test.spi.enricher.resource.ResourceProvider;

/** Makes the container known to Arquillian; found by Arquillian through {@code META-INF/services}. */
public class ClowderExtension implements LoadableExtension {
    @Override
    public void register(ExtensionBuilder builder) {
        builder.service(DeployableContainer.class, ClowderContainer.class)
                .service(Protocol.class, ClowderProtocol.class)
                .service(ResourceProvider.class, ClowderProcessProvider.class)
                .service(AuxiliaryArchiveAppender.class, InContainerArchive.class);
    }
}
