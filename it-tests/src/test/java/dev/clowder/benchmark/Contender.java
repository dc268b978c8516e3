package dev.clowder.benchmark;

import dev.clowder.arquillian.RealProxy;
import dev.clowder.it.SessionEngine;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A system that serves the application of {@link Site}, with its own defaults where nothing else is said, on two ports.
 * Its processes end with this JVM, however that ends.
 *
 * <p>Legal order: {@link Kind#prepare}, {@link #start}, {@link #awaitReady}, anything, {@link #close}.
 */
interface Contender extends AutoCloseable {
    /** Processes that serve the application, of all but one Tomcat alone. */
    int WORKERS = 2;

    /** What processes are for that keep the sessions of the others. */
    String ENGINE = "engine";

    /** What the processes are for that answer for the application; the others help them. */
    Set<String> SERVE = Set.of("Tomcat", "Tomcats", "workers", "loop");

    /** Which. The first is what the others are compared with. */
    enum Kind {
        TOMCAT("tomcat", "one plain Tomcat"),
        CLOWDER("clowder", "Clowder, 2 workers"),
        NGINX("nginx", "nginx and 2 Tomcats"),
        HAPROXY("haproxy", "HAProxy and 2 Tomcats"),
        NODE("node", "Node's cluster, 2 workers"),
        NIO("nio", "a bare NIO loop on 2 threads: the least that hello costs in Java"),
        LOCAL("local", "Clowder, 2 workers", "--sessions", "local"),
        STICKY("sticky", "Clowder, 2 workers", "--sessions", "sticky"),
        REPLICATED("replicated", "Clowder, 2 workers", "--sessions", "replicated"),
        REDIS("redis", "Clowder, 2 workers, --sessions redis://, and the Redis, which writes down every change"),
        POSTGRES(
                "postgres",
                "Clowder, 2 workers, --sessions jdbc:, and the PostgreSQL, which does not wait for its disk"),
        ROUND_ROBIN("round-robin", "Clowder, 2 workers", "--accept", "round-robin"),
        LEAST_CONNECTIONS("least-connections", "Clowder, 2 workers", "--accept", "least-connections"),
        SPARE("spare", "Clowder, 2 workers and a spare", "--spare", "1", "--oversubscribe"),
        DISPATCHING("dispatching", "Clowder, 2 workers, requests go to threads of the pool", "--loop", "off");

        /** What a run measures that asks for nothing else. */
        static final List<Kind> USUAL = List.of(TOMCAT, CLOWDER, NGINX, HAPROXY, NODE, NIO);

        final String title;
        final String meaning;

        /** Of Clowder. */
        @SuppressWarnings("ImmutableEnumChecker") // It is immutable.
        private final List<String> options;

        Kind(String title, String meaning, String... options) {
            this.title = title;
            this.meaning = options.length == 0 ? meaning : meaning + ", " + String.join(" ", options);
            this.options = List.of(options);
        }

        /** Whether it has an answer to this; one that only shows what is possible knows no more than hello. */
        boolean does(Workload workload) {
            return switch (this) {
                case NIO ->
                    workload.paths().equals(List.of("/hello"))
                            && !workload.way().encrypted()
                            && workload.heap() == 0;
                // They have no sessions, or none that two servers share.
                case NGINX, HAPROXY, NODE -> workload.sessions() == Workload.Sessions.NONE;
                case LOCAL -> workload.sessions() != Workload.Sessions.SHARED;
                default -> true;
            };
        }

        /** Whether what serves is started again when it dies, by the system or, as one plain Tomcat is, by whoever watches. */
        boolean restarts() {
            // Whoever runs these has to watch the Tomcats.
            return this != NGINX && this != HAPROXY && this != NIO;
        }

        /** Whether it has several processes that serve, and a connection may come to any of them. */
        boolean servesWithSeveral() {
            return serving() > 1;
        }

        /** How many processes serve, or are ready to. */
        int serving() {
            return switch (this) {
                case TOMCAT, NIO -> 1;
                case SPARE -> WORKERS + 1;
                default -> WORKERS;
            };
        }

        /**
         * Makes one, with its files, that is not started yet.
         *
         * @param heap megabytes for all its processes together; 0 for what they take themselves
         */
        Contender prepare(Site site, int heap) throws IOException, InterruptedException {
            return switch (this) {
                case TOMCAT -> new TomcatServer(site, heap);
                case NGINX -> new ProxiedTomcats(site, heap / WORKERS, RealProxy.Program.NGINX);
                case HAPROXY -> new ProxiedTomcats(site, heap / WORKERS, RealProxy.Program.HAPROXY);
                case NODE -> new NodeCluster(site, heap / WORKERS);
                case NIO -> new NioLoop(site);
                case REDIS -> new ClowderWithEngine(site, heap / WORKERS, SessionEngine.redis(site.directory("redis")));
                case POSTGRES ->
                    new ClowderWithEngine(site, heap / WORKERS, SessionEngine.postgres(site.directory("postgres")));
                default -> new ClowderCluster(site, heap / WORKERS, options);
            };
        }

        /**
         * Says which version this machine has.
         *
         * @throws AssertionError if it has none; the message has the command that installs it
         */
        String version(Site site) throws IOException, InterruptedException {
            return switch (this) {
                case TOMCAT -> site.tomcatVersion();
                case NGINX -> RealProxy.Program.NGINX.version();
                case HAPROXY -> RealProxy.Program.HAPROXY.version();
                case NIO -> "Java " + Runtime.version();
                case NODE -> "Node.js " + RealProxy.Program.NODE.version();
                default -> site.clowderVersion();
            };
        }
    }

    /** Starts all its processes and returns as soon as the ports are known. */
    void start() throws IOException, InterruptedException;

    /**
     * Waits until all its workers serve, and what they do once after a start is done.
     *
     * @throws IOException if that is not so in time, or one of them has ended
     */
    void awaitReady(Duration atMost) throws IOException, InterruptedException;

    /** Where it listens; known once it is started. */
    Ports ports();

    /** All its processes, by what they are for. Those of an {@link #ENGINE} come and go. */
    Map<String, List<ProcessHandle>> processes();

    /** Whether those of its processes that were started here still run; they start and end others. */
    boolean isAlive();

    /**
     * Sees to it that what serves is started again after somebody has killed it. Here there is nothing to do: the system
     * itself does it.
     */
    default void restart() throws IOException, InterruptedException {}

    @Override
    void close();
}
