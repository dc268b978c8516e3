package dev.clowder.launcher.worker.sessions;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.NotSerializableException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.OutputStream;
import java.io.Serializable;
import java.util.Map;
import org.apache.catalina.Manager;
import org.apache.catalina.session.StandardSession;
import org.jspecify.annotations.Nullable;

/** A session that this worker has read from its store, or begun. There is one object for each session in a worker. */
final class SharedSession extends StandardSession {
    private static final long serialVersionUID = 1;
    private static final long NONE = -1;

    /** Of the data that is here; another one in the store was written by another worker. */
    private transient long version = NONE;
    /** When a request of this worker last had it: the nano time. */
    private transient volatile long usedAt = System.nanoTime();

    SharedSession(Manager manager) {
        super(manager);
    }

    boolean holds(StoredSession stored) {
        return version == stored.version();
    }

    void holdsNow(long newVersion) {
        version = newVersion;
    }

    /** Whatever is here was not stored. */
    void holdsNothing() {
        version = NONE;
    }

    boolean alive() {
        return isValidInternal();
    }

    void used() {
        usedAt = System.nanoTime();
    }

    long usedAt() {
        return usedAt;
    }

    /** Refused here, where the application can still be told by its own stack trace. */
    @Override
    public void setAttribute(String name, @Nullable Object value, boolean notify) {
        if (value != null && !(value instanceof Serializable)) {
            throw new IllegalArgumentException(refusal(name, value.getClass()));
        }
        super.setAttribute(name, value, notify);
    }

    private static String refusal(String name, Class<?> type) {
        return "session attribute " + name + ": " + type.getName()
                + " is not Serializable, so other workers can't have it";
    }

    /**
     * Everything but the times, which change with every request.
     *
     * @throws NotSerializableException with the name of the attribute and of the class that is in the way
     */
    byte[] write() throws IOException {
        passivate();
        long[] times = {lastAccessedTime, thisAccessedTime};
        boolean wasNew = isNew;
        lastAccessedTime = 0;
        thisAccessedTime = 0;
        isNew = false;
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (Inspector out = new Inspector(bytes)) {
            writeObjectData(out);
            if (out.culprit != null) {
                throw new NotSerializableException(refusal(attributeWith(), out.culprit));
            }
        } finally {
            lastAccessedTime = times[0];
            thisAccessedTime = times[1];
            isNew = wasNew;
        }
        return bytes.toByteArray();
    }

    /** Tomcat leaves out what can't be written and goes on: the attribute would be missing in another worker. */
    private String attributeWith() {
        for (Map.Entry<String, Object> attribute : attributes.entrySet()) {
            try (Inspector out = new Inspector(OutputStream.nullOutputStream())) {
                out.writeObject(attribute.getValue());
            } catch (IOException e) {
                return attribute.getKey();
            }
        }
        return "(none alone)";
    }

    /** Becomes what is stored; an object that other threads of this worker may hold stays the same one. */
    void read(StoredSession stored, ObjectInputStream data) throws IOException, ClassNotFoundException {
        attributes.clear();
        readObjectData(data);
        lastAccessedTime = stored.accessed();
        thisAccessedTime = stored.accessed();
        version = stored.version();
        activate();
    }

    /** Another worker used it, without changing it. */
    void usedElsewhere(long accessed) {
        if (accessed > thisAccessedTime) {
            lastAccessedTime = accessed;
            thisAccessedTime = accessed;
        }
    }

    /** Sees every object before it is written. */
    private static final class Inspector extends ObjectOutputStream {
        private @Nullable Class<?> culprit;

        Inspector(OutputStream out) throws IOException {
            super(out);
            enableReplaceObject(true);
        }

        @Override
        protected Object replaceObject(Object object) {
            if (!(object instanceof Serializable) && culprit == null) {
                culprit = object.getClass();
            }
            return object;
        }
    }
}
