package dev.clowder.launcher.worker.loop;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.catalina.util.ServerInfo;
import org.apache.coyote.Adapter;
import org.apache.juli.logging.Log;
import org.apache.juli.logging.LogFactory;
import org.apache.tomcat.util.net.NioChannel;
import org.apache.tomcat.util.net.NioEndpoint;
import org.apache.tomcat.util.net.SocketEvent;
import org.apache.tomcat.util.net.SocketWrapperBase;
import org.apache.tomcat.util.threads.ThreadPoolExecutor;
import org.jspecify.annotations.Nullable;

/**
 * Runs the requests of an endpoint on the thread that polls its connections, which saves two thread switches for each.
 *
 * <p>One of some threads leads: it polls, and runs what is ready itself, one after the other. When a request takes long,
 * another thread becomes the leader: before the request, if those before it on its path were slow; before it waits for
 * its client; or when the {@link Watchdog} sees it stuck. The request goes on where it is. A leader whom nobody can
 * replace runs nothing itself. Where slowness is the rule everything is dispatched to Tomcat's pool, as Tomcat does.
 *
 * <p>The endpoint asks in this order: {@link #prepare} before its start, {@link #start} behind it, {@link #stop} before its
 * stop. Everything else is safe for any number of threads at any time; while it {@link #isOn is not on}, nothing happens.
 */
final class CoreLoop {
    private static final Log LOG = LogFactory.getLog(CoreLoop.class);
    static final int MOST_THREADS = 32;
    /** Of the threads that the endpoint may have. */
    private static final int SHARE = 4;

    private final NioEndpoint endpoint;
    private final Watchdog.Ticks ticks;
    private final @Nullable Prediction prediction;
    private volatile @Nullable Run run;

    /** From one start of the endpoint to its stop. */
    private final class Run {
        private final Leadership leadership = new Leadership();
        private final Watchdog watchdog = new Watchdog(leadership, ticks, this::growIfPossible);
        private final CountDownLatch closed = new CountDownLatch(1);
        private final LoopPoller poller = new LoopPoller(endpoint, leadership, watchdog, this::close);
        private final int most;
        /** Guarded by this. */
        private final List<LoopThread> threads = new ArrayList<>();

        private volatile int size;
        private boolean refused;

        Run(int most) throws IOException {
            this.most = most;
        }

        synchronized void grow() {
            if (size < most && closed.getCount() > 0) {
                LoopThread thread = new LoopThread(leadership, this::work, endpoint.getName() + "-Loop-" + (size + 1));
                thread.setDaemon(endpoint.getDaemon());
                thread.setContextClassLoader(CoreLoop.class.getClassLoader());
                // First: one that could not be started must not be crowned.
                thread.start();
                threads.add(thread);
                size = threads.size();
                leadership.enlist(thread);
            }
        }

        /** One more thread would be better, but it goes without. Of the watchdog, who asks again and again. */
        private void growIfPossible() {
            try {
                grow();
                refused = false;
            } catch (OutOfMemoryError e) {
                if (refused) {
                    return;
                }
                refused = true;
                LOG.warn(endpoint.getName() + ": no further thread for the loop: " + e.getMessage());
            }
        }

        private void work() {
            LoopThread me = (LoopThread) Thread.currentThread();
            while (leadership.awaitTurn(me)) {
                poller.lead(me);
                leadership.enlist(me);
            }
        }

        private void close() {
            closed.countDown();
            watchdog.close();
            leadership.close();
        }

        synchronized List<LoopThread> threads() {
            return List.copyOf(threads);
        }

        /** As Tomcat knows it. Asked for here, since nobody but a run may need the class: it can't be loaded without its hooks. */
        NioEndpoint.Poller poller() {
            return poller;
        }

        /** How many requests run on its threads; the leader counts only while it runs one. */
        int busy() {
            int leading = Leadership.isRunning(leadership.look()) ? 0 : 1;
            return Math.max(0, size - leadership.waiting() - leading);
        }
    }

    /** @param prediction null for none: the watchdog alone sees what is slow */
    CoreLoop(NioEndpoint endpoint, Watchdog.Ticks ticks, @Nullable Prediction prediction) {
        this.endpoint = endpoint;
        this.ticks = ticks;
        this.prediction = prediction;
    }

