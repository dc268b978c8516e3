package dev.clowder.arquillian;

import java.io.IOException;
import java.time.Duration;

/**
 * Kills the worker that has answered, as {@code kill -9} does, while no other request is in flight, and lets the next request
 * wait until all workers are READY again. Thread-safe; its lock is held as long as that takes.
 */
final class KillBetweenRequests implements RequestRelay.Turns {
    private final ClusterControl cluster;
    private final Duration readyWithin;

    // Guarded by this, as is everything below.
    private int inFlight;
    private boolean killed;

    /**
     * Kills workers of this cluster.
     *
     * @param readyWithin how long a request waits for the successors at most
     */
    KillBetweenRequests(ClusterControl cluster, Duration readyWithin) {
        this.cluster = cluster;
        this.readyWithin = readyWithin;
    }

    @Override
    public synchronized void begin() throws IOException {
        if (killed) {
            awaitSuccessors();
            killed = false;
        }
        inFlight++;
    }

    private void awaitSuccessors() throws IOException {
        try {
            for (ClusterStatus.Worker worker : cluster.status().workers()) {
                // Five deaths in a minute look like a crash loop; the operator knows better.
                if (worker.state().equals("QUARANTINED")) {
                    cluster.restart(worker.slot());
                }
            }
            cluster.awaitReady(readyWithin);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while a worker was replaced", e);
        }
    }

    @Override
    public synchronized void end(int slot) {
        inFlight--;
        if (inFlight > 0 || slot == 0 || killed) {
            return;
        }
        try {
            // Also if nobody confirms it: the next request looks.
            killed = true;
            cluster.kill(slot);
        } catch (IOException | IllegalArgumentException e) {
            // The answer is fine; the next request fails if the cluster is in trouble.
            System.getLogger(KillBetweenRequests.class.getName())
                    .log(System.Logger.Level.WARNING, "can't kill the worker in slot " + slot, e);
        } catch (InterruptedException e) {
            // The relay is being closed.
            Thread.currentThread().interrupt();
        }
    }
}
