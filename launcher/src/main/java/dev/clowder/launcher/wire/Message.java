package dev.clowder.launcher.wire;

import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** What processes of one cluster say to each other over the control socket. */
public sealed interface Message {

    // From a worker to the supervisor.

    /**
     * First words of a worker: who it is. One that has lost its supervisor wants to be adopted, not started.
     *
     * @param serving whether it takes clients; an orphan that does not is finishing what it has, and leaves
     */
    record Hello(int slot, int id, long pid, int generation, boolean serving) implements Message {}

    /** The worker's own Tomcat answered a probe and clients are being accepted. */
    record Ready() implements Message {}

    /**
     * The worker ends itself, and why; its output says more. With exit code 78 it can't become ready, whatever is tried
     * again; with 79 its heap was exhausted.
     */
    record Failed(String reason) implements Message {}

    /**
     * Somebody else than the supervisor (a SIGTERM) told the worker to stop: it drains as after {@link Stop}.
     *
     * @param drainMillis at most until {@link Drained}
     */
    record Leaving(long drainMillis) implements Message {}

    /** Told to stop, the worker has finished what was in flight and now shuts its applications down. */
    record Drained() implements Message {}

    /**
     * The beat of a ready worker, once a second. Counts since its start.
     *
     * @param insides what else it says of itself; null from a worker of a version that does not
     */
    record Load(
            int connections,
            long requests,
            int busyThreads,
            long heapUsedBytes,
            long rssBytes,
            @Nullable Insides insides)
            implements Message {}

    /** What the worker's threads and requests are doing: many lines, cut if need be. The answer to {@link Dump}. */
    record Dumped(String text) implements Message {}

    /** The worker wants to hold copies of sessions; the answer is {@link ReplicaKey}. */
    record JoinReplicas() implements Message {}

    /**
     * The worker holds copies of sessions; the answer is {@link Replicas}. Said to another supervisor in any case.
     *
     * @param id of the worker
     * @param key that it was given; empty if it holds none, which is not answered
     */
    record Replica(int id, String key) implements Message {
        /** The key is of no use in a log. */
        @Override
        public String toString() {
            return "Replica[id=" + id + "]";
        }
    }

    /** Another worker does not take copies of sessions any more, so it must not go on with old ones. */
    record ReplicaLost(int id) implements Message {}

    // From the supervisor to a worker.

    /** By which workers know each other, in hexadecimal digits. */
    record ReplicaKey(String key) implements Message {
        @Override
        public String toString() {
            return "ReplicaKey[]";
        }
    }

    /** Everybody else who holds copies of sessions now; who comes later introduces itself. */
    record Replicas(List<Replica> others) implements Message {
        public Replicas {
            others = List.copyOf(others);
        }
    }

    /** That worker does not hold copies any more. */
    record ReplicaGone(int id) implements Message {}

    /**
     * The answer to the {@link Hello} of an orphan.
     *
     * @param orphanMillis how long it may serve alone the next time
     */
    record Adopted(long orphanMillis) implements Message {}

    /**
     * What to run; the answer to {@link Hello}.
     *
     * @param slot the place of the worker; 0: none yet, it says {@link Ready} without taking clients, and waits for
     *     {@link TakeSlot}
     * @param listeners where clients come from, at least one; probes take the first
     * @param handover whether connections come to their sockets that the supervisor accepted, instead of the listening
     *     socket
     * @param loop whether requests run where they are polled
     * @param accessLog the one of all workers; null if there is none
     */
    record Start(
            int slot,
            int workers,
            int generation,
            String directory,
            List<Listener> listeners,
            boolean handover,
            Forwarding forwarding,
            boolean exposeWorker,
            boolean loop,
            long orphanMillis,
            List<Mount> mounts,
            Sessions sessions,
            @Nullable Installed installed,
            @Nullable AccessLog accessLog)
            implements Message {
        public Start {
            listeners = List.copyOf(listeners);
            mounts = List.copyOf(mounts);
        }
    }

    /**
     * The place of a spare worker from now on, which takes clients there and says {@link Ready} once more.
     *
     * @param slot from 1
     * @param workers how many are wanted
     * @param log the file of the slot's output; empty to write where it wrote before
     */
    record TakeSlot(int slot, int workers, String log) implements Message {}

