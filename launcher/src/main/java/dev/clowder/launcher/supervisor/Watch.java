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

    private static final long LOOK_EVERY = TimeUnit.SECONDS.toNanos(1);

    private long lastBeat;
    private long nextProbe;
    private long requests;
    private int misses;
    private long firstMiss;
    private int badAnswers;
    private long firstBadAnswer;
    private boolean answeredWell;
    private String problem = "";

    Watch(long now) {
        lastBeat = now;
        nextProbe = now + PROBE_EVERY;
    }

    /**
     * A beat. A worker that finishes requests is busy, not stuck, if probes had no answer; answers that were bad stay so,
     * for each of them is a finished request too.
     */
    void beat(Message.Load load, long now) {
        lastBeat = now;
        if (load.requests() > requests) {
            requests = load.requests();
            misses = 0;
        }
    }

    /** What came of a probe. */
    void probed(Event.Probed probed, long now) {
        switch (probed.finding()) {
            case WELL -> {
                misses = 0;
                badAnswers = 0;
                answeredWell = true;
            }
            case ILL -> {
                firstBadAnswer = badAnswers == 0 ? now : firstBadAnswer;
                badAnswers++;
                misses = 0;
                problem = probed.problem();
            }
            case SILENT -> {
                firstMiss = misses == 0 ? now : firstMiss;
                misses++;
                problem = probed.problem();
            }
        }
    }

    /** Whether the last answer to a probe was a good one. */
    boolean well() {
        return answeredWell && badAnswers == 0;
    }

    /** Whether it answers, and says that it is not well. */
    boolean ill() {
        return badAnswers > 0 && misses == 0;
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
        int failed = Math.max(misses, badAnswers);
        return failed >= MISSES ? failed + " probes in a row failed (" + problem + ")" : null;
    }

    /** For how long there has been no sign that all is well. */
    long silence(long now) {
        long problems = Math.min(misses > 0 ? firstMiss : now, badAnswers > 0 ? firstBadAnswer : now);
        return now - Math.min(lastBeat, problems);
    }

    /** The supervisor itself was away for this long: what it did not see in that time is nobody's fault. */
    void forgive(long gap) {
        lastBeat += gap;
        firstMiss += gap;
        firstBadAnswer += gap;
    }

    /** When something is due unless the worker is heard of before; of one without a beat, when to look at it again. */
    long next(long now) {
        long doubtful = lastBeat + BEAT_LIMIT + 1;
        return Math.min(nextProbe, doubtful > now ? doubtful : now + LOOK_EVERY);
    }
}
