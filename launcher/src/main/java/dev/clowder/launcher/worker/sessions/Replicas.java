package dev.clowder.launcher.worker.sessions;

import dev.clowder.launcher.wire.Message;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import org.apache.juli.logging.Log;
import org.apache.juli.logging.LogFactory;
import org.jspecify.annotations.Nullable;

/**
 * A copy of every session in every worker. Whoever has the lock of a session changes it: here, then in all others, which
 * answer when they have it, and then lets go. So whoever gets the lock next has the newest copy itself.
 *
 * <p>A new worker joins before it takes clients: it hears of the others from the supervisor, asks each for what it has
 * and will change, and is ready when all have told it. When a worker was killed in the middle of a change, the next one
 * with that lock asks all others and brings everybody to the newest version that any of them has.
 *
 * <p>Legal order: {@link #join} once, before anything of {@link SessionStore}. Any thread.
 */
public final class Replicas implements SessionStore {
    private static final Log LOG = LogFactory.getLog(Replicas.class);
    /** For a request to wait for another one of its session. */
    private static final long LEASE_MILLIS = 20_000;
    /** For the supervisor to answer, and for others to tell what they have. */
    private static final long JOIN_SECONDS = 60;

    /** Of this worker, which can't tell anybody. */
    private static final int ATTEMPTS = 3;
    /** A session that is gone is remembered so long: no older copy of it is on its way any more. */
    private static final long REMEMBER_MILLIS = 600_000;

    private final int id;
    private final Consumer<Message> supervisor;
    private final Path directory;
    private final Path lockFile;
    private final Map<String, ReplicaFrame.Entry> entries = new ConcurrentHashMap<>();
    /**
     * Uses of sessions whose data is not here yet: whoever is joining may hear of a use before it is told the session, which
     * was read before that. The newest of each session; each is looked at in a computation of its entry only.
     */
    private final Map<String, ReplicaFrame.Entry> early = new ConcurrentHashMap<>();
    /** Everybody else, by id. */
    private final Set<Integer> others = ConcurrentHashMap.newKeySet();
    /** Those that have not told everything yet. */
    private final Set<Integer> telling = ConcurrentHashMap.newKeySet();
    /** Those that this worker has lost, until the supervisor says that they are gone: it may not have heard it. */
    private final Set<Integer> lost = ConcurrentHashMap.newKeySet();

    private final CompletableFuture<String> key = new CompletableFuture<>();
    /** When the others are. */
    private final CompletableFuture<Void> known = new CompletableFuture<>();

    private final CompletableFuture<Void> complete = new CompletableFuture<>();
    /** Made when it is needed: most workers have nobody to tell. */
    private volatile @Nullable ReplicaChannel channel;

    private @Nullable SessionLocks locks;

    /**
     * @param id of this worker
     * @param supervisor told what it has to know, by any thread
     * @param directory of the cluster, in which nobody else may look
     * @param lockFile a name in it, the same for all workers
     */
    public Replicas(int id, Consumer<Message> supervisor, Path directory, String lockFile) {
        this.id = id;
        this.supervisor = supervisor;
        this.directory = directory;
        this.lockFile = directory.resolve(lockFile);
    }

    /**
     * Becomes one of them; without effect the second time. After a failure it goes on where it was.
     *
     * @throws IOException when that is not possible, or takes too long
     */
    public synchronized void join() throws IOException {
        if (locks != null) {
            return;
        }
        if (channel == null) {
            supervisor.accept(new Message.JoinReplicas());
            ReplicaChannel begun = new ReplicaChannel(directory, id, this::heard);
            String secret = await(key, "the key");
            start(begun, secret);
            channel = begun;
            supervisor.accept(new Message.Replica(id, secret));
        }
        await(known, "the other workers");
        for (int other : List.copyOf(others)) {
            answer(new ReplicaFrame(ReplicaFrame.Kind.JOIN, id, "", null), other);
        }
        completeIfAllTold();
        await(complete, "copies of sessions");
        locks = new SessionLocks(lockFile);
        LOG.info("copies of sessions: " + entries.size() + " here, shared with " + others.size() + " workers");
    }

