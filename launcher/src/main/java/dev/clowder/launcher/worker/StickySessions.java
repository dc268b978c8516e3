package dev.clowder.launcher.worker;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InvalidObjectException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.OutputStream;
import java.io.Serializable;
import java.security.Principal;
import java.util.HashSet;
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
        // Who has logged in, and what a form login will return to.
        setPersistAuthentication(true);
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

    /**
     * A session as another process can {@link #unpack} it, what can't be serialised left out; it stays here until it is
     * told to {@link Movable#leave}.
     */
    byte[] pack(Movable session) throws IOException {
        Thread thread = Thread.currentThread();
        ClassLoader before = thread.getContextClassLoader();
        thread.setContextClassLoader(loader());
        try {
            session.passivate();
            return session.write();
        } finally {
            thread.setContextClassLoader(before);
        }
    }

    /** Goes on with a session of another process; null if it is over. */
    @Nullable
    Session unpack(byte[] packed) throws IOException, ClassNotFoundException {
        Thread thread = Thread.currentThread();
        ClassLoader before = thread.getContextClassLoader();
        thread.setContextClassLoader(loader());
        try (ObjectInputStream in = new CustomObjectInputStream(new ByteArrayInputStream(packed), loader())) {
            StandardSession session = getNewSession();
            session.readObjectData(in);
            session.setManager(this);
            if (!session.isValid()) {
                return null;
            }
            add(session);
            session.activate();
            return session;
        } finally {
            thread.setContextClassLoader(before);
        }
    }

    private ClassLoader loader() {
        return getContext().getLoader().getClassLoader();
    }

    private boolean canBeSerialised(String name, Object value) {
        try (ObjectOutputStream out = new StrictOutput(OutputStream.nullOutputStream())) {
            out.writeObject(value);
            return true;
        } catch (IOException | RuntimeException | LinkageError | VirtualMachineError e) {
            String type = value.getClass().getName();
            if (reported.add(type)) {
                LOG.warn(getContext().getName() + ": " + name + " of class " + type
                        + " can't move with its session to another worker, it is left out: " + e);
            }
            return false;
        }
    }

    /** Ends at the first object that can't be written, where Tomcat would go on behind it. */
    private static final class StrictOutput extends ObjectOutputStream {
        StrictOutput(OutputStream out) throws IOException {
            super(out);
            enableReplaceObject(true);
        }

        @Override
        protected Object replaceObject(Object object) throws IOException {
            if (!(object instanceof Serializable)) {
                throw new InvalidObjectException(object.getClass().getName() + " is not Serializable");
            }
            return object;
        }
    }

    /** A session that can be written without what can't, and keeps that until it leaves. */
    static final class Movable extends StandardSession {
        private static final long serialVersionUID = 1L;

        /** Who writes it at the moment: others may have requests in it that did not end in time. */
        private transient volatile @Nullable Thread writer;
        /** Names of attributes. */
        private final transient Set<String> leftOut = new HashSet<>();

        private transient boolean principalLeftOut;

        Movable(Manager manager) {
            super(manager);
        }

        /** All in one, as attributes may share objects; only if something is in the way it is looked what. */
        private byte[] write() throws IOException {
            leftOut.clear();
            principalLeftOut = false;
            try {
                return tryWrite();
            } catch (IOException | RuntimeException | LinkageError | VirtualMachineError e) {
                LOG.debug("something of a session can't be written", e);
            }
            StickySessions sessions = (StickySessions) getManager();
            attributes.forEach((name, value) -> {
                if (!sessions.canBeSerialised("attribute " + name, value)) {
                    leftOut.add(name);
                }
            });
            Principal principal = getPrincipal();
            principalLeftOut = principal != null && !sessions.canBeSerialised("the login", principal);
            return tryWrite();
        }

        private byte[] tryWrite() throws IOException {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            writer = Thread.currentThread();
            try (ObjectOutputStream out = new StrictOutput(bytes)) {
                writeObjectData(out);
            } finally {
                writer = null;
            }
            return bytes.toByteArray();
        }

        private boolean isWriting() {
            return Thread.currentThread().equals(writer);
        }

        @Override
        public boolean isAttributeDistributable(String name, Object value) {
            return isWriting() ? !leftOut.contains(name) : super.isAttributeDistributable(name, value);
        }

        /** {@inheritDoc} Tomcat does it with what it does not write. */
        @Override
        protected void removeAttributeInternal(String name, boolean notify) {
            if (isWriting()) {
                leftOut.add(name);
            } else {
                super.removeAttributeInternal(name, notify);
            }
        }

        @Override
        public @Nullable Principal getPrincipal() {
            return isWriting() && principalLeftOut ? null : super.getPrincipal();
        }

        /** It is elsewhere now. What could not go along learns that it has no session any more. */
        void leave() {
            try {
                leftOut.forEach(name -> super.removeAttributeInternal(name, true));
            } catch (RuntimeException | LinkageError | VirtualMachineError e) {
                LOG.warn("a listener fails when its attribute leaves a session", e);
            } finally {
                getManager().remove(this, false);
            }
        }

        /** It does not leave after all. */
        void stay() {
            activate();
        }
    }
}
