package dev.clowder.launcher.worker;

import dev.clowder.launcher.wire.Message;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.catalina.Container;
import org.apache.catalina.Context;
import org.apache.catalina.Engine;
import org.apache.catalina.Host;
import org.apache.catalina.LifecycleException;
import org.apache.catalina.LifecycleState;
import org.apache.catalina.Server;
import org.apache.catalina.Service;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.core.StandardHost;
import org.apache.catalina.startup.Bootstrap;
import org.apache.catalina.startup.Catalina;
import org.apache.catalina.startup.CatalinaBaseConfigurationSource;
import org.apache.juli.logging.Log;
import org.apache.juli.logging.LogFactory;
import org.apache.tomcat.util.IntrospectionUtils;
import org.apache.tomcat.util.digester.Digester;
import org.apache.tomcat.util.digester.Rule;
import org.apache.tomcat.util.file.ConfigFileLoader;
import org.xml.sax.Attributes;
import org.xml.sax.InputSource;
import org.xml.sax.SAXException;
import org.xml.sax.SAXParseException;

/**
 * The Tomcat that its operator installed, as its {@code server.xml} says, less what N workers can't have N times. Runs
 * with the classes of that installation; see {@code dev.clowder.launcher.worker.boot}.
 *
 * @see org.apache.catalina.startup.Catalina#load()
 */
final class InstalledTomcat extends Catalina {
    private static final Log LOG = LogFactory.getLog(InstalledTomcat.class);

    private final Message.Installed installed;
    private final ConnectorTakeover takeover;
    private final ContextRules contexts;
    private final OwnAccessLogs accessLogs;
    private final SessionHome sessions;
    private final Path work;

    private InstalledTomcat(
            Message.Start start, Message.Installed installed, List<WorkerConnector> connectors, SessionHome sessions) {
        this.installed = installed;
        this.work = Path.of(start.directory(), "work");
        this.takeover = new ConnectorTakeover(connectors);
        this.sessions = sessions;
        this.accessLogs = new OwnAccessLogs(start, installed.logs());
        this.contexts = new ContextRules(work, accessLogs, sessions);
        setParentClassLoader(Thread.currentThread().getContextClassLoader());
        setUseShutdownHook(false);
    }

    /**
     * Starts everything but the shared listeners.
     *
     * @param connectors for each listener of the cluster, in the order of {@code server.xml}
     * @throws StartFailedException when {@code server.xml} or an application is broken; Tomcat's log says why
     * @throws LifecycleException when anything else did not start
     */
    static Server start(
            Message.Start start,
            Message.Installed installed,
            List<WorkerConnector> connectors,
            SessionHome sessions,
            WorkerTomcat.EngineValves valves)
            throws StartFailedException, LifecycleException {
        InstalledTomcat tomcat = new InstalledTomcat(start, installed, connectors, sessions);
        // As in catalina.sh: server.xml may name classes of server.loader.
        Thread.currentThread().setContextClassLoader(Catalina.class.getClassLoader());
        try {
            Server server = tomcat.parse();
            tomcat.adapt(server, valves);
            server.init();
            server.start();
            tomcat.check(server);
            return server;
        } catch (IOException | SAXException e) {
            throw new StartFailedException("conf/server.xml" + line(e) + ": " + StartFailedException.root(e), e);
        }
    }

    private static String line(Exception e) {
        return e instanceof SAXParseException parse ? " line " + parse.getLineNumber() : "";
    }

    /** {@code Catalina} would go on with half a server. */
    private Server parse() throws IOException, SAXException, StartFailedException {
        initNaming();
        File base = Bootstrap.getCatalinaBaseFile();
        ConfigFileLoader.setSource(new CatalinaBaseConfigurationSource(base, getConfigFile()));
        try (var resource = ConfigFileLoader.getSource().getServerXml()) {
            Digester digester = createStartDigester();
            digester.addRule("Server/Service/Connector", takeover);
            digester.addRule("Server/Service/Engine", new EngineRule(sessions));
            InputSource source = new InputSource(resource.getURI().toURL().toString());
            source.setByteStream(resource.getInputStream());
            digester.push(this);
            digester.parse(source);
        }
        Server read = getServer();
        if (read == null || !takeover.isComplete()) {
            throw new StartFailedException("conf/server.xml has fewer connectors than at the start of the cluster; stop"
                    + " the cluster and run it again");
        }
        read.setCatalina(this);
        read.setCatalinaHome(Bootstrap.getCatalinaHomeFile());
        read.setCatalinaBase(base);
        initStreams();
        return read;
    }

