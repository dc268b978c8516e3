package dev.clowder.launcher.worker.sessions;

import java.io.Closeable;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the bytes of sessions where every worker finds them, and lets one request at a time have each. Keys name the
 * application and the session. Any thread.
 */
public interface SessionStore extends Closeable {
    /**
     * Waits until nobody else has the session, for a bounded time.
     *
     * @return to be closed by whoever asked; the session need not exist
     * @throws SessionsUnavailableException when somebody has it for too long, or the store can't be reached
     */
    Lease lease(String key) throws SessionsUnavailableException;

    /** As {@link #lease}, for a session that is going to be stored: others that want it wait until then. */
    default Lease begin(String key) throws SessionsUnavailableException {
        return lease(key);
    }

    /** A look at a session that is not leased, for those who will not change it; null if there is none. */
    @Nullable
    StoredSession peek(String key) throws SessionsUnavailableException;

    /**
     * Keys of sessions that nobody has used for their time; a store that ends them itself names none.
     *
     * @param prefix of the keys of one application
     * @param now in milliseconds, as in {@link StoredSession#accessed}
     */
    List<String> idle(String prefix, long now);

    /** As {@link #lease}, without waiting: null if somebody has it. */
    @Nullable
    Lease tryLease(String key) throws SessionsUnavailableException;

    /** Lets go of everything; what is kept elsewhere stays. */
    @Override
    void close();

    /**
     * One session, which nobody else has meanwhile. For one thread. Legal order: at most one of {@link #save}, {@link
     * #touch} and {@link #remove}, then {@link #close}; others may have it from the first of them on.
     */
    interface Lease extends AutoCloseable {
        /** As it is kept, also after {@link #save}; null if it is not. */
        @Nullable
        StoredSession stored();

        /**
         * Keeps it; when this returns, it survives the end of any one worker.
         *
         * @param accessed when it was last used, in milliseconds
         * @param inactiveSeconds after how long without use it is over; 0 or less for never
         */
        void save(byte[] data, long accessed, int inactiveSeconds) throws SessionsUnavailableException;

        /** Notes that it was used; its data stays. */
        void touch(long accessed, int inactiveSeconds) throws SessionsUnavailableException;

        void remove() throws SessionsUnavailableException;

        /** Lets others have it. */
        @Override
        void close();
    }
}