    /** Makes the poller, unless Tomcat or its configuration stand against it; then a line in the log says why. */
    void prepare() throws IOException {
        run = null;
        LoopHooks.Hook missing = LoopHooks.missing();
        if (missing != null) {
            leave("Tomcat " + ServerInfo.getServerNumber() + " has no " + missing);
        } else if (endpoint.getExecutor() != null || endpoint.getUseVirtualThreads()) {
            leave("the connector has an executor of its own");
        } else if (endpoint.getMaxThreads() < 2 * SHARE) {
            leave("with less than " + 2 * SHARE + " threads (maxThreads) there are none to spare");
        } else {
            run = new Run(Math.min(MOST_THREADS, endpoint.getMaxThreads() / SHARE));
        }
    }

    private void leave(String why) {
        LOG.info(endpoint.getName() + ": requests go to threads of the pool, as in any Tomcat (--loop off): " + why);
    }

    /** Whether requests run here. */
    boolean isOn() {
        return run != null;
    }

    /** The poller of all connections; null if it is not on. */
    NioEndpoint.@Nullable Poller poller() {
        Run current = run;
        return current == null ? null : current.poller();
    }

    /** Takes its threads from the number that the endpoint's pool may have. Called when there is the pool. */
    void shareThreads() {
        Run current = run;
        if (current != null && endpoint.getExecutor() instanceof ThreadPoolExecutor pool) {
            // One of the loop's polls.
            int left = endpoint.getMaxThreads() - current.most + 1;
            pool.setCorePoolSize(Math.min(pool.getCorePoolSize(), left));
            pool.setMaximumPoolSize(left);
        }
    }

    /** Begins to poll. */
    void start() {
        Run current = run;
        if (current != null) {
            // One that leads and one that could.
            current.grow();
            current.grow();
            Thread watchdog = new Thread(null, current.watchdog, endpoint.getName() + "-LoopWatch", 0, false);
            watchdog.setDaemon(true);
            watchdog.start();
            current.leadership.open();
        }
    }

    /**
     * Closes all connections and ends the threads: those that run a request are interrupted, and left alone when Tomcat's
     * own patience with its pool is over.
     */
    void stop() {
        Run current = run;
        if (current == null) {
            return;
        }
        current.poller.shut();
        current.watchdog.notice();
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(endpoint.getExecutorTerminationTimeoutMillis());
        try {
            if (!current.closed.await(end - System.nanoTime(), TimeUnit.NANOSECONDS)) {
                LOG.warn(endpoint.getName() + ": the loop does not end");
            }
            List<LoopThread> threads = current.threads();
            threads.forEach(LoopThread::interrupt);
            for (LoopThread thread : threads) {
                join(thread, end);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void join(LoopThread thread, long end) throws InterruptedException {
        if (thread == Thread.currentThread()) {
            return;
        }
        thread.join(Math.max(1, TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime())));
        if (thread.isAlive()) {
            LOG.warn("a request does not end: " + thread.getName());
        }
    }

    /**
     * Whether an event of a connection waits for its turn on the loop. If not, Tomcat dispatches it.
     *
     * @see NioEndpoint#processSocket
     */
    boolean takes(SocketWrapperBase<NioChannel> connection, SocketEvent event) {
        Run current = run;
        return current != null
                && (prediction == null || !prediction.isSlownessTheRule())
                && current.poller.takes(connection, event);
    }

    /** Puts the loop's guesses in front of an adapter; without guesses it is that adapter. */
    Adapter adapter(Adapter next) {
        return prediction == null ? next : new LoopAdapter(next, prediction, this);
    }

    /** Whether the calling thread leads, while it runs a request. */
    boolean isLeader() {
        return Thread.currentThread() instanceof LoopThread me && me.ticket != 0;
    }

    /** If the calling thread leads, another one does from now on. For a request that is going to wait. */
    void handOn() {
        // It may be a thread of another port's loop, which sends something to a connection of this one.
        if (Thread.currentThread() instanceof LoopThread me) {
            me.leadership.handOn(me);
        }
    }

    /** How many threads it has. */
    int threads() {
        Run current = run;
        return current == null ? 0 : current.size;
    }

    /** How many of them run a request. */
    int busy() {
        Run current = run;
        return current == null ? 0 : current.busy();
    }
}
