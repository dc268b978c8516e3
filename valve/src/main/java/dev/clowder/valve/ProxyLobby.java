package dev.clowder.valve;

import dev.clowder.valve.ProxyHeaderParser.Done;
import dev.clowder.valve.ProxyHeaderParser.Malformed;
import dev.clowder.valve.ProxyHeaderParser.NeedMore;
import dev.clowder.valve.ProxyHeaderParser.Outcome;
import java.io.IOException;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.apache.juli.logging.Log;
import org.apache.juli.logging.LogFactory;
import org.jspecify.annotations.Nullable;

/**
 * Where connections wait that have not yet sent their PROXY header. One thread with a selector of its own looks after
 * all of them, so that they cost neither a thread of the pool nor the buffers of HTTP and TLS.
 *
 * <p>Legal order: {@link #enter} any number of times from any thread, {@link #close} once. Each channel that enters
 * leaves exactly once, by {@link ProxyNioEndpoint#admit} or {@link ProxyNioEndpoint#refuse}. Whatever has arrived is
 * tried at once by the thread that brings the channel; the lobby's thread starts with the first one that has to wait.
 */
final class ProxyLobby {
    private static final Log log = LogFactory.getLog(ProxyLobby.class);
    private static final long CLOSE_MILLIS = 2_000;

    private final ProxyNioEndpoint endpoint;
    private final long timeoutNanos;
    private final Queue<Guest> arriving = new ConcurrentLinkedQueue<>();

    /** Oldest first, which is also by deadline; owned by the thread. */
    private final Set<Guest> guests = new LinkedHashSet<>();

    private volatile int waiting;
    private volatile boolean closed;
    private volatile @Nullable Selector selector;
    private @Nullable Thread thread;

    ProxyLobby(ProxyNioEndpoint endpoint, long timeoutMillis) {
        this.endpoint = endpoint;
        timeoutNanos = TimeUnit.MILLISECONDS.toNanos(timeoutMillis);
    }

    /** How many wait at this moment. */
    int waiting() {
        return waiting;
    }

    /**
     * Takes a non-blocking channel.
     *
     * @param relayed whether its first header is that of a relay of our own: {@link ProxyRule#RELAYED}
     * @return false if it has been closed already
     */
    boolean enter(SocketChannel channel, boolean relayed) {
        Guest guest = new Guest(channel, System.nanoTime() + timeoutNanos, relayed ? endpoint::ruleOf : null);
        Outcome outcome = guest.read();
        if (!(outcome instanceof NeedMore)) {
            return leave(guest, outcome);
        }
        try {
            Selector open = open();
            arriving.add(guest);
            open.wakeup();
        } catch (IOException e) {
            log.error("can't wait for a PROXY header: " + e, e);
            return endpoint.refuse(channel, "no selector could be opened", true);
        }
        // Closed meanwhile: either the thread has taken it from the queue, or it is taken here.
        return !(closed && arriving.remove(guest)) || endpoint.refuse(channel, "the connector stops", true);
    }

