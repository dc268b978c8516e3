package dev.clowder.launcher.worker;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import dev.clowder.launcher.wire.Message;
import dev.clowder.launcher.worker.check.Observation;
import dev.clowder.launcher.worker.relay.RelayLoop;
import dev.clowder.launcher.worker.sessions.EngineStore;
import dev.clowder.launcher.worker.sessions.Replicas;
import dev.clowder.launcher.worker.sessions.SessionStore;
import dev.clowder.launcher.worker.sessions.SessionsUnavailableException;
import dev.clowder.valve.ForwardedValve;
import java.io.IOException;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.catalina.Engine;
import org.apache.catalina.LifecycleException;
import org.apache.catalina.Pipeline;
import org.apache.catalina.Server;
import org.apache.juli.logging.LogFactory;
import org.jspecify.annotations.Nullable;

/** The Tomcat of this worker while it runs: the launcher's own, or one that was installed. */
final class WorkerTomcat {
    private static final String RSS = "VmRSS:";

    private final Server server;
    private final List<WorkerConnector> connectors;
    private final RequestsInFlight requests;
    private final InsideView insides;
    private final Drain drain;
    private final @Nullable AccessLogFile accessLog;
    private final @Nullable SessionPeers peers;
    private final @Nullable SessionStore engine;

    private WorkerTomcat(
            Server server,
            List<WorkerConnector> connectors,
            RequestsInFlight requests,
            InsideView insides,
            @Nullable AccessLogFile accessLog,
            @Nullable SessionPeers peers,
            @Nullable SessionStore engine) {
        this.peers = peers;
        this.engine = engine;
        this.server = server;
        this.connectors = connectors;
        this.requests = requests;
        this.insides = insides;
        this.accessLog = accessLog;
        this.drain = new Drain(connectors);
    }

    /**
     * Starts everything but the way of clients from the supervisor.
     *
     * @param place of this worker, which may not have a slot yet: see {@link #takeSlot}
     * @param tickets with which TLS session tickets are encrypted
     * @throws StartFailedException when an application or a connector did not start; Tomcat's log says why
     */
    static WorkerTomcat start(Message.Start start, Place place, Replicas replicas, SharedTickets tickets)
            throws StartFailedException {
        List<WorkerConnector> connectors = start.listeners().stream()
                .map(listener -> new WorkerConnector(listener, start.loop(), tickets))
                .toList();
        RequestsInFlight requests = new RequestsInFlight();
        InsideView insides = new InsideView();
        SessionPeers peers = peers(start, place, connectors);
        SessionStore outside = engine(start.sessions());
        SessionHome sessions = new SessionHome(start.sessions(), peers, replicas, outside);
        Message.AccessLog wanted = start.accessLog();
        AccessLogFile accessLog = wanted == null ? null : new AccessLogFile(Path.of(wanted.file()));
        EngineValves valves = (engine, isJudged) -> {
            if (wanted != null && accessLog != null) {
                engine.getPipeline().addValve(new MergedAccessLog(wanted.pattern(), accessLog));
            }
            addValves(engine, start, place, isJudged, requests);
            insides.watch(engine);
            if (start.installed() != null && !isJudged) {
                engine.addLifecycleListener(new ForwardingOfApplications(() -> forwardedValve(start), insides::note));
            }
            Observation.begin(engine);
        };
        try {
            Server server = start.installed() == null
                    ? EmbeddedTomcat.start(start, connectors, sessions, valves)
                    : InstalledTomcat.start(start, start.installed(), connectors, sessions, valves);
            return new WorkerTomcat(server, connectors, requests, insides, accessLog, peers, outside);
        } catch (LifecycleException e) {
            // The supervisor is told its first cause in one line; here are all of them.
            LogFactory.getLog(WorkerTomcat.class).error("Tomcat did not start", e);
            throw new StartFailedException("Tomcat did not start: " + StartFailedException.root(e), e);
        }
    }

    /** What keeps sessions outside of the workers; null if nothing does. */
    private static @Nullable SessionStore engine(Message.Sessions sessions) throws StartFailedException {
        if (sessions.url().isEmpty()) {
            return null;
        }
        try {
            return EngineStore.open(sessions.url());
        } catch (SessionsUnavailableException e) {
            throw new StartFailedException("--sessions " + sessions.mode() + ":...: " + e.getMessage(), e);
        }
    }

