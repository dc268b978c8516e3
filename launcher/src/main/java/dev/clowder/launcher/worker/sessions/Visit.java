package dev.clowder.launcher.worker.sessions;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.catalina.Session;
import org.apache.coyote.Response;
import org.jspecify.annotations.Nullable;

/**
 * The sessions that one request has at the moment, and nobody else: it gets each when it first asks, whoever asks on its
 * behalf, and gives all back when it ends. Bound to the thread between {@link #begin} and {@link #end}.
 */
final class Visit {
    /** A use of a session is stored when it is so much later than the last one that was. */
    private static final long TOUCH_MILLIS = 1_000;

    private static final ThreadLocal<@Nullable Visit> CURRENT = new ThreadLocal<>();

    private final List<Use> uses = new ArrayList<>(1);
    private final @Nullable Response answer;
    private @Nullable HeldEnd end;
    private volatile boolean refused;

    private Visit(@Nullable Response answer) {
        this.answer = answer;
    }

    /** One session of this request. */
    private static final class Use {
        final SharedSessions manager;
        final SharedSession session;
        final List<SessionStore.Lease> former = new ArrayList<>(0);
        String id;
        SessionStore.Lease lease;

        Use(SharedSessions manager, SharedSession session, String id, SessionStore.Lease lease) {
            this.manager = manager;
            this.session = session;
            this.id = id;
            this.lease = lease;
        }
    }

    /** The one of this thread; null outside a request. */
    static @Nullable Visit current() {
        return CURRENT.get();
    }

    /**
     * Null within a request that has begun already.
     *
     * @param answer of the request; its end is held back once the request has asked for a session
     */
    static @Nullable Visit begin(Response answer) {
        if (CURRENT.get() != null) {
            return null;
        }
        Visit visit = new Visit(answer);
        CURRENT.set(visit);
        return visit;
    }

    /** Whether a session could not be had. */
    boolean refused() {
        return refused;
    }

    /** The sessions that this request has, to have them again when it goes on later. */
    List<SharedSession> sessions() {
        return uses.stream().map(use -> use.session).toList();
    }

    boolean has(Session session) {
        return uses.stream().anyMatch(use -> use.session == session);
    }

    /** The session of this id, alone; null if there is none. */
    @Nullable
    SharedSession find(SharedSessions manager, String id) {
        return find(manager, id, null);
    }

    /**
     * A session that this request had before, alone. The request goes on with this object, whichever one others of this
     * worker have had meanwhile.
     */
    void haveAgain(SharedSession session) {
        if (find((SharedSessions) session.getManager(), session.getIdInternal(), session) == null) {
            // Others have ended it.
            session.setValid(false);
        }
    }

    private @Nullable SharedSession find(SharedSessions manager, String id, @Nullable SharedSession had) {
        for (Use use : uses) {
            if (use.manager == manager && use.id.equals(id)) {
                return use.session.alive() ? use.session : null;
            }
        }
        SessionStore.Lease lease = lease(manager, id, false);
        boolean used = false;
        try {
            StoredSession stored = lease.stored();
            if (stored == null) {
                manager.forget(id);
                return null;
            }
            SharedSession session = manager.current(id, stored, had);
            if (session == null) {
                lease.remove();
                return null;
            }
            uses.add(new Use(manager, session, id, lease));
            used = true;
            return session;
        } catch (SessionsUnavailableException e) {
            refused = true;
            throw e;
        } finally {
            if (!used) {
                lease.close();
            }
        }
    }

    private SessionStore.Lease lease(SharedSessions manager, String id, boolean begin) {
        if (end == null && answer != null) {
            end = HeldEnd.of(answer, () -> refused);
        }
        try {
            return manager.lease(id, begin);
        } catch (SessionsUnavailableException e) {
            refused = true;
            throw e;
        }
    }

    /** A new session: others wait for it to be stored. Outside a request it is stored at once. */
    static void begun(SharedSessions manager, SharedSession session) {
        Visit current = CURRENT.get();
        Visit visit = current == null ? new Visit(null) : current;
        String id = session.getIdInternal();
        visit.uses.add(new Use(manager, session, id, visit.lease(manager, id, true)));
        if (current == null) {
            try {
                visit.end();
            } catch (IOException e) {
                throw new SessionsUnavailableException("a new session can't be stored", e);
            }
        }
    }

    /** The session of this request gets another id, before it has it; without a request nothing can be promised. */
    static void renamed(SharedSessions manager, SharedSession session, String newId) {
        Visit visit = CURRENT.get();
        if (visit == null) {
            return;
        }
        for (Use use : visit.uses) {
            if (use.session == session) {
                SessionStore.Lease next = visit.lease(manager, newId, true);
                use.former.add(use.lease);
                use.lease = next;
                use.id = newId;
                session.holdsNow(0);
            }
        }
    }

    /**
     * Stores what was changed, and lets others have the sessions.
     *
     * @throws IOException when one could not be written, with its reason
     * @throws SessionsUnavailableException when one could not be stored
     */
    void end() throws IOException {
        CURRENT.remove();
        IOException unwritten = null;
        SessionsUnavailableException unstored = null;
        for (Use use : uses) {
            boolean stored = false;
            Thread thread = Thread.currentThread();
            ClassLoader before = thread.getContextClassLoader();
            try {
                thread.setContextClassLoader(use.manager.classes());
                store(use);
                stored = true;
            } catch (IOException e) {
                unwritten = e;
            } catch (SessionsUnavailableException e) {
                unstored = e;
            } catch (RuntimeException | StackOverflowError e) {
                // Of an attribute that writes itself; the other sessions are let go of all the same.
                unwritten = new IOException("a session can't be written: " + e, e);
            } finally {
                thread.setContextClassLoader(before);
                if (!stored) {
                    // The next request shall see what the store has, and this one too if it goes on later.
                    use.manager.forget(use.id);
                    use.session.holdsNothing();
                }
                use.lease.close();
                use.former.forEach(SessionStore.Lease::close);
            }
        }
        if (unwritten != null) {
            throw unwritten;
        }
        if (unstored != null) {
            throw unstored;
        }
    }

    /**
     * The last thing in a request, behind {@link #end()}.
     *
     * @param whole whether the client may take the answer for a whole one
     */
    void answerMayEnd(boolean whole) {
        if (end != null) {
            end.release(whole);
        }
    }

    private static void store(Use use) throws IOException {
        SharedSession session = use.session;
        StoredSession before = use.lease.stored();
        session.used();
        if (!session.alive()) {
            use.lease.remove();
        } else {
            byte[] data = session.write();
            long accessed = session.getThisAccessedTimeInternal();
            int inactive = session.getMaxInactiveInterval();
            if (before == null || !Arrays.equals(before.data(), data)) {
                use.lease.save(data, accessed, inactive);
                StoredSession now = use.lease.stored();
                session.holdsNow(now == null ? 0 : now.version());
            } else if (accessed - before.accessed() >= TOUCH_MILLIS) {
                use.lease.touch(accessed, inactive);
            }
        }
        for (SessionStore.Lease old : use.former) {
            old.remove();
        }
    }
}
