package dev.clowder.launcher.wire;

/**
 * What a worker says on the Unix connection by which the supervisor hands accepted sockets over: four bytes each. The
 * first four are the worker's id; then one answer for each descriptor, in the order in which they came, and
 * {@link Kind#ROOM} at any time. The other way there are descriptors only.
 *
 * @param kind what happened
 * @param connections how many connections the worker counts, the one just taken over included; for comparing
 *     workers, as it includes a few that are no clients
 */
public record HandoverAnswer(Kind kind, int connections) {
    /** Bytes of an answer. */
    public static final int LENGTH = Integer.BYTES;

    private static final int MOST = (1 << 24) - 1;

    /** What an answer means. */
    public enum Kind {
        /** The descriptor that has waited longest is the worker's now; the supervisor closes its own. */
        TAKEN(1),
        /** It is given back unread. No other is welcome before {@link #ROOM}. */
        GIVEN_BACK(2),
        /** Descriptors are welcome, again or still; said when there was no room, and when many connections have ended. */
        ROOM(3);

        private final int code;

        Kind(int code) {
            this.code = code;
        }
    }

    /** As it is sent: the kind in the highest byte. */
    public int encoded() {
        return kind.code << 24 | Math.min(connections, MOST);
    }

    /**
     * The inverse of {@link #encoded}.
     *
     * @throws IllegalArgumentException if it is no answer
     */
    public static HandoverAnswer decode(int encoded) {
        for (Kind kind : Kind.values()) {
            if (kind.code == encoded >>> 24) {
                return new HandoverAnswer(kind, encoded & MOST);
            }
        }
        throw new IllegalArgumentException("no answer to a hand-over: " + Integer.toHexString(encoded));
    }
}
