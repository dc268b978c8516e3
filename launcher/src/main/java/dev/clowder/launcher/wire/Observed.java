package dev.clowder.launcher.wire;

import java.util.List;
import java.util.Map;

/**
 * What a worker in a check has seen of its application, as JSON in the answer to the checker's own requests.
 *
 * @param slot of the worker
 * @param attributes of sessions that other workers can't have, or would not be told of
 * @param memory values in fields of the application's classes and in ServletContext attributes, by where they are
 * @param files written by the application
 * @param threads of the application that live
 * @param ports on which the application listens
 * @param leaks what remained when the applications were stopped; only in the answer to that
 * @param blind what could not be looked at, by the name of the component here, and why
 */
public record Observed(
        int slot,
        List<Attribute> attributes,
        Map<String, String> memory,
        List<FileWrite> files,
        List<AppThread> threads,
        List<Integer> ports,
        List<String> leaks,
        Map<String, String> blind) {
    /** The last among the leaks. */
    public static final String LOADER = "its class loader is still referred to";

    public Observed {
        attributes = List.copyOf(attributes);
        memory = Map.copyOf(memory);
        files = List.copyOf(files);
        threads = List.copyOf(threads);
        ports = List.copyOf(ports);
        leaks = List.copyOf(leaks);
        blind = Map.copyOf(blind);
    }

    /**
     * An attribute of a session.
     *
     * @param culprit class that can't be serialised; empty if the attribute was changed without {@code setAttribute}
     * @param request method and path
     */
    public record Attribute(String name, String type, String culprit, String request) {}

    /**
     * A file that the application wrote.
     *
     * @param by class and method of the application
     */
    public record FileWrite(String file, String by) {}

    /**
     * A thread.
     *
     * @param by class and method of the application that started it
     * @param recurring whether it waits for a time, as timers and schedulers do
     */
    public record AppThread(String name, String by, boolean recurring) {}
}
