package dev.clowder.arquillian;

import java.lang.annotation.Annotation;
import java.lang.reflect.Proxy;
import org.jboss.arquillian.container.test.spi.RemoteLoadableExtension;
import org.jboss.arquillian.test.api.ArquillianResource;
import org.jboss.arquillian.test.spi.enricher.resource.ResourceProvider;

/** Inside the container a {@link ClusterControl} is there, and says that it can do nothing. Found by Arquillian. */
public class InContainerExtension implements RemoteLoadableExtension {
    @Override
    public void register(ExtensionBuilder builder) {
        builder.service(ResourceProvider.class, NoControl.class);
    }

    /** Gives it to fields and parameters. */
    public static class NoControl implements ResourceProvider {
        @Override
        public boolean canProvide(Class<?> type) {
            return type == ClusterControl.class;
        }

        @Override
        public Object lookup(ArquillianResource resource, Annotation... qualifiers) {
            return Proxy.newProxyInstance(
                    ClusterControl.class.getClassLoader(),
                    new Class<?>[] {ClusterControl.class},
                    (proxy, method, given) -> {
                        throw new UnsupportedOperationException("ClusterControl." + method.getName()
                                + " works on the client's side only: add @RunAsClient to this test");
                    });
        }
    }
}
