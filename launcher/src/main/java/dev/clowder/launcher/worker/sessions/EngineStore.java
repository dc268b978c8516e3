package dev.clowder.launcher.worker.sessions;

import java.security.SecureRandom;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.apache.juli.logging.Log;
import org.apache.juli.logging.LogFactory;
import org.jspecify.annotations.Nullable;

/**
 * Sessions in an engine that workers of several machines share. Whoever has a session is written there with it, for 5 s,
 * and again while the request runs: the end of a worker gives its sessions back by itself. Only who is still written there
 * can store: one that was held up for too long is refused, so that no change is lost that somebody else made meanwhile.
 *
 * <p>While the engine does not answer nobody waits for it: one thread tries every 0.5 s, everybody else is refused at
 * once. Any thread.
 */
public final class EngineStore implements SessionStore {
    private static final Log LOG = LogFactory.getLog(EngineStore.class);
    /** For a request to wait for another one of its session. */
    private static final long WAIT_NANOS = TimeUnit.SECONDS.toNanos(20);

    private static final long FIRST_PAUSE = TimeUnit.MILLISECONDS.toNanos(1);
    private static final long LONGEST_PAUSE = TimeUnit.MILLISECONDS.toNanos(20);
    /** Long before somebody else may have it. */
    private static final long RENEW_NANOS = TimeUnit.MILLISECONDS.toNanos(Engine.LEASE_MILLIS / 4);

    private static final int FIRST_TRIES = 3;
    private static final long PROBE_NANOS = TimeUnit.MILLISECONDS.toNanos(500);
    /** A connection that was cut while nobody used it says so at once; then a new one may do. */
    private static final long AT_ONCE = TimeUnit.MILLISECONDS.toNanos(100);

    private static final String LATE =
            "a request was held up for so long that others have had its session: its changes are not stored";

    private final Engine engine;
    private final String shown;
    private final String holders;
    private final AtomicLong lastHolder = new AtomicLong();
    /** What this worker has: others of this worker need not ask the engine. */
    private final Map<String, EngineLease> leases = new ConcurrentHashMap<>();

    private final Thread housekeeper;
    private volatile boolean closed;
    /** Why nobody can be served; null while the engine answers. */
    private volatile @Nullable String down;
    /** Of {@link #down}: the nano time. Belongs to whoever has the lock of this object. */
    private long downSince;

    /**
     * The store of a {@code --sessions} URL.
     *
     * @throws SessionsUnavailableException when no driver knows it, or the engine does not let us in
     */
    public static EngineStore open(String url) throws SessionsUnavailableException {
        if (!url.startsWith("jdbc:")) {
            RedisAddress address = new RedisAddress(url);
            return new EngineStore(new RedisEngine(address), address.toString());
        }
        String shown = "the database (" + url.replaceFirst("(jdbc:[^:]*):.*", "$1") + ")";
        try {
            return new EngineStore(new JdbcEngine(url), shown);
        } catch (EngineException e) {
            throw new SessionsUnavailableException(shown + ": " + e.getMessage(), e);
        }
    }

    /**
     * Asks the engine. One that can't be reached will be there later; one that refuses us won't.
     *
     * @param shown the name of the engine for logs
     * @throws SessionsUnavailableException when the engine does not let us in
     */
    EngineStore(Engine engine, String shown) throws SessionsUnavailableException {
        this.engine = engine;
        this.shown = shown;
        byte[] random = new byte[9];
        new SecureRandom().nextBytes(random);
        holders = Base64.getUrlEncoder().encodeToString(random) + ".";
        housekeeper = new Thread(this::keepHouse, "sessions in " + shown);
        housekeeper.setDaemon(true);
        greet();
        housekeeper.start();
    }

    private void greet() {
        EngineException last = null;
        for (int i = 0; i < FIRST_TRIES; i++) {
            try {
                engine.probe();
                LOG.info("sessions are in " + shown);
                return;
            } catch (EngineException e) {
                if (e.kind() == EngineException.Kind.REFUSED) {
                    engine.close();
                    throw new SessionsUnavailableException(shown + ": " + e.getMessage(), e);
                }
                // The first connection of a process takes longer than any other.
                last = e;
            }
        }
        if (last != null) {
            goDown(last);
        }
    }

    private void keepHouse() {
        while (!closed) {
            LockSupport.parkNanos(down == null ? RENEW_NANOS : PROBE_NANOS);
            try {
                if (down != null) {
                    probe();
                }
                renew();
            } catch (RuntimeException e) {
                LOG.error(shown, e);
            }
        }
    }

    // What requests want

    @Override
    public Lease lease(String key) {
        return await(key, false);
    }

    @Override
    public Lease begin(String key) {
        return await(key, true);
    }

    private Lease await(String key, boolean begin) {
        long start = System.nanoTime();
        long pause = FIRST_PAUSE;
        for (EngineLease lease = attempt(key, begin); ; lease = attempt(key, begin)) {
            if (lease != null) {
                return lease;
            }
            if (System.nanoTime() - start > WAIT_NANOS) {
                throw new SessionsUnavailableException(
                        "another request has had the session for " + TimeUnit.NANOSECONDS.toSeconds(WAIT_NANOS) + " s");
            }
            // Not all at the same moment.
            LockSupport.parkNanos(pause / 2 + ThreadLocalRandom.current().nextLong(pause));
            pause = Math.min(2 * pause, LONGEST_PAUSE);
        }
    }