    /** Null if all sessions stay where they are. */
    private static @Nullable SessionPeers peers(Message.Start start, Place place, List<WorkerConnector> connectors) {
        String mode = start.sessions().mode();
        if (!mode.equals("auto") && !mode.equals("sticky")) {
            return null;
        }
        Path directory =
                Path.of(start.listeners().get(0).intake()).resolveSibling(".").normalize();
        List<WorkerEndpoint> endpoints =
                connectors.stream().map(WorkerConnector::endpoint).toList();
        try {
            SessionPeers peers = new SessionPeers(directory, place.id(), endpoints);
            RelayLoop relays = new RelayLoop();
            for (int port = 0; port < endpoints.size(); port++) {
                endpoints.get(port).routeSessions(peers, port);
                connectors.get(port).protocol().routeSessions(peers, port, relays);
            }
            return peers;
        } catch (IOException e) {
            LogFactory.getLog(WorkerTomcat.class).warn("sessions stay in their worker: " + e.getMessage());
            return null;
        }
    }

    /** Puts what a worker needs into an engine. */
    interface EngineValves {
        /**
         * Adds them.
         *
         * @param isJudged whether there is a valve already that says who the client is
         */
        void addTo(Engine engine, boolean isJudged);
    }

    private static void addValves(
            Engine engine, Message.Start start, Place place, boolean isJudged, RequestsInFlight requests) {
        Pipeline pipeline = engine.getPipeline();
        pipeline.addValve(new GoodbyeValve());
        if (start.exposeWorker()) {
            pipeline.addValve(new ExposeWorkerValve(place));
        }
        if (!isJudged) {
            pipeline.addValve(forwardedValve(start));
        }
        pipeline.addValve(requests);
    }

    private static ForwardedValve forwardedValve(Message.Start start) {
        ForwardedValve forwarded = new ForwardedValve();
        forwarded.setTrust(start.forwarding().trust());
        forwarded.setHeaders(start.forwarding().headers());
        return forwarded;
    }

    /** The sessions of this slot are here from now on, before its clients are. */
    void takeSlot(int slot) throws StartFailedException {
        if (peers != null) {
            try {
                peers.begin(slot);
            } catch (IOException e) {
                throw new StartFailedException(
                        "sessions can't move between workers: " + StartFailedException.root(e), e);
            }
        }
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
        if (peers != null) {
            peers.leave();
        }
        drain.run();
        if (peers != null) {
            peers.end();
        }
    }

    /** Limits a drain, also one that runs: see {@link Drain#hurry}. */
    void hurry(long drainMillis, long idleMillis) {
        drain.hurry(drainMillis, idleMillis);
    }

    /** What this process is doing, in words. */
    String evidence(boolean withThreads) {
        return Evidence.text(requests, endpoints(), withThreads);
    }

    /** Stops the applications and Tomcat; every line of the access log is written then. */
    void stop() {
        try {
            server.stop();
            server.destroy();
        } catch (LifecycleException e) {
            LogFactory.getLog(WorkerTomcat.class).warn("Tomcat did not stop cleanly", e);
        } finally {
            if (accessLog != null) {
                accessLog.close();
            }
            if (engine != null) {
                engine.close();
            }
        }
    }

    /** Takes what is new among the keys of TLS session tickets. */
    void renewTickets() {
        endpoints().forEach(WorkerEndpoint::renewTickets);
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
                residentBytes(),
                insides.read(endpoints()));
    }

    private List<WorkerEndpoint> endpoints() {
        return connectors.stream().map(WorkerConnector::endpoint).toList();
    }

    /** 0 where the platform has no {@code /proc}. */
    private static long residentBytes() {
        try {
            // Once a second, by code that the JVM does not compile for a long time.
            String status = Files.readString(Path.of("/proc/self/status"), ISO_8859_1);
            int from = status.indexOf(RSS) + RSS.length();
            int to = status.indexOf(" kB", from);
            return Long.parseLong(status.substring(from, to).strip()) * 1024;
        } catch (IOException | RuntimeException e) {
            // Then nobody knows.
        }
        return 0;
    }
}
