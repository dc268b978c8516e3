package dev.clowder.arquillian;

import java.util.Collection;
import org.jboss.arquillian.container.spi.client.protocol.metadata.HTTPContext;
import org.jboss.arquillian.container.spi.client.protocol.metadata.ProtocolMetaData;
import org.jboss.arquillian.container.test.spi.client.deployment.DeploymentPackager;
import org.jboss.arquillian.container.test.spi.command.CommandCallback;
import org.jboss.arquillian.protocol.servlet5.BaseServletProtocol;
import org.jboss.arquillian.protocol.servlet5.ServletMethodExecutor;
import org.jboss.arquillian.protocol.servlet5.ServletProtocolConfiguration;
import org.jboss.arquillian.protocol.servlet5.v_5.ServletProtocolDeploymentPackager;

/**
 * Arquillian's servlet protocol for a server of several processes: packaging and properties are those of
 * {@code Servlet 6.0}, commands from inside the container are answered to the worker that asked
 * ({@link WorkerMethodExecutor}).
 */
public class ClowderProtocol extends BaseServletProtocol {
    /** The name for {@code <protocol type="...">} in {@code arquillian.xml}. */
    public static final String NAME = "Clowder Servlet 6.0";

    @Override
    protected String getProtocolName() {
        return NAME;
    }

    @Override
    public DeploymentPackager getPackager() {
        return new ServletProtocolDeploymentPackager();
    }

    @Override
    public ServletMethodExecutor getExecutor(
            ServletProtocolConfiguration configuration, ProtocolMetaData metaData, CommandCallback callback) {
        Collection<InContainerTests> direct = metaData.getContexts(InContainerTests.class);
        Collection<HTTPContext> contexts = direct.isEmpty()
                ? metaData.getContexts(HTTPContext.class)
                : direct.stream().map(InContainerTests::address).toList();
        return new WorkerMethodExecutor(configuration, contexts, callback);
    }
}
