package dev.clowder.benchmark;

import java.util.Arrays;
import java.util.List;

/**
 * What is asked of a system.
 *
 * @param name for {@code -Dbenchmark.workloads}
 * @param title for people
 * @param sessions whose cookies the requests have
 * @param paths asked for at random, one as often as any other
 * @param clients requests at the same time, at most
 * @param rate of the greatest fixed rate of the run; 0 to ask as fast as answers come
 * @param heap megabytes of heap for all processes of a system together; 0 for what they take themselves
 */
record Workload(
        String name, String title, Way way, Sessions sessions, List<String> paths, int clients, double rate, int heap) {
    /** Of the clients. */
    enum Sessions {
        NONE,
        /** Each connection is that of one user: it sends the cookie that an answer gave it, also over its next connection. */
        OWN,
        /** Each request is that of any of some users, as over the pooled connections of a proxy. */
        SHARED
    }

    /** How requests travel. */
    enum Way {
        /** HTTP/1.1, one request after the other on a connection for as long as the server keeps it. */
        KEPT_ALIVE,
        /** HTTP/1.1 with {@code Connection: close}, over until the server has closed. */
        CONNECTION_EACH,
        /** As {@link #KEPT_ALIVE}, encrypted. */
        TLS,
        /** Encrypted, eight requests at the same time on a connection. */
        HTTP2;

        boolean encrypted() {
            return this == TLS || this == HTTP2;
        }
    }

    private static final int CLIENTS = 64;
    private static final int LIMITED_HEAP = 512;

    static final List<Workload> ALL = List.of(
            // First, since at a fixed rate JVMs that have compiled nothing yet would be compared for minutes.
            saturating("hello-max", "5 bytes, kept alive", "/hello"),
            fixed("hello", "5 bytes, kept alive", Way.KEPT_ALIVE, 1, "/hello"),
            new Workload(
                    "connect",
                    "5 bytes, a connection per request",
                    Way.CONNECTION_EACH,
                    Sessions.NONE,
                    List.of("/hello"),
                    32,
                    0,
                    0),
            saturating("64k", "64 kB", "/bytes"),
            fixed("json", "JSON of 2 kB, 5 % of the objects live 5 s", Way.KEPT_ALIVE, 0.5, "/json"),
            saturating("sleep", "each request sleeps 5 ms", "/sleep5"),
            fixed("mixed", "95 % hello, 5 % sleep 20 ms on another path", Way.KEPT_ALIVE, 0.5, mixed()),
            saturating("mixed-max", "95 % hello, 5 % sleep 20 ms on another path", mixed()),
            saturating("mixed-same", "95 % hello, 5 % sleep 20 ms on the same path", "/sometimes"),
            saturating("cpu", "2 ms of processor time", "/cpu"),
            saturating("lock", "1 ms of processor time under one lock of the process", "/lock"),
            fixed("tls", "5 bytes, kept alive, TLS", Way.TLS, 0.5, "/hello"),
            fixed("http2", "5 bytes, HTTP/2 over TLS", Way.HTTP2, 0.5, "/hello"),
            new Workload(
                    "json-heap",
                    "as json, with a heap of " + LIMITED_HEAP + " MB for the whole system",
                    Way.KEPT_ALIVE,
                    Sessions.NONE,
                    List.of("/json"),
                    CLIENTS,
                    0.5,
                    LIMITED_HEAP),
            session("session", "5 bytes and a counter in the session of the connection", Sessions.OWN, "/session"),
            session(
                    "session-pooled",
                    "the same, any of 64 sessions over each connection",
                    Sessions.SHARED,
                    "/session-known"));

    /** What a run measures that asks for nothing else: all but sessions. */
    static final List<Workload> USUAL =
            ALL.stream().filter(one -> one.sessions == Sessions.NONE).toList();

    private static Workload session(String name, String title, Sessions sessions, String path) {
        return new Workload(name, title, Way.KEPT_ALIVE, sessions, List.of(path), CLIENTS, 0, 0);
    }

    private static Workload fixed(String name, String title, Way way, double rate, String... paths) {
        return new Workload(name, title, way, Sessions.NONE, List.of(paths), CLIENTS, rate, 0);
    }

    private static Workload saturating(String name, String title, String... paths) {
        return new Workload(name, title, Way.KEPT_ALIVE, Sessions.NONE, List.of(paths), CLIENTS, 0, 0);
    }

    private static String[] mixed() {
        String[] paths = new String[20];
        Arrays.fill(paths, "/hello");
        paths[0] = "/sleep20";
        return paths;
    }

    /** Whether requests come at a fixed rate, so that the time that answers take can be compared. */
    boolean isFixed() {
        return rate > 0;
    }
}