    @Override
    public @Nullable Lease tryLease(String key) {
        return attempt(key, false);
    }

    private @Nullable EngineLease attempt(String key, boolean begin) {
        EngineLease lease = new EngineLease(key, holders + lastHolder.incrementAndGet());
        if (leases.putIfAbsent(key, lease) != null) {
            return null;
        }
        boolean kept = false;
        try {
            Engine.Taken taken = take(lease, begin);
            lease.stored = taken.stored();
            lease.held = taken.outcome() == Engine.Outcome.TAKEN;
            kept = lease.held;
            return taken.outcome() == Engine.Outcome.HELD ? null : lease;
        } finally {
            if (!kept) {
                leases.remove(key, lease);
            }
        }
    }

    private Engine.Taken take(EngineLease lease, boolean begin) {
        long start = System.nanoTime();
        try {
            checkUp();
            return engine.take(lease.key, lease.holder, begin);
        } catch (EngineException e) {
            if (e.kind() != EngineException.Kind.UNREACHABLE || System.nanoTime() - start > AT_ONCE) {
                throw unavailable(e);
            }
        }
        engine.forget();
        return ask(() -> engine.take(lease.key, lease.holder, begin));
    }

    @Override
    public @Nullable StoredSession peek(String key) {
        // Not with ask(), whose answers are never null.
        try {
            checkUp();
            return engine.peek(key);
        } catch (EngineException e) {
            throw unavailable(e);
        }
    }

    @Override
    public List<String> idle(String prefix, long now) {
        return ask(() -> engine.idle(prefix, now));
    }

    /** Something to ask the engine. */
    private interface Question<T> {
        T ask() throws EngineException;
    }

    private <T> T ask(Question<T> question) {
        try {
            checkUp();
            return question.ask();
        } catch (EngineException e) {
            throw unavailable(e);
        }
    }

    private void checkUp() {
        String why = down;
        if (why != null) {
            throw new SessionsUnavailableException(why);
        }
    }

    private SessionsUnavailableException unavailable(EngineException e) {
        if (e.kind() == EngineException.Kind.FAILED) {
            LOG.error(shown + ": " + e.getMessage());
        } else {
            goDown(e);
        }
        return new SessionsUnavailableException(shown + ": " + e.getMessage(), e);
    }

    // While it is away

    private synchronized void goDown(EngineException e) {
        if (down == null) {
            downSince = System.nanoTime();
            engine.forget();
            LOG.error(shown + ": " + e.getMessage() + "; requests that need a session are refused until it answers");
            down = shown + " does not answer: " + e.getMessage();
            // Perhaps only one connection was cut.
            LockSupport.unpark(housekeeper);
        }
    }

    private void probe() {
        try {
            engine.probe();
            synchronized (this) {
                down = null;
                LOG.warn(shown + " answers again after " + TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - downSince)
                        + " ms");
            }
        } catch (EngineException e) {
            LOG.debug(shown + " does not answer yet", e);
        }
    }

    private void renew() {
        for (EngineLease lease : leases.values()) {
            try {
                if (down == null && lease.held) {
                    engine.renew(lease.key, lease.holder);
                }
            } catch (EngineException e) {
                // Of this one; the others need it too.
                unavailable(e);
            }
        }
    }

    @Override
    public void close() {
        closed = true;
        LockSupport.unpark(housekeeper);
        engine.close();
    }

    /** The engine lets go of a session with the change that was made to it. */
    private final class EngineLease implements Lease {
        private final String key;
        private final String holder;
        private @Nullable StoredSession stored;
        /** Whether this worker is written there. */
        private volatile boolean held;

        EngineLease(String key, String holder) {
            this.key = key;
            this.holder = holder;
        }

        @Override
        public @Nullable StoredSession stored() {
            return stored;
        }

        @Override
        public void save(byte[] data, long accessed, int inactiveSeconds) {
            // Any other one than before.
            long version = ThreadLocalRandom.current().nextLong(1, Long.MAX_VALUE);
            StoredSession next = new StoredSession(version, accessed, inactiveSeconds, data);
            change(() -> engine.save(key, holder, next));
            stored = next;
        }

        @Override
        public void touch(long accessed, int inactiveSeconds) {
            change(() -> engine.touch(key, holder, accessed, inactiveSeconds));
        }

        @Override
        public void remove() {
            // What is not there can't be held.
            if (held) {
                change(() -> engine.remove(key, holder));
            }
        }

        private void change(Question<Boolean> question) {
            boolean done = ask(question);
            held = false;
            if (!done) {
                LOG.warn(LATE);
                throw new SessionsUnavailableException(LATE);
            }
        }

        @Override
        public void close() {
            try {
                if (held && down == null) {
                    engine.release(key, holder);
                }
            } catch (EngineException e) {
                // It is free when its time is over.
                unavailable(e);
            } finally {
                held = false;
                leases.remove(key, this);
            }
        }
    }
}