    private static <T> T await(CompletableFuture<T> future, String what) throws IOException {
        try {
            return future.get(JOIN_SECONDS, TimeUnit.SECONDS);
        } catch (TimeoutException e) {
            throw new IOException(what + " did not come within " + JOIN_SECONDS + " s", e);
        } catch (ExecutionException e) {
            throw new IOException(e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    private void completeIfAllTold() {
        if (telling.isEmpty()) {
            complete.complete(null);
        }
    }

    // What the supervisor says

    /** Takes an order in, if it is about this. */
    public void obey(Message order) {
        if (order instanceof Message.ReplicaKey given) {
            key.complete(given.key());
        } else if (order instanceof Message.Replicas members && !known.isDone()) {
            // Here, before the next order, which may be that one of them is gone.
            for (Message.Replica other : members.others()) {
                others.add(other.id());
                telling.add(other.id());
            }
            known.complete(null);
        } else if (order instanceof Message.ReplicaGone gone) {
            lost.remove(gone.id());
            drop(gone.id());
        } else if (order instanceof Message.Adopted) {
            supervisor.accept(new Message.Replica(id, channel == null ? "" : key.join()));
            lost.forEach(other -> supervisor.accept(new Message.ReplicaLost(other)));
        }
    }

    /** Its threads outlive the application that is being started, whose class loader this thread has. */
    private static void start(ReplicaChannel channel, String secret) throws IOException {
        Thread thread = Thread.currentThread();
        ClassLoader application = thread.getContextClassLoader();
        thread.setContextClassLoader(Replicas.class.getClassLoader());
        try {
            channel.start(secret);
        } finally {
            thread.setContextClassLoader(application);
        }
    }

    private void drop(int other) {
        others.remove(other);
        telling.remove(other);
        if (known.isDone()) {
            completeIfAllTold();
        }
    }

    // What other workers say

    private void heard(ReplicaFrame frame) {
        ReplicaFrame.Entry entry = frame.entry();
        switch (frame.kind()) {
            case COPY -> {
                if (entry != null) {
                    entries.compute(frame.key(), (key, mine) -> copied(key, mine, entry));
                }
            }
            case TOUCH -> {
                if (entry != null) {
                    entries.compute(frame.key(), (key, mine) -> touched(key, mine, entry));
                }
            }
            case JOIN -> {
                others.add(frame.sender());
                Thread teller = new Thread(() -> tellAll(frame.sender()), "copies for worker " + frame.sender());
                teller.setDaemon(true);
                teller.start();
            }
            case ALL_TOLD -> {
                telling.remove(frame.sender());
                completeIfAllTold();
            }
            case ASK -> {
                for (Map.Entry<String, ReplicaFrame.Entry> asked : ofSameLock(frame.key())) {
                    answer(
                            new ReplicaFrame(ReplicaFrame.Kind.COPY, id, asked.getKey(), asked.getValue()),
                            frame.sender());
                }
            }
        }
    }

    /** A lock that was left in a change does not say of which session, if several have that one. */
    private List<Map.Entry<String, ReplicaFrame.Entry>> ofSameLock(String sessionKey) {
        int place = SessionLocks.place(sessionKey);
        return entries.entrySet().stream()
                .filter(entry -> SessionLocks.place(entry.getKey()) == place)
                .toList();
    }

    private ReplicaFrame.Entry copied(String key, ReplicaFrame.@Nullable Entry mine, ReplicaFrame.Entry told) {
        if (mine != null && mine.version() >= told.version()) {
            return mine;
        }
        ReplicaFrame.Entry use = early.get(key);
        if (use != null && use.dataVersion() <= told.dataVersion()) {
            early.remove(key);
            if (use.dataVersion() == told.dataVersion() && use.version() > told.version()) {
                return used(told, use);
            }
        }
        return told;
    }

    private ReplicaFrame.@Nullable Entry touched(
            String key, ReplicaFrame.@Nullable Entry mine, ReplicaFrame.Entry told) {
        if (mine == null || mine.dataVersion() < told.dataVersion()) {
            early.merge(key, told, (one, other) -> one.version() > other.version() ? one : other);
            return mine;
        }
        return mine.dataVersion() == told.dataVersion() && mine.version() < told.version() ? used(mine, told) : mine;
    }

    private static ReplicaFrame.Entry used(ReplicaFrame.Entry session, ReplicaFrame.Entry use) {
        return new ReplicaFrame.Entry(
                use.version(), use.dataVersion(), use.accessed(), use.inactiveSeconds(), session.data());
    }

    private void tellAll(int other) {
        for (Map.Entry<String, ReplicaFrame.Entry> entry : entries.entrySet()) {
            answer(new ReplicaFrame(ReplicaFrame.Kind.COPY, id, entry.getKey(), entry.getValue()), other);
        }
        answer(new ReplicaFrame(ReplicaFrame.Kind.ALL_TOLD, id, "", null), other);
    }

    /** Whoever waits for it waits with a sender of its own: this one must not wait for one here. */
    private void answer(ReplicaFrame frame, int other) {
        if (others.contains(other)) {
            spread(Set.of(other), to -> channel().answer(frame, to));
        }
    }

    private void spread(ReplicaFrame frame) {
        spread(others, to -> channel().send(frame, to));
    }

    /** Tells some workers something, and returns those that have not taken it in, perhaps. */
    private interface Way {
        Set<Integer> tell(Set<Integer> workers) throws IOException;
    }

    /**
     * Returns when all have taken it in. Who does not, twice, is no longer one of us: the supervisor ends that worker, so
     * that it does not go on with old copies.
     */
    private void spread(Set<Integer> to, Way way) {
        Set<Integer> left = new HashSet<>(to);
        Set<Integer> failed = new HashSet<>();
        int untold = 0;
        while (true) {
            left.retainAll(others);
            if (left.isEmpty()) {
                return;
            }
            try {
                left.retainAll(way.tell(left));
                for (int other : left) {
                    if (!failed.add(other)) {
                        lose(other);
                    }
                }
            } catch (IOException e) {
                untold++;
                if (untold == ATTEMPTS) {
                    throw new SessionsUnavailableException("other workers can't be told of a session", e);
                }
            }
        }
    }

    private ReplicaChannel channel() {
        ReplicaChannel begun = channel;
        if (begun == null) {
            throw new IllegalStateException("not joined");
        }
        return begun;
    }

    private void lose(int other) {
        boolean first = others.contains(other) && lost.add(other);
        drop(other);
        if (first) {
            LOG.warn("worker " + other + " does not take copies of sessions");
            supervisor.accept(new Message.ReplicaLost(other));
        }
    }

    // What this worker's requests want

    @Override
    public Lease lease(String sessionKey) {
        return settled(sessionKey, locks().hold(sessionKey, LEASE_MILLIS));
    }

    @Override
    public @Nullable Lease tryLease(String sessionKey) {
        SessionLocks.Held held = locks().tryHold(sessionKey);
        return held == null ? null : settled(sessionKey, held);
    }

    private Lease settled(String sessionKey, SessionLocks.Held held) {
        boolean usable = false;
        try {
            if (held.torn()) {
                // What they have comes before they answer.
                spread(new ReplicaFrame(ReplicaFrame.Kind.ASK, id, sessionKey, null));
                for (Map.Entry<String, ReplicaFrame.Entry> newest : ofSameLock(sessionKey)) {
                    spread(new ReplicaFrame(ReplicaFrame.Kind.COPY, id, newest.getKey(), newest.getValue()));
                }
                held.done();
            }
            usable = true;
            return new CopyLease(sessionKey, held);
        } finally {
            if (!usable) {
                held.release();
            }
        }
    }

    private SessionLocks locks() {
        SessionLocks joined = locks;
        if (joined == null) {
            throw new IllegalStateException("not joined");
        }
        return joined;
    }

    @Override
    public @Nullable StoredSession peek(String sessionKey) {
        return stored(entries.get(sessionKey));
    }

    private static @Nullable StoredSession stored(ReplicaFrame.@Nullable Entry entry) {
        byte[] data = entry == null ? null : entry.data();
        return entry == null || data == null
                ? null
                : new StoredSession(entry.dataVersion(), entry.accessed(), entry.inactiveSeconds(), data);
    }

    @Override
    public List<String> idle(String prefix, long now) {
        // Of a session that was ended before it was told.
        early.values().removeIf(use -> now - use.accessed() > REMEMBER_MILLIS);
        List<String> idle = new ArrayList<>();
        entries.forEach((sessionKey, entry) -> {
            if (entry.data() == null) {
                if (now - entry.accessed() > REMEMBER_MILLIS) {
                    entries.remove(sessionKey, entry);
                }
            } else if (sessionKey.startsWith(prefix)
                    && StoredSession.isOver(entry.accessed(), entry.inactiveSeconds(), now)) {
                idle.add(sessionKey);
            }
        });
        return idle;
    }

    @Override
    public void close() {
        ReplicaChannel begun = channel;
        if (begun != null) {
            begun.stop();
        }
        if (locks != null) {
            locks.close();
        }
    }

    private final class CopyLease implements Lease {
        private final String key;
        private final SessionLocks.Held held;

        CopyLease(String key, SessionLocks.Held held) {
            this.key = key;
            this.held = held;
        }

        @Override
        public @Nullable StoredSession stored() {
            return Replicas.stored(entries.get(key));
        }

        @Override
        public void save(byte[] data, long accessed, int inactiveSeconds) {
            long next = version() + 1;
            change(ReplicaFrame.Kind.COPY, new ReplicaFrame.Entry(next, next, accessed, inactiveSeconds, data));
        }

        @Override
        public void touch(long accessed, int inactiveSeconds) {
            ReplicaFrame.Entry before = entries.get(key);
            if (before != null && before.data() != null) {
                change(
                        ReplicaFrame.Kind.TOUCH,
                        new ReplicaFrame.Entry(
                                before.version() + 1, before.dataVersion(), accessed, inactiveSeconds, before.data()));
            }
        }

        @Override
        public void remove() {
            ReplicaFrame.Entry before = entries.get(key);
            if (before != null && before.data() != null) {
                long next = before.version() + 1;
                change(ReplicaFrame.Kind.COPY, new ReplicaFrame.Entry(next, next, System.currentTimeMillis(), 0, null));
            }
        }

        private long version() {
            ReplicaFrame.Entry before = entries.get(key);
            // Above all that others may remember of a session that is gone and had the same id.
            return before == null ? System.currentTimeMillis() : before.version();
        }

        private void change(ReplicaFrame.Kind kind, ReplicaFrame.Entry next) {
            held.begin();
            entries.put(key, next);
            spread(new ReplicaFrame(kind, id, key, next));
            held.done();
        }

        @Override
        public void close() {
            held.release();
        }
    }
}
