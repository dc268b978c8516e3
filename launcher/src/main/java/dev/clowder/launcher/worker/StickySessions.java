package dev.clowder.launcher.worker;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.OutputStream;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.catalina.LifecycleException;
import org.apache.catalina.Manager;
import org.apache.catalina.Session;
import org.apache.catalina.session.StandardManager;
import org.apache.catalina.session.StandardSession;
import org.apache.catalina.util.CustomObjectInputStream;
import org.apache.catalina.util.SessionConfig;
import org.apache.juli.logging.Log;
import org.apache.juli.logging.LogFactory;
import org.jspecify.annotations.Nullable;

/**
 * The sessions of one application in one worker: in memory, never in a file. Their ids end with the slot
 * ({@code ID.SLOT}), and they move to another worker when this one leaves. Thread-safe as its superclass.
 */
final class StickySessions extends StandardManager {
    private static final Log LOG = LogFactory.getLog(StickySessions.class);

    private final SessionPeers peers;
    /** Names of classes that were reported. */
    private final Set<String> reported = ConcurrentHashMap.newKeySet();

    StickySessions(SessionPeers peers) {
        this.peers = peers;
        setPathname(null);
    }

    /** The same in all workers. */
    String application() {
        return getContext().getParent().getName() + getContext().getName();
    }

    @Override
    public String getJvmRoute() {
        return String.valueOf(peers.slot());
    }

    /** Ids of new sessions end with the slot that the worker has now; Tomcat asks for it at the start only. */
    void followSlot() {
        getSessionIdGenerator().setJvmRoute(getJvmRoute());
    }

    @Override
    protected synchronized void startInternal() throws LifecycleException {
        super.startInternal();
        peers.add(
                this,
                SessionConfig.getSessionCookieName(getContext()),
                SessionConfig.getSessionUriParamName(getContext()));
    }

    @Override
    protected synchronized void stopInternal() throws LifecycleException {
        peers.remove(this);
        super.stopInternal();
    }

    @Override
    protected StandardSession getNewSession() {
        return new Movable(this);
    }

    /** {@inheritDoc} One that was begun in the predecessor after the others had come from there is fetched. */
    @Override
    public @Nullable Session findSession(@Nullable String id) throws IOException {
        Session found = super.findSession(id);
        if (found == null && id != null && peers.fetch(id)) {
            found = super.findSession(id);
        }
        return found;
    }

    /** Null if there is none in this worker. */
    @Nullable
    Session here(String id) throws IOException {
        return super.findSession(id);
    }

    /** A session as another process can {@link #unpack} it, what can't be serialised left out; it stays here. */
    byte[] pack(StandardSession session) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        Thread thread = Thread.currentThread();
        ClassLoader before = thread.getContextClassLoader();
        thread.setContextClassLoader(loader());
        try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
            session.passivate();
            session.writeObjectData(out);
        } finally {
            thread.setContextClassLoader(before);
        }
        return bytes.toByteArray();
    }

    /** Goes on with a session of another process. */
    void unpack(byte[] packed) throws IOException, ClassNotFoundException {
        Thread thread = Thread.currentThread();
        ClassLoader before = thread.getContextClassLoader();
        thread.setContextClassLoader(loader());
        try (ObjectInputStream in = new CustomObjectInputStream(new ByteArrayInputStream(packed), loader())) {
            StandardSession session = getNewSession();
            session.readObjectData(in);
            session.setManager(this);
            if (session.isValid()) {
                add(session);
                session.activate();
            }
        } finally {
            thread.setContextClassLoader(before);
        }
    }

    private ClassLoader loader() {
        return getContext().getLoader().getClassLoader();
    }

    private boolean canBeSerialised(String name, Object value) {
        try (ObjectOutputStream out = new ObjectOutputStream(OutputStream.nullOutputStream())) {
            out.writeObject(value);
            return true;
        } catch (IOException | RuntimeException e) {
            String type = value.getClass().getName();
            if (reported.add(type)) {
                LOG.warn(getContext().getName() + ": attribute " + name + " of class " + type
                        + " can't move with its session to another worker, it is left out: " + e);
            }
            return false;
        }
    }

    /** A session that leaves out what can't be serialised, and keeps it until then. */
    private static final class Movable extends StandardSession {
        private static final long serialVersionUID = 1L;

        private transient volatile boolean leaving;

        Movable(Manager manager) {
            super(manager);
        }

        @Override
        public void writeObjectData(ObjectOutputStream stream) throws IOException {
            leaving = true;
            try {
                super.writeObjectData(stream);
            } finally {
                leaving = false;
            }
        }

        @Override
        public boolean isAttributeDistributable(String name, Object value) {
            return (leaving && manager instanceof StickySessions sticky)
                    ? sticky.canBeSerialised(name, value)
                    : super.isAttributeDistributable(name, value);
        }
    }
}