    /**
     * What a worker on an installed Tomcat has to know that its {@code server.xml} does not say.
     *
     * @param logs directory of log files
     * @param strict whether an application that does not start keeps the worker from becoming ready
     */
    record Installed(String logs, boolean strict, List<Site> sites) {
        public Installed {
            sites = List.copyOf(sites);
        }
    }

    /** The file to which all workers append the lines of their requests, and the pattern of a line. */
    record AccessLog(String file, String pattern) {}

    /** The directory that workers use as the {@code appBase} of a virtual host. */
    record Site(String engine, String host, String directory) {}

    /**
     * Who is believed about a client, and in which words: attributes of the valve and of the connector.
     *
     * @param trust {@code trust}, for PROXY headers as for those of HTTP
     * @param headers the one family of HTTP headers that is read
     * @param proxyProtocol {@code off}, {@code required} or {@code mixed}
     */
    record Forwarding(String trust, String headers, String proxyProtocol) {}

    /**
     * A port of the cluster, as one worker sees it.
     *
     * @param port the one that is bound
     * @param intake the worker's own Unix socket, to be made by it
     * @param socket the Unix socket at which connections or the listening socket come; empty if they come to the intake
     * @param certificate with which TLS is spoken; null for plain HTTP
     */
    record Listener(
            int port,
            String intake,
            String socket,
            @Nullable Certificate certificate) {}

    /** The files of a certificate chain and of its private key. */
    record Certificate(String chain, String key) {}

    /**
     * Where sessions live.
     *
     * @param mode {@code auto}, {@code local}, {@code sticky}, {@code replicated}, {@code jdbc} or {@code redis}; the
     *     worker decides for each application what {@code auto} means there
     * @param url of the engine that keeps them, empty if none does
     */
    record Sessions(String mode, String url) {
        /** Without the URL, which may hold a password: texts end in logs. */
        @Override
        public String toString() {
            return "Sessions[mode=" + mode + "]";
        }
    }

    /** An application on disk, expanded, and where it is mounted. */
    record Mount(String contextPath, String directory) {}

    /**
     * Stop accepting, finish what is in flight, leave.
     *
     * @param drainMillis time for all of it
     * @param idleMillis how long an idle kept-alive connection is left open for a request on its way
     */
    record Stop(long drainMillis, long idleMillis) implements Message {}

    /**
     * Say what you are doing: requests in flight, heap, threads.
     *
     * @param toLog true: requests and heap are written to the worker's output, where a SIGQUIT will add the threads;
     *     false: all of it is the answer, {@link Dumped}
     */
    record Dump(boolean toLog) implements Message {}

    /**
     * With what TLS session tickets are encrypted by all workers: behind {@link Start} and {@link Adopted}, and whenever
     * there is a new one.
     *
     * @param keys the newest, with which new tickets are encrypted, first
     */
    record TicketKeys(List<TicketKey> keys) implements Message {
        public TicketKeys {
            keys = List.copyOf(keys);
        }
    }

    /**
     * One of them.
     *
     * @param number by which a ticket names it
     * @param secret 32 bytes in base 64
     * @param usedMillis for how long it may encrypt; below 0 no longer
     * @param knownMillis for how long there may be tickets that it decrypts
     */
    record TicketKey(int number, String secret, long usedMillis, long knownMillis) {
        /** Without the secret: texts end in logs. */
        @Override
        public String toString() {
            return "TicketKey[number=" + number + "]";
        }
    }

    // From an operator's command to the supervisor, and back.

    /** A command such as {@code scale} and what was typed behind it. */
    record Command(String name, List<String> arguments) implements Message {
        public Command {
            Objects.requireNonNull(name, "a command has a name");
            arguments = List.copyOf(arguments);
        }
    }

    /**
     * A step of a long command, for people; any number of them before the {@link Reply}.
     *
     * @param done how many of the steps are over
     * @param steps how many there are; 0 if that is not known
     */
    record Progress(String line, int done, int steps) implements Message {
        public Progress(String line) {
            this(line, 0, 0);
        }
    }

    /** The answer: an exit code of the contract, and what to print. */
    record Reply(int exitCode, String text) implements Message {}
}
