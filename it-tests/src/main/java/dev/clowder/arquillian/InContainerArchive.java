package dev.clowder.arquillian;

import org.jboss.arquillian.container.test.spi.RemoteLoadableExtension;
import org.jboss.arquillian.container.test.spi.client.deployment.CachedAuxilliaryArchiveAppender;
import org.jboss.shrinkwrap.api.Archive;
import org.jboss.shrinkwrap.api.ShrinkWrap;
import org.jboss.shrinkwrap.api.spec.JavaArchive;

/** What a test class with a {@link ClusterControl} needs inside the container, so that its other methods run there. */
public class InContainerArchive extends CachedAuxilliaryArchiveAppender {
    @Override
    protected Archive<?> buildArchive() {
        return ShrinkWrap.create(JavaArchive.class, "clowder-arquillian.jar")
                .addClasses(ClusterControl.class, ClusterStatus.class, InContainerExtension.class)
                .addClasses(InContainerExtension.NoControl.class)
                .addAsServiceProvider(RemoteLoadableExtension.class, InContainerExtension.class);
    }
}
