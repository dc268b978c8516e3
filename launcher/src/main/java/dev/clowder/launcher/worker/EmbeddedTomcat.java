package dev.clowder.launcher.worker;

import dev.clowder.launcher.wire.Message;
import dev.clowder.valve.ForwardedValve;
import java.io.IOException;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.stream.Stream;
import org.apache.catalina.Context;
import org.apache.catalina.LifecycleException;
import org.apache.catalina.LifecycleState;
import org.apache.catalina.Pipeline;
import org.apache.catalina.session.StandardManager;
import org.apache.catalina.startup.Tomcat;

/** The Tomcat of this worker, and the only class that knows how to embed one. */
final class EmbeddedTomcat {
    private static final String RSS = "VmRSS:";

    /** They tell at every start what is normal in an embedded Tomcat. Held here, or their level would be collected. */
    private static final List<Logger> QUIET = Stream.of(
                    "org.apache.catalina.loader.WebappLoader",
                    "org.apache.catalina.startup.ContextConfig",
                    "org.apache.jasper.servlet.TldScanner")
            .map(Logger::getLogger)
            .toList();

    private final Tomcat tomcat;
    private final List<WorkerConnector> connectors;
    private final RequestsInFlight requests;
    private final Drain drain;

    private EmbeddedTomcat(Tomcat tomcat, List<WorkerConnector> connectors, RequestsInFlight requests) {
        this.tomcat = tomcat;
        this.connectors = connectors;
        this.requests = requests;
        this.drain = new Drain(connectors);
    }

    /**
     * Starts everything but the way of clients from the supervisor.
     *
     * @throws StartFailedException when an application or a connector did not start; Tomcat's log says why
     */
    static EmbeddedTomcat start(Message.Start start) throws StartFailedException {
        for (Logger chatty : QUIET) {
            if (chatty.getLevel() == null) {
                chatty.setLevel(Level.WARNING);
            }
        }
        Tomcat tomcat = new Tomcat();
        tomcat.setBaseDir(start.directory());
        tomcat.enableNaming();

        List<WorkerConnector> connectors = connectors(start);
        connectors.forEach(connector -> tomcat.getService().addConnector(connector.connector()));

        Pipeline engine = tomcat.getEngine().getPipeline();
        engine.addValve(new GoodbyeValve());
        if (start.exposeWorker()) {
            engine.addValve(new ExposeWorkerValve(start.slot(), System.getProperty("clowder.worker.id")));
        }
        ForwardedValve forwarded = new ForwardedValve();
        forwarded.setTrust(start.trust());
        engine.addValve(forwarded);
        RequestsInFlight requests = new RequestsInFlight();
        engine.addValve(requests);

        List<Context> contexts = new ArrayList<>();
        ClassLoader parent = new ApplicationParentLoader(EmbeddedTomcat.class.getClassLoader());
        for (Message.Mount mount : start.mounts()) {
            contexts.add(mount(tomcat, mount, parent));
        }
        try {
            tomcat.start();
        } catch (LifecycleException e) {
            throw new StartFailedException("Tomcat did not start: " + rootMessage(e), e);
        }
        for (Context context : contexts) {
            if (context.getState() != LifecycleState.STARTED) {
                String path = context.getPath();
                throw new StartFailedException(
                        "application " + (path.isEmpty() ? "/" : path) + " did not start, its error is above");
            }
        }
        return new EmbeddedTomcat(tomcat, connectors, requests);
    }

    private static List<WorkerConnector> connectors(Message.Start start) throws StartFailedException {
        List<WorkerConnector> connectors = new ArrayList<>();
        for (Message.Listener listener : start.listeners()) {
            connectors.add(new WorkerConnector(listener));
        }
        for (WorkerConnector secure : connectors) {
            if (secure.secure()) {
                // Where a transport-guarantee of an application sends clients of the other ports.
                connectors.forEach(other ->
                        other.connector().setRedirectPort(secure.connector().getPort()));
                break;
            }
        }
        return List.copyOf(connectors);
    }

    private static Context mount(Tomcat tomcat, Message.Mount mount, ClassLoader parent) {
        Context context = tomcat.addWebapp(mount.contextPath(), mount.directory());
        context.setParentClassLoader(parent);
        // N workers share the directory: nobody writes sessions into one file that the others would read.
        StandardManager sessions = new StandardManager();
        sessions.setPathname(null);
        context.setManager(sessions);
        return context;
    }

    /**
     * Begins to take clients: see {@link WorkerConnector#accept}.
     *
     * @return the sockets that all workers share
     */
    List<ServerSocketChannel> accept(boolean handover, int id) throws IOException, InterruptedException {
        List<ServerSocketChannel> shared = new ArrayList<>();
        for (WorkerConnector connector : connectors) {
            ServerSocketChannel socket = connector.accept(handover, id);
            if (socket != null) {
                shared.add(socket);
            }
        }
        return List.copyOf(shared);
    }

    /** Takes no new connections and returns when those there are have ended, or the time of {@link #hurry} is over. */
    void drain() {
        drain.run();
    }

    /** Limits a drain, also one that runs: see {@link Drain#hurry}. */
    void hurry(long drainMillis, long idleMillis) {
        drain.hurry(drainMillis, idleMillis);
    }

    /** What this process is doing, in words. */
    String evidence(boolean withThreads) {
        return Evidence.text(requests, endpoints(), withThreads);
    }

    /** Stops the applications and Tomcat. */
    void stop() {
        try {
            tomcat.stop();
            tomcat.destroy();
        } catch (LifecycleException e) {
            tomcat.getEngine().getLogger().warn("Tomcat did not stop cleanly", e);
        }
    }

    /** Takes certificates that have changed on disk. */
    void followCertificates() {
        connectors.forEach(WorkerConnector::followCertificate);
    }

    Message.Load load() {
        Runtime memory = Runtime.getRuntime();
        return new Message.Load(
                endpoints().stream()
                        .mapToInt(endpoint -> endpoint.getConnections().size())
                        .sum(),
                connectors.stream().mapToLong(WorkerConnector::requests).sum(),
                endpoints().stream()
                        .mapToInt(WorkerEndpoint::getCurrentThreadsBusy)
                        .sum(),
                memory.totalMemory() - memory.freeMemory(),
                residentBytes());
    }

    private List<WorkerEndpoint> endpoints() {
        return connectors.stream().map(WorkerConnector::endpoint).toList();
    }

    /** 0 where the platform has no {@code /proc}. */
    private static long residentBytes() {
        try {
            for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
                if (line.startsWith(RSS)) {
                    return Long.parseLong(line.replaceAll("\\D", "")) * 1024;
                }
            }
        } catch (IOException | NumberFormatException e) {
            // Then nobody knows.
        }
        return 0;
    }

    private static String rootMessage(Throwable e) {
        Throwable root = e;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        return root.getMessage() == null ? root.getClass().getName() : root.getMessage();
    }
}
