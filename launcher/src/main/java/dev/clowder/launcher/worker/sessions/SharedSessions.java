package dev.clowder.launcher.worker.sessions;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.util.concurrent.TimeUnit;
import org.apache.catalina.LifecycleException;
import org.apache.catalina.LifecycleState;
import org.apache.catalina.Session;
import org.apache.catalina.session.ManagerBase;
import org.apache.catalina.session.StandardSession;
import org.apache.catalina.util.CustomObjectInputStream;
import org.apache.juli.logging.Log;
import org.apache.juli.logging.LogFactory;
import org.jspecify.annotations.Nullable;

/**
 * The sessions of one application, kept in a store that all workers share. A request that asks for its session has it
 * alone until it ends ({@link Visit}): it sees what every request before it has done, at whichever worker, and what it
 * did is stored before the next one has it. A request that does not ask for its session costs nothing.
 */
public final class SharedSessions extends ManagerBase {
    private static final Log LOG = LogFactory.getLog(SharedSessions.class);
    /** What is not used here for so long is read again when it is. */
    private static final long FORGET_NANOS = TimeUnit.SECONDS.toNanos(60);

    private final SessionStore store;
    private String prefix = "";

    public SharedSessions(SessionStore store) {
        this.store = store;
        // Who has logged in, and what a form login will return to.
        setPersistAuthentication(true);
    }

    @Override
    protected void startInternal() throws LifecycleException {
        super.startInternal();
        prefix = getContext().getParent().getName() + getContext().getName() + " ";
        setState(LifecycleState.STARTING);
    }

    @Override
    protected void stopInternal() throws LifecycleException {
        setState(LifecycleState.STOPPING);
        // They live on elsewhere: nobody is told of their end.
        sessions.clear();
        super.stopInternal();
    }

    /** None: any worker may serve them, so their ids name none. */
    @Override
    public @Nullable String getJvmRoute() {
        return null;
    }

    @Override
    public void load() {
        // They come when they are asked for.
    }

    @Override
    public void unload() {
        // They are in the store.
    }

    /** @param begin whether it is a new one, which others may ask for before it is stored */
    SessionStore.Lease lease(String id, boolean begin) {
        return begin ? store.begin(prefix + id) : store.lease(prefix + id);
    }

    @Override
    public Session createEmptySession() {
        return getNewSession();
    }

    @Override
    protected StandardSession getNewSession() {
        return new SharedSession(this);
    }

    @Override
    public @Nullable Session createSession(@Nullable String sessionId) {
        Session session = super.createSession(sessionId);
        if (session instanceof SharedSession shared) {
            try {
                Visit.begun(this, shared);
            } catch (SessionsUnavailableException e) {
                sessions.remove(shared.getIdInternal());
                throw e;
            }
        }
        return session;
    }

    @Override
    public @Nullable Session findSession(@Nullable String id) {
        if (id == null) {
            return null;
        }
        Visit visit = Visit.current();
        if (visit != null) {
            return visit.find(this, id);
        }
        StoredSession stored = store.peek(prefix + id);
        return stored == null ? null : current(id, stored, null);
    }

    /**
     * The session as it is stored.
     *
     * @param had the object that becomes it; null for the one that this worker knows
     * @return null when it can't be read: by an application that was changed, for instance
     */
    @Nullable
    SharedSession current(String id, StoredSession stored, @Nullable SharedSession had) {
        SharedSession session = had;
        if (session == null) {
            session = sessions.get(id) instanceof SharedSession known ? known : new SharedSession(this);
        }
        if (!session.holds(stored)) {
            Thread thread = Thread.currentThread();
            ClassLoader before = thread.getContextClassLoader();
            try (ObjectInputStream data = reader(stored)) {
                thread.setContextClassLoader(classes());
                session.read(stored, data);
            } catch (IOException | ClassNotFoundException | RuntimeException e) {
                LOG.error("a session of " + getContext().getName() + " can't be read and is given up", e);
                sessions.remove(id);
                return null;
            } finally {
                thread.setContextClassLoader(before);
            }
        }
        session.usedElsewhere(stored.accessed());
        session.used();
        sessions.put(id, session);
        return session;
    }

    /** Of objects of the application's classes, and of those only that its manager's filter lets in. */
    private ObjectInputStream reader(StoredSession stored) throws IOException {
        return new CustomObjectInputStream(
                new ByteArrayInputStream(stored.data()),
                classes(),
                LOG,
                getSessionAttributeValueClassNamePattern(),
                getWarnOnSessionAttributeFilterFailure());
    }

    /** The application's: a request that asks for its session before the application has it, or behind that, has not. */
    ClassLoader classes() {
        return getContext().getLoader().getClassLoader();
    }

    void forget(String id) {
        sessions.remove(id);
    }

    /** Ended by a thread that has no request, it must not come back; whoever has it removes it otherwise. */
    @Override
    public void remove(Session session, boolean update) {
        super.remove(session, update);
        Visit visit = Visit.current();
        if (visit != null && visit.has(session)) {
            return;
        }
        SessionStore.Lease lease = store.tryLease(prefix + session.getIdInternal());
        if (lease != null) {
            try (lease) {
                lease.remove();
            }
        }
    }

    @Override
    protected void changeSessionId(Session session, String newId, boolean notifyListeners, boolean notifyContainer) {
        if (session instanceof SharedSession shared) {
            Visit.renamed(this, shared, newId);
        }
        super.changeSessionId(session, newId, notifyListeners, notifyContainer);
    }

    /** Tomcat looks at each session that it has; here at those of all workers, and one worker ends each. */
    @Override
    public void processExpires() {
        long now = System.currentTimeMillis();
        try {
            for (String key : store.idle(prefix, now)) {
                SessionStore.Lease lease = store.tryLease(key);
                if (lease != null) {
                    try (lease) {
                        end(key.substring(prefix.length()), lease, now);
                    }
                }
            }
        } catch (SessionsUnavailableException e) {
            LOG.warn("idle sessions are ended later: " + e.getMessage());
        }
        long before = System.nanoTime() - FORGET_NANOS;
        sessions.values().removeIf(session -> session instanceof SharedSession shared && shared.usedAt() - before < 0);
    }

    /** Another request may have used it a moment ago. */
    private void end(String id, SessionStore.Lease lease, long now) {
        StoredSession stored = lease.stored();
        if (stored == null) {
            // Begun by a request that did not live to store it.
            lease.remove();
        } else if (StoredSession.isOver(stored.accessed(), stored.inactiveSeconds(), now)) {
            SharedSession session = current(id, stored, null);
            if (session != null) {
                session.expire(true);
            }
            lease.remove();
        }
    }
}
