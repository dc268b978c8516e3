package dev.clowder.arquillian;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import org.jboss.arquillian.container.spi.client.container.DeployableContainer;
import org.jboss.arquillian.container.spi.client.container.DeploymentException;
import org.jboss.arquillian.container.spi.client.protocol.ProtocolDescription;
import org.jboss.arquillian.container.spi.client.protocol.metadata.HTTPContext;
import org.jboss.arquillian.container.spi.client.protocol.metadata.ProtocolMetaData;
import org.jboss.arquillian.container.spi.client.protocol.metadata.Servlet;
import org.jboss.arquillian.protocol.servlet5.ServletMethodExecutor;
import org.jboss.shrinkwrap.api.Archive;
import org.jboss.shrinkwrap.api.exporter.ZipExporter;
import org.jspecify.annotations.Nullable;

/**
 * Deploys each archive to a Tomcat distribution of its own, as a process of its own: the archive lies in {@code webapps}
 * when Tomcat starts. Safe for use by several threads.
 */
public class TomcatContainer implements DeployableContainer<TomcatConfiguration> {
    private static final Duration START_TIMEOUT = Duration.ofMinutes(2);
    private static final String FAILED = "startup failed due to previous errors";

    private final Map<String, TomcatProcess> deployments = new ConcurrentHashMap<>();
    private volatile @Nullable TomcatConfiguration configuration;

    @Override
    public Class<TomcatConfiguration> getConfigurationClass() {
        return TomcatConfiguration.class;
    }

    @Override
    public void setup(TomcatConfiguration checked) {
        configuration = checked;
    }

    @Override
    public void start() {
        // A Tomcat is started for each deployment.
    }

    @Override
    public void stop() {
        deployments.keySet().forEach(this::close);
    }

    @Override
    public ProtocolDescription getDefaultProtocol() {
        return new ProtocolDescription("Servlet 6.0");
    }

    /**
     * Starts a Tomcat with the archive.
     *
     * @throws DeploymentException if Tomcat or the application does not start; the message has Tomcat's output
     */
    @Override
    public ProtocolMetaData deploy(Archive<?> archive) throws DeploymentException {
        TomcatConfiguration settings = Objects.requireNonNull(configuration, "setup was not called");
        try {
            TomcatProcess tomcat = settings.tomcat();
            deployments.put(archive.getId(), tomcat);
            Path war = tomcat.home().resolve("webapps").resolve(archive.getName());
            archive.as(ZipExporter.class).exportTo(war.toFile());
            tomcat.start().awaitStart(START_TIMEOUT);
            if (tomcat.output().contains(FAILED)) {
                throw new DeploymentException(archive.getName() + " was not deployed:\n" + tomcat.output());
            }
            String path = ClowderContainer.path(archive.getName());
            return new ProtocolMetaData()
                    .addContext(new HTTPContext("127.0.0.1", tomcat.port(1))
                            .add(new Servlet(ServletMethodExecutor.ARQUILLIAN_SERVLET_NAME, path))
                            .add(new Servlet("default", path)))
                    .addContext(tomcat);
        } catch (IOException e) {
            throw new DeploymentException(archive.getName() + " was not deployed: " + e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new DeploymentException(archive.getName() + " was not deployed: interrupted", e);
        }
    }

    @Override
    public void undeploy(Archive<?> archive) {
        close(archive.getId());
    }

    private void close(String id) {
        TomcatProcess tomcat = deployments.remove(id);
        if (tomcat != null) {
            tomcat.close();
        }
    }
}
