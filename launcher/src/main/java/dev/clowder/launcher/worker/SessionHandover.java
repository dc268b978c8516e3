package dev.clowder.launcher.worker;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.apache.catalina.Session;
import org.apache.juli.logging.Log;
import org.apache.juli.logging.LogFactory;
import org.jspecify.annotations.Nullable;

/**
 * Gives the sessions of this worker to another one: those of one slot to its successor, all of them when the worker
 * leaves. Legal order: {@link #leave} once when the worker drains, {@link #end} when its last request is over; everything else at
 * any time from any thread.
 */
final class SessionHandover {
    private static final Log LOG = LogFactory.getLog(SessionHandover.class);
    /** For requests that use sessions which are to move. What takes longer goes on here with its own copy. */
    private static final long QUIET = TimeUnit.SECONDS.toNanos(1);

    private static final long PAUSE = TimeUnit.MILLISECONDS.toNanos(2);
    /** For the successor to read what it got; as long as the supervisor waits for this worker by default. */
    private static final long TAKEN = TimeUnit.SECONDS.toNanos(30);

    private static final long LEAVE_MILLIS = 30_000;

    private final SessionPeers peers;
    private final SlotSockets sockets;
    private final Deadlines deadlines;
    /** Successors that wait, by the slot whose sessions they want. */
    private final Map<Integer, SocketChannel> successors = new ConcurrentHashMap<>();

    private volatile boolean leaving;
    private volatile @Nullable Thread leaver;

    SessionHandover(SessionPeers peers, SlotSockets sockets, Deadlines deadlines) {
        this.peers = peers;
        this.sockets = sockets;
        this.deadlines = deadlines;
    }

    /** Somebody wants the sessions of a slot; he keeps the connection open until he has them. */
    void waitFor(int number, SocketChannel successor) {
        SessionSlot wanted = peers.slot(number);
        if (wanted == null || !wanted.isHere()) {
            SessionPeers.close(successor);
        } else if (number == peers.slot() && !leaving) {
            SocketChannel before = successors.put(number, successor);
            if (before != null) {
                SessionPeers.close(before);
            }
        } else {
            SessionPeers.thread("sessions of slot " + number, () -> handOver(List.of(number), successor));
        }
    }

    /** Whether sessions of other slots are welcome. */
    boolean hasFuture() {
        return !leaving;
    }

    /** Begins to hand everything to a successor, else to any other worker. */
    void leave() {
        leaving = true;
        leaver = SessionPeers.thread("sessions leave", this::leaveNow);
    }

    private void leaveNow() {
        List<Integer> mine = peers.slots().stream()
                .filter(number -> peers.known(number).isHere())
                .toList();
        SocketChannel successor = successors.remove(peers.slot());
        if (mine.isEmpty() || (successor != null && handOver(mine, successor))) {
            return;
        }
        for (Path name : sockets.others(peers.slots())) {
            SocketChannel other = askToAdopt(name);
            if (other != null && handOver(mine, other)) {
                return;
            }
        }
    }

    /**
     * Returns when they are there; on failure they are here as before. Closes the connection. One at a time, so that
     * nothing goes to two.
     *
     * @param numbers the slots; none for what was begun after they had left
     */
    private synchronized boolean handOver(List<Integer> numbers, SocketChannel successor) {
        try (successor) {
            if (numbers.stream().anyMatch(number -> !peers.known(number).isHere())) {
                return false;
            }
            numbers.forEach(number -> peers.known(number).close());
            awaitQuiet(numbers);
            give(numbers, successor);
            return true;
        } catch (IOException e) {
            LOG.debug("sessions were not taken over", e);
        } catch (RuntimeException | LinkageError | VirtualMachineError e) {
            LOG.warn("sessions can't be handed over", e);
        }
        numbers.forEach(number -> peers.known(number).open());
        return false;
    }

    private void awaitQuiet(List<Integer> numbers) {
        long end = System.nanoTime() + QUIET;
        while (!numbers.stream().allMatch(number -> peers.known(number).isQuiet()) && System.nanoTime() - end < 0) {
            LockSupport.parkNanos(PAUSE);
        }
    }

    private void give(List<Integer> numbers, SocketChannel successor) throws IOException {
        List<StickySessions.Movable> moving = new ArrayList<>();
        List<SessionBundle.Packed> packed = new ArrayList<>();
        boolean given = false;
        try {
            for (StickySessions sessions : peers.applications()) {
                for (Session session : sessions.findSessions()) {
                    if (session instanceof StickySessions.Movable movable
                            && (numbers.isEmpty()
                                    || numbers.contains(SessionCookies.slotOf(session.getIdInternal())))) {
                        moving.add(movable);
                        pack(sessions, movable, packed);
                    }
                }
            }
            if (!numbers.isEmpty() || !packed.isEmpty()) {
                give(new SessionBundle(numbers, leaving ? sockets.own().toString() : "", packed), successor);
            }
            given = true;
        } finally {
            moving.forEach(given ? StickySessions.Movable::leave : StickySessions.Movable::stay);
        }
    }

    private void give(SessionBundle bundle, SocketChannel successor) throws IOException {
        byte answer;
        try (Deadlines.Exchange exchange = deadlines.begin(successor, PeerIntake.PIECE)) {
            bundle.write(PeerIntake.output(successor, exchange));
            exchange.renew(TAKEN);
            answer = PeerIntake.answer(successor);
        }
        // Who has their name has taken them, also if the word did not arrive.
        if (answer != PeerIntake.YES && bundle.slots().stream().allMatch(sockets::isMine)) {
            throw new IOException("nobody took the sessions");
        }
    }

    private static boolean pack(
            StickySessions sessions, StickySessions.Movable session, List<SessionBundle.Packed> into) {
        try {
            if (session.isValid()) {
                into.add(new SessionBundle.Packed(sessions.application(), sessions.pack(session)));
                return true;
            }
        } catch (IOException | RuntimeException | LinkageError | VirtualMachineError e) {
            LOG.warn(sessions.application() + ": a session is lost, it can't be written: " + e);
        }
        return false;
    }

    /** The answer to {@link SessionPeers#fetch}: what was begun here after everything else had left. */
    SessionBundle fetched(String id) throws IOException {
        List<SessionBundle.Packed> packed = new ArrayList<>();
        for (StickySessions sessions : peers.applications()) {
            if (sessions.here(id) instanceof StickySessions.Movable session && pack(sessions, session, packed)) {
                session.leave();
            }
        }
        return new SessionBundle(List.of(), "", packed);
    }

    /** When the last request has ended: what was begun meanwhile goes too. */
    void end() {
        Thread running = leaver;
        if (running == null) {
            return;
        }
        try {
            running.join(LEAVE_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        SessionSlot mine = peers.slot(peers.slot());
        SocketChannel owner = mine == null || mine.isHere() ? null : askToAdopt(sockets.name(peers.slot()));
        if (owner != null) {
            handOver(List.of(), owner);
        }
    }

    /** A connection over which a bundle may follow; null if that worker is no more. */
    private static @Nullable SocketChannel askToAdopt(Path socket) {
        try {
            SocketChannel channel = SlotSockets.connect(socket);
            if (channel != null) {
                try {
                    PeerIntake.say(channel, PeerIntake.ADOPT, ByteBuffer.allocate(0));
                } catch (IOException e) {
                    SessionPeers.close(channel);
                    throw e;
                }
            }
            return channel;
        } catch (IOException e) {
            LOG.debug("a worker is dying", e);
            return null;
        }
    }
}
