package dev.clowder.launcher.supervisor;

import dev.clowder.launcher.wire.Message;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The signs of life of one ready worker: its beat over the control connection, and probes through its own data plane,
 * because a thread that beats survives a pool of stuck request threads. Not thread-safe; times are nanoseconds.
 */
final class Watch {
    static final long BEAT_LIMIT = TimeUnit.SECONDS.toNanos(5);
    static final long PROBE_EVERY = TimeUnit.SECONDS.toNanos(5);
    static final int MISSES = 3;

    private long lastBeat;
    private long nextProbe;
    private long requests;
    private int misses;
    private long firstMiss;
    private String problem = "";

    Watch(long now) {
        lastBeat = now;
        nextProbe = now + PROBE_EVERY;
    }

    /** A beat. A worker that finishes requests is busy, not stuck, whatever became of the probes. */
    void beat(Message.Load load, long now) {
        lastBeat = now;
        if (load.requests() > requests) {
            requests = load.requests();
            misses = 0;
        }
    }

    /** What came of a probe, null for a good answer. */
    void probed(@Nullable String newProblem, long now) {
        if (newProblem == null) {
            misses = 0;
            return;
        }
        if (misses == 0) {
            firstMiss = now;
        }
        misses++;
        problem = newProblem;
    }

    /** Whether it is time for a probe; once for each. */
    boolean takeProbe(long now) {
        if (now < nextProbe) {
            return false;
        }
        nextProbe = now + PROBE_EVERY;
        return true;
    }

    /** Why the worker must be doubted; null while all is well. */
    @Nullable
    String doubt(long now) {
        if (now - lastBeat > BEAT_LIMIT) {
            return "no beat for " + Text.seconds(now - lastBeat);
        }
        return misses >= MISSES ? misses + " probes in a row failed (" + problem + ")" : null;
    }

    /** For how long there has been no sign that all is well. */
    long silence(long now) {
        return now - Math.min(lastBeat, misses > 0 ? firstMiss : now);
    }

    /** The supervisor itself was away for this long: what it did not see in that time is nobody's fault. */
    void forgive(long gap) {
        lastBeat += gap;
        firstMiss += gap;
    }

    /** When something is due unless the worker is heard of before. */
    long next() {
        return Math.min(nextProbe, lastBeat + BEAT_LIMIT + 1);
    }
}
