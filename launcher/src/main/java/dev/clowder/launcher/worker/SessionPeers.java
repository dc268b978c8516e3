package dev.clowder.launcher.worker;

import dev.clowder.valve.ConnectionPeer;
import io.netty.channel.epoll.Epoll;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.apache.catalina.Session;
import org.apache.juli.logging.Log;
import org.apache.juli.logging.LogFactory;
import org.jspecify.annotations.Nullable;

/**
 * The workers of a cluster as far as their sticky sessions go: which of them this one has, and where the others are
 * ({@link SlotSockets}). No supervisor takes part. {@link SessionHandover} gives them away.
 *
 * <p>Legal order: {@link #begin} when the applications have started and the worker has its slot, {@link #leave} once when the worker drains,
 * {@link #end}. Everything else at any time from any thread. Linux.
 */
final class SessionPeers {
    private static final Log LOG = LogFactory.getLog(SessionPeers.class);
    /** For a request; while sessions move from one worker to the next, and a little more. */
    private static final long PATIENCE = TimeUnit.SECONDS.toNanos(5);
    /** For a request whose predecessors have waited in vain. */
    private static final long IMPATIENCE = TimeUnit.MILLISECONDS.toNanos(250);

    private static final long PAUSE = TimeUnit.MILLISECONDS.toNanos(20);

    /** What came of the attempt to move a connection. */
    enum Answer {
        /** It is served there. */
        TAKEN,
        /** The sessions are about to move. */
        LATER,
        /** Nobody has sessions of that slot: they are lost. */
        NOBODY
    }

    /** 0 before {@link #begin}. */
    private volatile int slot;

    private final SlotSockets sockets;
    private final List<WorkerEndpoint> endpoints;
    private final SessionCookies cookies = new SessionCookies();
    private final Map<Integer, SessionSlot> slots = new ConcurrentHashMap<>();
    private final Map<String, StickySessions> applications = new ConcurrentHashMap<>();
    private final Descriptors descriptors;
    private final Deadlines deadlines;
    /** Slots whose owner did not answer in time when it was last asked. */
    private final Set<Integer> mute = ConcurrentHashMap.newKeySet();

    private final SessionHandover handover;
    private @Nullable PeerIntake intake;
    private volatile boolean over;

    /**
     * @param directory of the cluster
     * @param endpoints of all ports, in the same order in each worker
     * @throws IOException where sockets can't be passed
     */
    SessionPeers(Path directory, int id, List<WorkerEndpoint> endpoints) throws IOException {
        if (!Epoll.isAvailable()) {
            throw new IOException("sockets can't be passed to other processes here");
        }
        this.sockets = new SlotSockets(directory, id);
        this.endpoints = endpoints;
        this.descriptors = new Descriptors();
        this.deadlines = new Deadlines(descriptors);
        this.handover = new SessionHandover(this, sockets, deadlines);
    }

    int slot() {
        return slot;
    }

    SessionCookies cookies() {
        return cookies;
    }

    /** Null if this worker never had sessions of that slot. */
    @Nullable
    SessionSlot slot(int number) {
        return slots.get(number);
    }

    SessionSlot known(int number) {
        return slots.computeIfAbsent(number, n -> new SessionSlot());
    }

    /** Those of which this worker has sessions, or had. */
    Set<Integer> slots() {
        return slots.keySet();
    }

    Collection<StickySessions> applications() {
        return applications.values();
    }

    SessionHandover handover() {
        return handover;
    }

    void add(StickySessions sessions, String cookie, String parameter) {
        applications.put(sessions.application(), sessions);
        cookies.add(cookie, parameter);
    }

    void remove(StickySessions sessions) {
        applications.remove(sessions.application(), sessions);
    }

    /** Takes the sessions of this slot: at once if nobody has them, else when their owner leaves. */
    void begin(int number) throws IOException {
        slot = number;
        applications.values().forEach(StickySessions::followSlot);
        if (cookies.isEmpty()) {
            return;
        }
        PeerIntake opened = new PeerIntake(sockets.own(), this, descriptors, deadlines);
        intake = opened;
        opened.start();
        if (isOwned()) {
            thread("sessions of slot " + slot, () -> {
                while (!over && !follow()) {
                    LockSupport.parkNanos(PAUSE);
                }
            });
        } else {
            take(List.of(slot));
        }
    }

    private boolean isOwned() {
        try (SocketChannel owner = sockets.owner(slot)) {
            return owner != null;
        } catch (IOException e) {
            LOG.debug("the owner of slot " + slot + " has no time", e);
            return true;
        }
    }

    /** Until this worker has the sessions of its slot; false if that has to be tried again. */
    private boolean follow() {
        try (SocketChannel owner = sockets.owner(slot)) {
            if (owner == null) {
                // It has died, and its sessions with it.
                take(List.of(slot));
                return true;
            }
            try (Deadlines.Exchange exchange = deadlines.begin(owner, PeerIntake.EXCHANGE)) {
                PeerIntake.say(
                        owner,
                        PeerIntake.SUCCESSOR,
                        ByteBuffer.allocate(Integer.BYTES).putInt(0, slot));
                // As long as it lives; from its first word on it has to go on.
                exchange.renew(Deadlines.NONE);
                accept(PeerIntake.bundle(owner, exchange), owner);
            }
            return true;
        } catch (IOException e) {
            LOG.debug("no sessions of slot " + slot, e);
            return false;
        }
    }

