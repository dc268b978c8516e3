package dev.clowder.launcher.worker;

import dev.clowder.launcher.wire.Message;
import java.util.ArrayList;
import java.util.List;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.stream.Stream;
import org.apache.catalina.Context;
import org.apache.catalina.LifecycleException;
import org.apache.catalina.LifecycleState;
import org.apache.catalina.Server;
import org.apache.catalina.startup.Tomcat;

/** The launcher's own Tomcat, and the only class that knows how to embed one. */
final class EmbeddedTomcat {
    /** They tell at every start what is normal in an embedded Tomcat. Held here, or their level would be collected. */
    private static final List<Logger> QUIET = Stream.of(
                    "org.apache.catalina.loader.WebappLoader",
                    "org.apache.catalina.startup.ContextConfig",
                    "org.apache.jasper.servlet.TldScanner")
            .map(Logger::getLogger)
            .toList();

    private EmbeddedTomcat() {}

    /**
     * Starts everything but the way of clients from the supervisor.
     *
     * @throws StartFailedException when an application did not start; Tomcat's log says why
     * @throws LifecycleException when anything else did not start
     */
    static Server start(
            Message.Start start,
            List<WorkerConnector> connectors,
            SessionHome sessions,
            WorkerTomcat.EngineValves valves)
            throws StartFailedException, LifecycleException {
        for (Logger chatty : QUIET) {
            if (chatty.getLevel() == null) {
                chatty.setLevel(Level.WARNING);
            }
        }
        ManagedBeans.load();
        Tomcat tomcat = new Tomcat();
        tomcat.setBaseDir(start.directory());
        tomcat.enableNaming();

        for (WorkerConnector connector : connectors) {
            connector.configure();
            connector.protocol().setProxyProtocol(start.forwarding().proxyProtocol());
            connector.protocol().setProxyProtocolTrust(start.forwarding().trust());
            tomcat.getService().addConnector(connector.connector());
        }
        redirectToTls(connectors);
        sessions.watch(tomcat.getEngine());
        valves.addTo(tomcat.getEngine(), false);

        List<Context> contexts = new ArrayList<>();
        ClassLoader parent = new ApplicationParentLoader(EmbeddedTomcat.class.getClassLoader());
        for (Message.Mount mount : start.mounts()) {
            contexts.add(mount(tomcat, mount, parent, sessions));
        }
        tomcat.start();
        for (Context context : contexts) {
            if (context.getState() != LifecycleState.STARTED) {
                String path = context.getPath();
                throw new StartFailedException(
                        "application " + (path.isEmpty() ? "/" : path) + " did not start, its error is above");
            }
        }
        return tomcat.getServer();
    }

    /** Where a transport-guarantee of an application sends clients of the other ports. */
    private static void redirectToTls(List<WorkerConnector> connectors) {
        for (WorkerConnector secure : connectors) {
            if (secure.secure()) {
                connectors.forEach(other ->
                        other.connector().setRedirectPort(secure.connector().getPort()));
                return;
            }
        }
    }

    private static Context mount(Tomcat tomcat, Message.Mount mount, ClassLoader parent, SessionHome sessions) {
        Context context = tomcat.addWebapp(mount.contextPath(), mount.directory());
        context.setParentClassLoader(parent);
        ApplicationStart.lighten(context);
        context.addLifecycleListener(sessions);
        return context;
    }
}
