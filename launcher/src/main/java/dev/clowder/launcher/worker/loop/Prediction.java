package dev.clowder.launcher.worker.loop;

import java.util.concurrent.atomic.AtomicInteger;
import org.apache.tomcat.util.buf.ByteChunk;
import org.apache.tomcat.util.buf.MessageBytes;

/**
 * Guesses from the first two segments of a path whether a request will be slow, as those before it were; and whether
 * slowness is the rule. Safe for any number of threads; a guess that two of them spoil is a guess still.
 */
final class Prediction {
    /** A hand-over to another thread costs a twentieth of it. */
    private static final long SLOW_NANOS = 500_000;

    /** Two slow ones are believed; code that the JVM had not compiled yet is forgiven after as many fast ones. */
    private static final int SLOWER = 64;

    private static final int EXPECTED = 128;
    private static final int MOST = 255;
    private static final int SIZE = 1 << 10;

    private static final int WINDOW = 256;
    private static final int MANY = WINDOW / 2;
    private static final int FEW = WINDOW / 3;
    private static final int ONE_OF_WINDOW = 1 << 16;

    /** Scores plus one, 0 if nothing is known yet. */
    private final short[] scores = new short[SIZE];

    /** How many were seen, above, and how many of them were expected to be slow, below. */
    private final AtomicInteger window = new AtomicInteger();

    private volatile boolean slownessIsTheRule;

    /** Of a path, to be given to the other methods: the places of its first segment and of its first two. */
    static int places(MessageBytes path) {
        if (path.getType() != MessageBytes.T_BYTES) {
            return 0;
        }
        ByteChunk chunk = path.getByteChunk();
        byte[] bytes = chunk.getBuffer();
        int hash = 1;
        int first = -1;
        int i = chunk.getStart() + 1;
        for (; i < chunk.getEnd() && bytes[i] != ';'; i++) {
            if (bytes[i] == '/') {
                if (first >= 0) {
                    break;
                }
                first = place(hash);
            }
            hash = hash * 31 + bytes[i];
        }
        int both = place(hash);
        return ((first < 0 ? both : first) << 16) | both;
    }

    private static int place(int hash) {
        return (hash ^ (hash >>> 10) ^ (hash >>> 20)) & (SIZE - 1);
    }

    /** Whether a request will be slow. */
    boolean isSlow(int places) {
        return score(places) >= EXPECTED;
    }

    /** Whether more than half of the last requests were expected to be slow, and not yet less than a third again. */
    boolean isSlownessTheRule() {
        return slownessIsTheRule;
    }

    /** Learns from a request. */
    void learn(int places, boolean expected, long nanos) {
        count(expected);
        int before = score(places);
        int after = nanos >= SLOW_NANOS ? Math.min(MOST, before + SLOWER) : Math.max(0, before - 1);
        scores[places & 0xffff] = (short) (after + 1);
        int parent = places >>> 16;
        if (parent != (places & 0xffff)) {
            int of = Math.max(0, scores[parent] - 1);
            int grown = nanos >= SLOW_NANOS ? Math.min(MOST, of + SLOWER) : Math.max(0, of - 1);
            scores[parent] = (short) (grown + 1);
        }
    }

    /** What nobody asked for yet will be as its neighbours are. */
    private int score(int places) {
        int own = scores[places & 0xffff];
        return Math.max(0, (own == 0 ? scores[places >>> 16] : own) - 1);
    }

    private void count(boolean expected) {
        int seen = window.addAndGet(expected ? ONE_OF_WINDOW + 1 : ONE_OF_WINDOW);
        if (seen >>> 16 < WINDOW) {
            return;
        }
        window.set(0);
        int slow = seen & 0xffff;
        if (slow > MANY) {
            slownessIsTheRule = true;
        } else if (slow < FEW) {
            slownessIsTheRule = false;
        }
    }
}
