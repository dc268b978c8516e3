package dev.clowder.arquillian;

import org.jboss.arquillian.container.spi.client.container.DeployableContainer;
import org.jboss.arquillian.core.spi.LoadableExtension;
import org.jboss.arquillian.test.spi.enricher.resource.ResourceProvider;

/** Puts {@link EitherContainer} in the place of {@link ClowderContainer}, in these tests only. */
public class EitherExtension implements LoadableExtension {
    @Override
    public void register(ExtensionBuilder builder) {
        builder.override(DeployableContainer.class, ClowderContainer.class, EitherContainer.class)
                .service(ResourceProvider.class, TomcatProcessProvider.class);
    }
}
