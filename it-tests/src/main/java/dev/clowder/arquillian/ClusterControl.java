package dev.clowder.arquillian;

import java.io.IOException;
import java.net.URI;
import java.time.Duration;

/**
 * The cluster that a deployment runs on, in the hands of a test: an {@code @ArquillianResource}, as a field or a parameter;
 * with several deployments {@code @OperateOnDeployment} says which. Every method works on the client's side, that is in
 * tests with {@code @RunAsClient} or of a deployment that is not testable; inside a worker a test may be given it, and each
 * method throws {@link UnsupportedOperationException}. Safe for use by several threads.
 */
public interface ClusterControl {
    /**
     * Asks the cluster for its status.
     *
     * @throws IOException if it does not answer
     */
    ClusterStatus status() throws IOException;

    /**
     * Waits until all workers are READY, for example after {@link #kill}.
     *
     * @return the status that says so
     * @throws IOException if the launcher ends before that, or the time is over; the message has the launcher's own
     *     line and the last part of its output
     */
    ClusterStatus awaitReady(Duration atMost) throws IOException, InterruptedException;

    /**
     * Kills the worker in a slot, as {@code kill -9} does, and returns when the launcher has seen its death. Its successor
     * starts at once, or, when workers of this slot were killed just before, some seconds later: see {@link #awaitReady}.
     *
     * @param slot 1 to the number of workers
     * @throws IOException if there is no process in that slot at the moment
     * @throws IllegalArgumentException if there is no such slot
     */
    void kill(int slot) throws IOException, InterruptedException;

    /**
     * Replaces all workers one by one, as {@code clowder reload} does, and returns when that is done: some five seconds
     * for each.
     *
     * @throws IOException with the launcher's words if the new workers do not start, and the old ones serve on
     */
    void reload() throws IOException;

    /**
     * Replaces the worker in a slot by a new one, as {@code clowder restart} does: the old one finishes its requests, and
     * hands over its sessions. Returns when that is done.
     *
     * @throws IOException with the launcher's words if the new worker does not start, and the old one serves on
     */
    void restart(int slot) throws IOException;

    /** Returns what the threads and requests of a worker are doing, as {@code clowder threads} prints it. */
    String threads(int slot) throws IOException;

    /** Returns the last part of what the launcher and its workers wrote, at most a million characters. */
    String output();

    /** Returns the address of the cluster, as an injected URL has it, with another path: {@code /shop/cart}. */
    URI uri(String path);
}