    /** Comes to an engine before the valves that the file has for it. */
    private static final class EngineRule extends Rule {
        private final SessionHome sessions;

        EngineRule(SessionHome sessions) {
            this.sessions = sessions;
        }

        @Override
        public void begin(String namespace, String name, Attributes attributes) {
            sessions.watch((Engine) digester.peek());
        }
    }

    private void adapt(Server read, WorkerTomcat.EngineValves valves) throws IOException {
        read.setPort(-1);
        for (Connector connector : takeover.unshared()) {
            connector.getService().removeConnector(connector);
        }
        for (Service service : read.findServices()) {
            Engine engine = service.getContainer();
            spreadReceiver(engine);
            accessLogs.adapt(engine);
            boolean judged = ForwardingOfApplications.isIn(engine);
            for (Container child : engine.findChildren()) {
                judged |= ForwardingOfApplications.isIn(child);
                spreadReceiver(child);
                accessLogs.adapt(child);
                if (child instanceof Host host) {
                    adapt(engine, host);
                }
            }
            valves.addTo(engine, judged);
        }
    }

    private void adapt(Engine engine, Host host) throws IOException {
        host.setAutoDeploy(false);
        host.setCreateDirs(false);
        host.setLegacyAppBase(work.resolve("none").toString());
        for (Message.Site site : installed.sites()) {
            if (site.engine().equals(engine.getName()) && site.host().equals(host.getName())) {
                host.setAppBase(site.directory());
                expandedInsteadOfArchives(host, Path.of(site.directory()));
            }
        }
        if (host instanceof StandardHost standard) {
            Path own = work.resolve(engine.getName()).resolve(host.getName());
            standard.setWorkDir(Files.createDirectories(own).toString());
            // What lies in appBase was expanded once for all; N workers must not expand the rest at the same time.
            standard.setUnpackWARs(false);
        }
        contexts.watch(host);
    }

    private static void expandedInsteadOfArchives(Host host, Path site) {
        for (Container child : host.findChildren()) {
            if (child instanceof Context context
                    && context.getDocBase() != null
                    && context.getDocBase().endsWith(".war")
                    && !new File(context.getDocBase()).isAbsolute()) {
                String expanded = context.getDocBase().replaceFirst("\\.war$", "");
                if (Files.isDirectory(site.resolve(expanded))) {
                    context.setDocBase(expanded);
                }
            }
        }
    }

    /** Of a {@code <Cluster>}, whose classes may not be installed. */
    private static void spreadReceiver(Container container) {
        Object cluster = container.getCluster();
        if (cluster == null) {
            return;
        }
        try {
            Object channel = cluster.getClass().getMethod("getChannel").invoke(cluster);
            Object receiver = channel.getClass().getMethod("getChannelReceiver").invoke(channel);
            IntrospectionUtils.setProperty(receiver, "autoBind", "100");
        } catch (ReflectiveOperationException e) {
            LOG.warn("can't give the cluster's receiver a port of its own", e);
        }
    }

    /** A connector that failed would leave clients without an answer; an application that did is told. */
    private void check(Server started) throws StartFailedException {
        List<String> failed = new ArrayList<>();
        for (Service service : started.findServices()) {
            for (Connector connector : service.findConnectors()) {
                if (connector.getState() != LifecycleState.STARTED) {
                    throw new StartFailedException(connector + " did not start, its error is above");
                }
            }
            for (Container host : service.getContainer().findChildren()) {
                for (Container context : host.findChildren()) {
                    if (context.getState() != LifecycleState.STARTED) {
                        String path = ((Context) context).getPath();
                        failed.add(host.getName() + (path.isEmpty() ? "/" : path));
                    }
                }
            }
        }
        if (!failed.isEmpty()) {
            String text = "application " + String.join(", ", failed) + " did not start, its error is above";
            if (installed.strict()) {
                throw new StartFailedException(text);
            }
            LOG.warn(text + "; the others are served");
        }
    }
}