    /** Closes all who wait, and refuses those who come later. */
    void close() {
        Thread running;
        synchronized (this) {
            closed = true;
            running = thread;
            Selector open = selector;
            if (open != null) {
                open.wakeup();
            }
        }
        if (running != null) {
            try {
                running.join(CLOSE_MILLIS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private Selector open() throws IOException {
        Selector open = selector;
        if (open != null) {
            return open;
        }
        synchronized (this) {
            open = selector;
            if (open == null) {
                open = Selector.open();
                selector = open;
                Selector mine = open;
                Thread started = new Thread(() -> run(mine), endpoint.getName() + "-ProxyHeader");
                started.setDaemon(true);
                thread = started;
                started.start();
            }
            return open;
        }
    }

    // ------------------------------------------------------------------------------------- the lobby's thread only

    private void run(Selector mine) {
        long waitMillis = 0;
        while (!closed) {
            try {
                // The selectNow() of a step may have swallowed the wakeup of somebody who came meanwhile.
                if (arriving.isEmpty() && mine.selectedKeys().isEmpty()) {
                    mine.select(waitMillis);
                } else {
                    mine.selectNow();
                }
                waitMillis = step(mine, System.nanoTime());
            } catch (IOException | RuntimeException e) {
                log.error("can't look after connections that wait for a PROXY header: " + e, e);
            }
        }
        guests.forEach(guest -> endpoint.refuse(guest.channel, "the connector stops", true));
        for (Guest guest = arriving.poll(); guest != null; guest = arriving.poll()) {
            endpoint.refuse(guest.channel, "the connector stops", true);
        }
        try {
            mine.close();
        } catch (IOException e) {
            log.debug("can't close a selector: " + e, e);
        }
    }

    /** Does what is to be done at {@code now}; returns the milliseconds until the next deadline, 0 if there is none. */
    private long step(Selector mine, long now) throws IOException {
        for (Guest guest = arriving.poll(); guest != null; guest = arriving.poll()) {
            welcome(mine, guest);
        }
        List<Guest> leaving = serve(mine);
        expire(now);
        waiting = guests.size();
        if (!leaving.isEmpty()) {
            // A channel is free for the poller only when this selector has forgotten its key.
            mine.selectNow();
            leaving.forEach(guest -> leave(guest, guest.outcome));
        }
        if (guests.isEmpty()) {
            return 0;
        }
        long left = guests.iterator().next().deadline - System.nanoTime();
        return Math.max(1, TimeUnit.NANOSECONDS.toMillis(left) + 1);
    }

    private void welcome(Selector mine, Guest guest) {
        try {
            guest.channel.register(mine, SelectionKey.OP_READ, guest);
        } catch (IOException e) {
            endpoint.refuse(guest.channel, "the connection was lost", true);
            return;
        }
        guests.add(guest);
        if (guests.size() > endpoint.proxyHeaderPlaces()) {
            // Whoever is silent longest makes room: a balancer sends its header at once.
            Guest oldest = guests.iterator().next();
            guests.remove(oldest);
            endpoint.refuse(oldest.channel, "no PROXY header yet, and too many others wait", false);
        }
    }

    private List<Guest> serve(Selector mine) {
        List<Guest> leaving = new ArrayList<>();
        for (SelectionKey key : mine.selectedKeys()) {
            Guest guest = (Guest) key.attachment();
            if (guests.contains(guest) && !(guest.read() instanceof NeedMore)) {
                key.cancel();
                guests.remove(guest);
                leaving.add(guest);
            }
        }
        mine.selectedKeys().clear();
        return leaving;
    }

    private void expire(long now) {
        Iterator<Guest> oldest = guests.iterator();
        while (oldest.hasNext()) {
            Guest guest = oldest.next();
            if (guest.deadline - now > 0) {
                return;
            }
            oldest.remove();
            endpoint.refuse(guest.channel, "no whole PROXY header within proxyProtocolTimeout", false);
        }
    }

    // ------------------------------------------------------------------------------------- any thread

    private boolean leave(Guest guest, Outcome outcome) {
        if (outcome instanceof Done done) {
            ProxyProtocol proxied = guest.relayedOnly
                    ? null
                    : new ProxyProtocol(done.header(), Arrays.copyOf(guest.bytes.array(), done.length()));
            return endpoint.admit(guest.channel, guest.relayed, proxied);
        }
        String reason = outcome instanceof Malformed malformed ? malformed.reason() : "no PROXY header";
        if (guest.relayed != null) {
            reason +=
                    ", relayed for " + ProxyAddress.text(guest.relayed.source().getAddress());
        }
        // To connect and leave without a word is what probes of open ports do.
        return endpoint.refuse(guest.channel, reason, guest.bytes.position() == 0);
    }

    /** One waiting connection; used by one thread at a time. */
    private static final class Guest {
        /** Holds every header of version 1 and most of version 2; grows only by a length that the parser allowed. */
        private static final int USUAL_LENGTH = 128;

        final SocketChannel channel;
        final long deadline;
        /** Who the peer is, if that is what the first header said. */
        ProxyHeader.@Nullable Inet relayed;
        /** Whether that peer sends no header of its own. */
        boolean relayedOnly;

        ByteBuffer bytes = ByteBuffer.allocate(USUAL_LENGTH).limit(0);
        Outcome outcome = new NeedMore(1);
        /** What holds for a relayed peer; null if nobody relays, or no longer. */
        private @Nullable Function<SocketAddress, ProxyRule> ruleBehindRelay;

        Guest(SocketChannel channel, long deadline, @Nullable Function<SocketAddress, ProxyRule> ruleBehindRelay) {
            this.channel = channel;
            this.deadline = deadline;
            this.ruleBehindRelay = ruleBehindRelay;
        }

        /** Reads what has arrived of the header, and nothing of what follows it. */
        Outcome read() {
            try {
                while (true) {
                    outcome = behindRelay(
                            ProxyHeaderParser.parse(bytes.duplicate().flip()));
                    if (!(outcome instanceof NeedMore more)) {
                        return outcome;
                    }
                    makeRoom(bytes.position() + more.atLeast());
                    int count = channel.read(bytes);
                    if (count < 0) {
                        outcome = new Malformed("2: the stream ended before the header");
                        return outcome;
                    }
                    if (count == 0) {
                        return outcome;
                    }
                }
            } catch (IOException e) {
                outcome = new Malformed("2: the connection was lost before the header ended");
                return outcome;
            }
        }

        /** The relay's header is read; the peer that it names may have to send its own, within the same deadline. */
        private Outcome behindRelay(Outcome read) {
            Function<SocketAddress, ProxyRule> rule = ruleBehindRelay;
            if (rule == null || !(read instanceof Done done)) {
                return read;
            }
            ruleBehindRelay = null;
            if (!(done.header() instanceof ProxyHeader.Inet peer)) {
                return read;
            }
            relayed = peer;
            return switch (rule.apply(peer.source())) {
                case OFF -> {
                    relayedOnly = true;
                    yield read;
                }
                case REQUIRED, RELAYED -> {
                    bytes.clear().limit(0);
                    yield ProxyHeaderParser.parse(bytes);
                }
                case REFUSED -> new Malformed("2: the source is not in proxyProtocolTrust");
            };
        }

        private void makeRoom(int length) {
            if (length > bytes.capacity()) {
                bytes = ByteBuffer.allocate(length).put(bytes.flip());
            }
            bytes.limit(length);
        }
    }
}
