package dev.clowder.launcher.admin;

import dev.clowder.launcher.supervisor.Status;
import io.vertx.core.Context;
import io.vertx.core.buffer.Buffer;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What there is to see of the cluster. The supervisor makes it when somebody looks, and only then: once for all who look
 * within half a second, and each form of it is written once. Belongs to the event loop, but for {@link #awake} and
 * {@link #serve}.
 */
final class Lookout {
    private static final long FRESH = TimeUnit.MILLISECONDS.toNanos(500);
    /** After which the supervisor's loop is taken for dead; it says each second that it turns. */
    private static final long STALE = TimeUnit.SECONDS.toNanos(10);

    /** More than there can be pages, and a supervisor that answers has them wait for milliseconds. */
    private static final int MAX_WAITING = 2 * Pages.MAX_PAGES;

    private final Context loop;
    /** Empty: nobody has asked yet, or the supervisor does not answer. */
    private final List<Consumer<Sight>> waiting = new ArrayList<>();

    private @Nullable Sight latest;
    private volatile @Nullable Commander cluster;
    /** A time; 0 before the first sign of life. */
    private volatile long awake;

    Lookout(Context loop) {
        this.loop = loop;
    }

    /** A status, and when it was made. */
    static final class Sight {
        final Status status;
        private final long at = System.nanoTime();
        private @Nullable Buffer frame;
        private @Nullable Buffer metrics;

        Sight(Status status) {
            this.status = status;
        }

        /** For the stream of a page. */
        Buffer frame() {
            Buffer made = frame;
            if (made == null) {
                made = Buffer.buffer(2048)
                        .appendString("event: status\ndata: ")
                        .appendBytes(status.pageJson())
                        .appendString("\n\n");
                frame = made;
            }
            return made;
        }

        /** For Prometheus. */
        Buffer metrics() throws IOException {
            Buffer made = metrics;
            if (made == null) {
                made = Buffer.buffer(Metrics.text(status));
                metrics = made;
            }
            return made;
        }
    }

    /** From now on there is this to be seen. */
    void serve(Commander served) {
        awake();
        cluster = served;
    }

    @Nullable
    Commander cluster() {
        return cluster;
    }

    /** The supervisor's loop turns. Any thread. */
    void awake() {
        awake = System.nanoTime();
    }

    /** For how many seconds the supervisor's loop has not turned, if that is too long; 0 if all is well. */
    long silentSeconds() {
        long age = System.nanoTime() - awake;
        return cluster != null && age > STALE ? TimeUnit.NANOSECONDS.toSeconds(age) : 0;
    }

    /**
     * Looks.
     *
     * @param look gets to see it, now or later on the event loop; never, if the supervisor does not turn any more
     * @return false if there is nothing to be seen yet, or too many look
     */
    @SuppressWarnings("FutureReturnValueIgnored") // A cluster that has ended shows nothing.
    boolean look(Consumer<Sight> look) {
        Commander seen = cluster;
        if (seen == null) {
            return false;
        }
        Sight known = latest;
        if (known != null && System.nanoTime() - known.at < FRESH) {
            look.accept(known);
            return true;
        }
        if (waiting.size() >= MAX_WAITING) {
            return false;
        }
        waiting.add(look);
        if (waiting.size() == 1) {
            seen.look().thenAccept(status -> loop.runOnContext(none -> show(new Sight(status))));
        }
        return true;
    }

    private void show(Sight sight) {
        latest = sight;
        List<Consumer<Sight>> all = List.copyOf(waiting);
        waiting.clear();
        all.forEach(look -> look.accept(sight));
    }
}
