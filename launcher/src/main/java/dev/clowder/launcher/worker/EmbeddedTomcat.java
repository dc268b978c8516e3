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
import org.apache.catalina.connector.Connector;
import org.apache.catalina.session.StandardManager;
import org.apache.catalina.startup.Tomcat;
import org.apache.coyote.RequestGroupInfo;

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
    private final Connector connector;
    private final WorkerEndpoint endpoint;
    private final RequestsInFlight requests;
    private final Drain drain;

    private EmbeddedTomcat(
            Tomcat tomcat, Connector connector, WorkerEndpoint endpoint, RequestsInFlight requests, Drain drain) {
        this.tomcat = tomcat;
        this.connector = connector;
        this.endpoint = endpoint;
        this.requests = requests;
        this.drain = drain;
    }

    /**
     * Starts everything but the shared listener.
     *
     * @throws StartFailedException when an application or the connector did not start; Tomcat's log says why
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

        WorkerEndpoint endpoint = new WorkerEndpoint(Path.of(start.intake()));
        WorkerProtocol protocol = new WorkerProtocol(endpoint);
        protocol.setProxyProtocol(start.forwarding().proxyProtocol());
        protocol.setProxyProtocolTrust(start.forwarding().trust());
        Connector connector = new Connector(protocol);
        connector.setPort(start.port());
        connector.setThrowOnFailure(true);
        // Sources open when the applications have started, and close before the connections do.
        connector.setProperty("bindOnInit", "false");
        // The relay's clients wait here as others wait in the shared queue.
        connector.setProperty("acceptCount", "4096");
        tomcat.setConnector(connector);

        Pipeline engine = tomcat.getEngine().getPipeline();
        engine.addValve(new GoodbyeValve(protocol));
        if (start.exposeWorker()) {
            engine.addValve(new ExposeWorkerValve(start.slot(), System.getProperty("clowder.worker.id")));
        }
        ForwardedValve forwarded = new ForwardedValve();
        forwarded.setTrust(start.forwarding().trust());
        forwarded.setHeaders(start.forwarding().headers());
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
        return new EmbeddedTomcat(tomcat, connector, endpoint, requests, new Drain(endpoint, protocol));
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

    /** Begins to take clients from the queue that all workers share. */
    void accept(ServerSocketChannel listener) {
        endpoint.accept(listener);
    }

    /** Begins to take clients that the supervisor accepts and hands over. */
    void accept(Path handovers, int id) throws IOException {
        endpoint.accept(handovers, id);
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
        return Evidence.text(requests, endpoint, withThreads);
    }

    /** Stops the applications and Tomcat. */
    void stop() {
        try {
            tomcat.stop();
            tomcat.destroy();
        } catch (LifecycleException e) {
            connector.getService().getContainer().getLogger().warn("Tomcat did not stop cleanly", e);
        }
    }

    Message.Load load() {
        RequestGroupInfo requests = (RequestGroupInfo) endpoint.getHandler().getGlobal();
        Runtime memory = Runtime.getRuntime();
        return new Message.Load(
                endpoint.getConnections().size(),
                requests.getRequestCount(),
                endpoint.getCurrentThreadsBusy(),
                memory.totalMemory() - memory.freeMemory(),
                residentBytes());
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