    /** Goes on with what another worker had; nothing has happened if that one keeps it. */
    void accept(SessionBundle bundle, SocketChannel from) throws IOException {
        for (int number : bundle.slots()) {
            known(number).setPredecessor(bundle.sender().isEmpty() ? null : Path.of(bundle.sender()));
        }
        List<Session> came = unpack(bundle);
        if (PeerIntake.isGone(from)) {
            came.forEach(session -> session.getManager().remove(session, false));
            throw new IOException("who brought sessions did not wait until they were read");
        }
        take(bundle.slots());
        try {
            PeerIntake.answer(from, PeerIntake.YES);
        } catch (IOException e) {
            // They are here all the same, and the other one finds that out.
            LOG.debug("who brought sessions is gone", e);
        }
        if (!bundle.slots().isEmpty()) {
            LOG.info(bundle.sessions().size() + " sessions taken over, slot " + bundle.slots());
        }
    }

    private List<Session> unpack(SessionBundle bundle) {
        List<Session> unpacked = new ArrayList<>();
        for (SessionBundle.Packed packed : bundle.sessions()) {
            StickySessions sessions = applications.get(packed.application());
            if (sessions != null) {
                try {
                    Session session = sessions.unpack(packed.bytes());
                    if (session != null) {
                        unpacked.add(session);
                    }
                } catch (IOException
                        | ClassNotFoundException
                        | RuntimeException
                        | LinkageError
                        | VirtualMachineError e) {
                    LOG.warn(packed.application() + ": a session is lost, it can't be read here: " + e);
                }
            }
        }
        return unpacked;
    }

    private void take(List<Integer> numbers) {
        for (int number : numbers) {
            try {
                sockets.claim(number);
            } catch (IOException e) {
                LOG.warn("sessions of slot " + number + " can't be found by other workers", e);
            }
            known(number).open();
        }
    }

    /** How long a request may wait for the sessions of a slot. */
    long patience(int number) {
        return mute.contains(number) ? IMPATIENCE : PATIENCE;
    }

    /**
     * Passes a connection on with what was read of it; see {@link Answer}. The descriptor stays open here.
     *
     * @param patience in nanoseconds
     */
    Answer move(
            int number, int listener, SocketChannel connection, ConnectionPeer peer, ByteBuffer read, long patience) {
        try (SocketChannel owner = owner(number)) {
            if (owner == null) {
                return Answer.NOBODY;
            }
            try (Deadlines.Exchange exchange = deadlines.begin(owner, patience)) {
                Answer answer = PeerIntake.pass(owner, number, listener, connection, peer, read, descriptors);
                note(number, exchange.isLate());
                return answer;
            }
        } catch (IOException e) {
            LOG.debug("the owner of slot " + number + " is dying", e);
            return Answer.LATER;
        }
    }

    /**
     * Offers a request to the owner of its slot; it may follow over the connection that is returned.
     *
     * @param patience in nanoseconds
     * @return null if the sessions are about to move
     */
    @Nullable
    SocketChannel offer(SocketChannel owner, int number, int listener, byte[] facts, long patience) {
        boolean agreed = false;
        try (Deadlines.Exchange exchange = deadlines.begin(owner, patience)) {
            agreed = PeerIntake.offer(owner, number, listener, facts);
            note(number, exchange.isLate());
        } catch (IOException e) {
            LOG.debug("the owner of slot " + number + " is dying", e);
        }
        if (agreed) {
            return owner;
        }
        close(owner);
        return null;
    }

    private void note(int number, boolean isMute) {
        if (isMute) {
            mute.add(number);
        } else if (!mute.isEmpty()) {
            mute.remove(number);
        }
    }

    /**
     * A connection to the worker that has the sessions of a slot; null if nobody has.
     *
     * @throws IOException if that can't be told now
     */
    @Nullable
    SocketChannel owner(int number) throws IOException {
        return sockets.owner(number);
    }

    /** The endpoint of a port. */
    WorkerEndpoint endpoint(int listener) {
        return endpoints.get(listener);
    }

    /** Asks the predecessor for a session; true if some came. */
    boolean fetch(String id) {
        SessionSlot of = slots.get(SessionCookies.slotOf(id));
        Path predecessor = of == null ? null : of.predecessor();
        if (of == null || predecessor == null) {
            return false;
        }
        try (SocketChannel from = SlotSockets.connect(predecessor)) {
            if (from == null) {
                of.setPredecessor(null);
                return false;
            }
            try (Deadlines.Exchange exchange = deadlines.begin(from, PeerIntake.EXCHANGE)) {
                PeerIntake.say(from, PeerIntake.FETCH, ByteBuffer.wrap(id.getBytes(StandardCharsets.UTF_8)));
                return !unpack(PeerIntake.bundle(from, exchange)).isEmpty();
            }
        } catch (IOException e) {
            // Or it is stopped: not every request for a session that is no more shall wait for that.
            LOG.debug("the predecessor does not answer", e);
            of.setPredecessor(null);
            return false;
        }
    }

    /** Begins to hand everything over. */
    void leave() {
        if (intake != null) {
            handover.leave();
        }
    }

    /** When the last request has ended. */
    void end() {
        over = true;
        handover.end();
        if (intake != null) {
            intake.close();
        }
    }

    static void close(SocketChannel channel) {
        try {
            channel.close();
        } catch (IOException e) {
            LOG.debug("can't close a connection", e);
        }
    }

    static Thread thread(String name, Runnable task) {
        Thread thread = new Thread(task, name);
        thread.setDaemon(true);
        thread.start();
        return thread;
    }
}
