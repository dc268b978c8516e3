package dev.clowder.launcher.worker.sessions;

import java.io.Closeable;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What {@link EngineStore} asks of the engine that keeps sessions outside of the workers. Each call takes a bounded time,
 * and is one change or none, whoever else calls. A holder is a name that is used for one visit of one session. Any thread.
 */
interface Engine extends Closeable {
    /** After this time without {@link #renew} a session is anybody's again. */
    long LEASE_MILLIS = 5_000;

    /** How long a connection may take to come about, or a call to wait for one that is free. */
    int CONNECT_MILLIS = 500;

    /** How long an answer may take. */
    int ANSWER_MILLIS = 1_000;

    /** What came of the wish to have a session. */
    enum Outcome {
        /** The holder has it. */
        TAKEN,
        /** Somebody else has it. */
        HELD,
        /** There is none, and the holder has nothing. */
        ABSENT
    }

    /**
     * What came of it, and the session.
     *
     * @param stored null before it was stored once, and unless it is taken
     */
    record Taken(Outcome outcome, @Nullable StoredSession stored) {}

    /**
     * Tries to get a session; again for the same holder, it says the same.
     *
     * @param begin whether it is to be had although nobody has stored it yet
     */
    Taken take(String key, String holder, boolean begin) throws EngineException;

    /** A look, whoever has it; null if it is not stored. */
    @Nullable
    StoredSession peek(String key) throws EngineException;

    /**
     * Stores a session and lets go of it.
     *
     * @return false if the holder does not have it any more, and nothing was stored
     */
    boolean save(String key, String holder, StoredSession session) throws EngineException;

    /** Stores when it was last used, and lets go of it; false as for {@link #save}. */
    boolean touch(String key, String holder, long accessed, int inactiveSeconds) throws EngineException;

    /** Ends it; false as for {@link #save}. */
    boolean remove(String key, String holder) throws EngineException;

    /** Lets go of it; without effect if the holder does not have it any more. */
    void release(String key, String holder) throws EngineException;

    /** Has it for a whole {@link #LEASE_MILLIS} again; without effect if the holder does not have it any more. */
    void renew(String key, String holder) throws EngineException;

    /** Some of those that are over, for one worker at a time; none if the engine ends them itself. */
    List<String> idle(String prefix, long now) throws EngineException;

    /** Forgets connections that nobody uses at the moment. */
    void forget();

    /** Asks something; may also wait for DNS. Not for requests. */
    void probe() throws EngineException;

    @Override
    void close();
}
