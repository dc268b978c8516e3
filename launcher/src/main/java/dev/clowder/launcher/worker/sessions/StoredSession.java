package dev.clowder.launcher.worker.sessions;

/**
 * A session as it is kept. The array belongs to whoever keeps it and is not changed.
 *
 * @param version changes whenever the data does
 * @param accessed when it was last used, in milliseconds of the time of day, as in Tomcat's sessions
 * @param inactiveSeconds after how long without use it is over; 0 or less for never
 */
// Nobody compares them as a whole.
@SuppressWarnings("ArrayRecordComponent")
record StoredSession(long version, long accessed, int inactiveSeconds, byte[] data) {
    /** Whether nobody has used it for its time. */
    static boolean isOver(long accessed, int inactiveSeconds, long now) {
        return inactiveSeconds > 0 && now - accessed >= inactiveSeconds * 1000L;
    }
}
