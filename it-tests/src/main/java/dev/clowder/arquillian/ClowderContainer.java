package dev.clowder.arquillian;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
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
 * Deploys each archive to a launcher process of its own, so that several deployments of one test class run side by side,
 * each with its own URL. Starting and stopping the container itself costs nothing. Safe for use by several threads.
 */
public class ClowderContainer implements DeployableContainer<ClowderConfiguration> {
    private static final Duration ARCHIVE_WITHIN = Duration.ofSeconds(10);
    /** Of all containers in this JVM: once is enough. */
    private static final AtomicBoolean ARCHIVE_AWAITED = new AtomicBoolean();

    private final Map<String, ClowderProcess> deployments = new ConcurrentHashMap<>();
    private volatile @Nullable ClowderConfiguration configuration;

    @Override
    public Class<ClowderConfiguration> getConfigurationClass() {
        return ClowderConfiguration.class;
    }

    @Override
    public void setup(ClowderConfiguration checked) {
        configuration = checked;
    }

    @Override
    public void start() {
        // A launcher is started for each deployment.
    }

    /** Ends what was deployed and never undeployed. */
    @Override
    public void stop() {
        deployments.keySet().forEach(this::close);
    }

    @Override
    public ProtocolDescription getDefaultProtocol() {
        return new ProtocolDescription(ClowderProtocol.NAME);
    }

    /**
     * Starts a launcher with the archive and waits until all its workers are READY.
     *
     * @param archive a web archive; its path is its file name as in Tomcat's {@code webapps}: {@code ROOT.war} is the
     *     root, {@code a#b##2.war} is {@code /a/b}
     * @throws DeploymentException if the launcher does not become ready; the message has its own line and its output
     */
    @Override
    public ProtocolMetaData deploy(Archive<?> archive) throws DeploymentException {
        if (!archive.getName().endsWith(".war")) {
            throw new DeploymentException(archive.getName() + " is not a web archive (.war)");
        }
        ClowderConfiguration settings = Objects.requireNonNull(configuration, "setup was not called");
        try {
            return deploy(archive, settings);
        } catch (IOException e) {
            throw new DeploymentException(archive.getName() + " was not deployed: " + e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new DeploymentException(archive.getName() + " was not deployed: interrupted", e);
        }
    }

    private ProtocolMetaData deploy(Archive<?> archive, ClowderConfiguration settings)
            throws IOException, InterruptedException {
        String path = path(archive.getName());
        ClowderProcess process = start(archive, path, settings);
        try {
            process.awaitReady(settings.startupTimeout());
            if (settings.catalinaHome() != null) {
                InstalledTomcat.requireStarted(process);
            }
            if (settings.spreadsRequests()) {
                process.relayThrough(new RequestRelay(process.port(), settings.turns(process)));
            }
        } catch (IOException | InterruptedException | RuntimeException e) {
            process.close();
            throw e;
        }
        deployments.put(archive.getId(), process);
        return new ProtocolMetaData()
                .addContext(httpContext(process.uri(path).getPort(), path))
                .addContext(new InContainerTests(httpContext(process.port(), path)))
                .addContext(process);
    }

    private static ClowderProcess start(Archive<?> archive, String path, ClowderConfiguration settings)
            throws IOException {
        OwnDirectory directory = OwnDirectory.in(settings.runDirRoot());
        try {
            ClowderProcess.Builder run = settings.process().directory(directory);
            Path home = settings.catalinaHome();
            if (home == null) {
                Path war = directory.path().resolve(archive.getName());
                archive.as(ZipExporter.class).exportTo(war.toFile());
                run.application(path, war);
            } else {
                Path base = InstalledTomcat.base(home, directory.path().resolve("base"));
                archive.as(ZipExporter.class)
                        .exportTo(base.resolve("webapps")
                                .resolve(archive.getName())
                                .toFile());
                run.catalinaBase(base).arguments("--catalina-home", home.toString());
            }
            return run.start();
        } catch (IOException | RuntimeException e) {
            directory.remove();
            throw e;
        }
    }

    // URL injection takes the path from the servlets, and the protocol looks for its own one. The others have the same
    // path, and only the server knows them.
    private static HTTPContext httpContext(int port, String path) {
        return new HTTPContext("127.0.0.1", port)
                .add(new Servlet(ServletMethodExecutor.ARQUILLIAN_SERVLET_NAME, path))
                .add(new Servlet("default", path));
    }

    static String path(String archiveName) {
        String name = archiveName.substring(0, archiveName.length() - ".war".length());
        int version = name.indexOf("##");
        String base = version < 0 ? name : name.substring(0, version);
        return base.equals("ROOT") ? "/" : "/" + base.replace('#', '/');
    }

    /** Stops the launcher of the archive, however dead it is; does nothing for an archive that is not deployed. */
    @Override
    public void undeploy(Archive<?> archive) {
        ClowderProcess process = deployments.get(archive.getId());
        if (process != null && !ARCHIVE_AWAITED.getAndSet(true)) {
            awaitArchive(process);
        }
        close(archive.getId());
    }

    /**
     * A launcher makes a class archive when all workers serve, within seconds. Most tests are over before that, each cluster
     * would begin anew, and none would ever start from one.
     */
    private static void awaitArchive(ClowderProcess process) {
        try {
            process.awaitArchive(ARCHIVE_WITHIN);
        } catch (IOException e) {
            // It is slow, or dead: there is no archive then.
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void close(String id) {
        ClowderProcess process = deployments.remove(id);
        if (process != null) {
            process.close();
        }
    }
}
