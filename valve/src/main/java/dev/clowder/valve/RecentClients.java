package dev.clowder.valve;

import org.jspecify.annotations.Nullable;

/**
 * What was found for the header lines of late, so that the next request with the same lines costs a comparison and no
 * memory: a client sends many requests, over any of the connections that a proxy keeps. One belongs to one policy and is
 * forgotten with it.
 *
 * <p>Only what depends on nothing else may be put here. An answer is taken if all bytes of the lines, the peer and what
 * the request says of itself are equal, so nobody can bring about an answer for another request. Lines are kept when they
 * come a second time, so those that come once push nothing out. Holds at most {@value #SLOTS} answers, some 500 bytes
 * each.
 *
 * <p>Thread-safe without a lock: answers are immutable, and a slot that two threads write at once has one of the two.
 */
final class RecentClients {

    private static final int SLOTS = 1024;
    private static final int SHIFT = Integer.SIZE - Integer.numberOfTrailingZeros(SLOTS);

    /** A request that was judged, and the outcome. */
    static final class Answer {

        private final byte[] lines;
        private final String scheme;
        private final boolean secure;
        private final String hostname;
        private final int port;
        private final boolean targetTold;
        private final Forwarded forwarded;

        private Answer(DecidingLines lines, RequestHead head, boolean targetTold, Forwarded forwarded) {
            this.lines = lines.copy();
            this.scheme = head.scheme();
            this.secure = head.secure();
            this.hostname = head.hostname();
            this.port = head.port();
            this.targetTold = targetTold;
            this.forwarded = forwarded;
        }

        private boolean isFor(DecidingLines others, RequestHead head, String peer) {
            return others.are(lines)
                    && forwarded.getPeer().equals(peer)
                    && scheme.equals(head.scheme())
                    && secure == head.secure()
                    && port == head.port()
                    && hostname.equals(head.hostname());
        }

        /** Whether the lines told anything of protocol, host or port. */
        boolean isTargetTold() {
            return targetTold;
        }

        Forwarded forwarded() {
            return forwarded;
        }
    }

    private final @Nullable Answer[] answers = new Answer[SLOTS];
    /** For each slot the hash that missed it last. */
    private final int[] missed = new int[SLOTS];

    /** The answer for a request like this; null if there is none. */
    @Nullable
    Answer find(DecidingLines lines, RequestHead head, String peer) {
        Answer answer = answers[lines.hash() >>> SHIFT];
        return answer != null && answer.isFor(lines, head, peer) ? answer : null;
    }

    /**
     * Remembers what was found for the request in the head, if it missed its slot the last time too. Not for a name that no
     * host has: a client can send one as long as all its headers, and each answer would keep it.
     */
    void add(DecidingLines lines, RequestHead head, boolean targetTold, Forwarded forwarded) {
        if (head.hostname().length() > Authority.LONGEST_NAME) {
            return;
        }
        int slot = lines.hash() >>> SHIFT;
        if (missed[slot] == lines.hash()) {
            answers[slot] = new Answer(lines, head, targetTold, forwarded);
        } else {
            missed[slot] = lines.hash();
        }
    }
}
