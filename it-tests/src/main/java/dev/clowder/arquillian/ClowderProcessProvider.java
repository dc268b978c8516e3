package dev.clowder.arquillian;

import java.lang.annotation.Annotation;
import org.jboss.arquillian.container.spi.client.protocol.metadata.ProtocolMetaData;
import org.jboss.arquillian.container.test.impl.enricher.resource.OperatesOnDeploymentAwareProvider;
import org.jboss.arquillian.core.api.Instance;
import org.jboss.arquillian.core.api.annotation.Inject;
import org.jboss.arquillian.test.api.ArquillianResource;
import org.jspecify.annotations.Nullable;

/**
 * Injects the {@link ClusterControl} of a deployment, or the {@link ClowderProcess} itself, into tests that run on the
 * client's side; with several deployments {@code @OperateOnDeployment} says which.
 */
public class ClowderProcessProvider extends OperatesOnDeploymentAwareProvider {
    // Set by Arquillian before any lookup.
    @Inject
    @SuppressWarnings("NullAway.Init")
    private Instance<ProtocolMetaData> metaData;

    @Override
    public boolean canProvide(Class<?> type) {
        return type == ClusterControl.class || type == ClowderProcess.class;
    }

    @Override
    public @Nullable Object doLookup(ArquillianResource resource, Annotation... qualifiers) {
        ProtocolMetaData deployed = metaData.get();
        return deployed == null
                ? null
                : deployed.getContexts(ClowderProcess.class).stream()
                        .findFirst()
                        .orElse(null);
    }
}
