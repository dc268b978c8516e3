package dev.clowder.launcher.supervisor;

import dev.clowder.launcher.wire.Message;
import java.security.SecureRandom;
import java.util.ArrayDeque;
import java.util.Base64;
import java.util.Collection;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Makes what all workers encrypt their TLS session tickets with, so that a client can resume at any of them. Another one
 * every hour; each is known until the last ticket that it encrypted is too old. They are in memory only: a supervisor that
 * follows another begins anew. Belongs to the supervisor's thread. Times are nanoseconds of the host's clock.
 */
final class TicketKeys {
    static final long PERIOD = TimeUnit.HOURS.toNanos(1);
    /** A worker that is not told of the next one in time goes on with this one for so long. */
    static final long USE = 2 * PERIOD;
    /** Java lets a client resume for a day. */
    static final long LIFE = USE + TimeUnit.DAYS.toNanos(1);

    private static final int BYTES = 32;

    private final boolean used;
    private final SecureRandom random = new SecureRandom();
    private final Deque<Key> keys = new ArrayDeque<>();

    private record Key(int number, String secret, long madeAt) {
        Message.TicketKey at(long now) {
            return new Message.TicketKey(
                    number,
                    secret,
                    TimeUnit.NANOSECONDS.toMillis(USE - (now - madeAt)),
                    TimeUnit.NANOSECONDS.toMillis(LIFE - (now - madeAt)));
        }
    }

    /** @param used whether a port speaks TLS: if none does, nobody is told */
    TicketKeys(boolean used, long now) {
        this.used = used;
        make(now);
    }

    /** Makes the next key when it is time, and tells it to all workers. */
    void step(long now, Collection<Worker> workers) {
        if (next() - now <= 0) {
            make(now);
            keys.removeIf(key -> now - key.madeAt() >= LIFE);
            workers.forEach(worker -> tell(worker, now));
        }
    }

    /** Tells a worker all that it has to know. */
    void tell(Worker worker, long now) {
        if (used) {
            worker.order(message(now));
        }
    }

    /** When the next one is due. */
    long next() {
        return keys.getFirst().madeAt() + PERIOD;
    }

    /** What a worker has to know: the newest first, which encrypts. */
    Message.TicketKeys message(long now) {
        List<Message.TicketKey> all = keys.stream().map(key -> key.at(now)).toList();
        return new Message.TicketKeys(all);
    }

    private void make(long now) {
        byte[] secret = new byte[BYTES];
        random.nextBytes(secret);
        keys.addFirst(new Key(random.nextInt(), Base64.getEncoder().encodeToString(secret), now));
    }
}
