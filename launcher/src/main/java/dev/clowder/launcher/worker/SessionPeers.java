package dev.clowder.launcher.worker;

import dev.clowder.valve.ConnectionPeer;
import io.netty.channel.epoll.Epoll;
import java.io.BufferedOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.apache.catalina.Session;
import org.apache.catalina.session.StandardSession;
import org.apache.juli.logging.Log;
import org.apache.juli.logging.LogFactory;
import org.jspecify.annotations.Nullable;

/**
 * The workers of a cluster as far as their sticky sessions go: which of them this one has, and where the others are. No
 * supervisor takes part. {@code sessions-SLOT.sock} in the run directory is always the socket of the worker that has the
 * sessions of that slot: a second name of that worker's own socket, given by renaming. So every worker finds the owner by
 * connecting, and a dead one by being refused.
 *
 * <p>Legal order: {@link #begin} when the applications have started, {@link #leave} once when the worker drains,
 * {@link #end}. Everything else at any time from any thread. Linux.
 */
final class SessionPeers {
    private static final Log LOG = LogFactory.getLog(SessionPeers.class);
    /** For requests that use sessions which are to move. What takes longer goes on here with its own copy. */
    private static final long QUIET = TimeUnit.SECONDS.toNanos(1);

    private static final long LEAVE_MILLIS = 10_000;
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

    private final Path directory;
    private final int slot;
    private final Path own;
    private final List<WorkerEndpoint> endpoints;
    private final SessionCookies cookies = new SessionCookies();
    private final Map<Integer, SessionSlot> slots = new ConcurrentHashMap<>();
    private final Map<String, StickySessions> applications = new ConcurrentHashMap<>();
    private final Descriptors descriptors;
    private @Nullable PeerIntake intake;
    /** Successors that wait, by the slot whose sessions they want. */
    private final Map<Integer, SocketChannel> successors = new ConcurrentHashMap<>();

    private volatile boolean leaving;
    private volatile boolean over;
    private @Nullable Thread leaver;

    /**
     * @param directory of the cluster
     * @param endpoints of all ports, in the same order in each worker
     * @throws IOException where sockets can't be passed
     */
    SessionPeers(Path directory, int slot, int id, List<WorkerEndpoint> endpoints) throws IOException {
        if (!Epoll.isAvailable()) {
            throw new IOException("sockets can't be passed to other processes here");
        }
        this.directory = directory;
        this.slot = slot;
        this.own = directory.resolve("worker-" + id + "-s.sock");
        this.endpoints = endpoints;
        this.descriptors = new Descriptors();
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

    private SessionSlot known(int number) {
        return slots.computeIfAbsent(number, n -> new SessionSlot());
    }

    void add(StickySessions sessions, String cookie, String parameter) {
        applications.put(sessions.application(), sessions);
        cookies.add(cookie, parameter);
    }

    void remove(StickySessions sessions) {
        applications.remove(sessions.application(), sessions);
    }

    /** Takes the sessions of this slot: at once if nobody has them, else when their owner leaves. */
    void begin() throws IOException {
        if (cookies.isEmpty()) {
            return;
        }
        PeerIntake opened = new PeerIntake(own, this, descriptors);
        intake = opened;
        opened.start();
        SocketChannel owner = connect(name(slot));
        if (owner == null) {
            take(List.of(slot));
        } else {
            close(owner);
            thread("sessions of slot " + slot, () -> {
                while (!over && !follow()) {
                    LockSupport.parkNanos(PAUSE);
                }
            });
        }
    }

    /** Until this worker has the sessions of its slot; false if that has to be tried again. */
    private boolean follow() {
        SocketChannel owner = connect(name(slot));
        if (owner == null) {
            // It has died, and its sessions with it.
            take(List.of(slot));
            return true;
        }
        try (owner) {
            PeerIntake.say(
                    owner,
                    PeerIntake.SUCCESSOR,
                    ByteBuffer.allocate(Integer.BYTES).putInt(0, slot));
            accept(SessionBundle.read(PeerIntake.input(owner)), owner);
            return true;
        } catch (IOException e) {
            LOG.debug("no sessions from " + name(slot), e);
            return false;
        }
    }

    /** Goes on with what another worker had. */
    void accept(SessionBundle bundle, SocketChannel from) throws IOException {
        for (int number : bundle.slots()) {
            known(number).setPredecessor(bundle.sender().isEmpty() ? null : Path.of(bundle.sender()));
        }
        unpack(bundle);
        take(bundle.slots());
        from.write(ByteBuffer.wrap(new byte[] {PeerIntake.YES}));
        if (!bundle.slots().isEmpty()) {
            LOG.info(bundle.sessions().size() + " sessions taken over, slot " + bundle.slots());
        }
    }

    private void unpack(SessionBundle bundle) {
        for (SessionBundle.Packed packed : bundle.sessions()) {
            StickySessions sessions = applications.get(packed.application());
            if (sessions != null) {
                try {
                    sessions.unpack(packed.bytes());
                } catch (IOException | ClassNotFoundException | RuntimeException | LinkageError e) {
                    LOG.warn(packed.application() + ": a session is lost, it can't be read here: " + e);
                }
            }
        }
    }

    private void take(List<Integer> numbers) {
        for (int number : numbers) {
            try {
                Path next = directory.resolve("sessions-" + number + "-" + own.getFileName());
                Files.deleteIfExists(next);
                Files.createLink(next, own);
                Files.move(next, name(number), StandardCopyOption.ATOMIC_MOVE);
                Files.deleteIfExists(next);
            } catch (IOException e) {
                LOG.warn("sessions of slot " + number + " can't be found by other workers", e);
            }
            known(number).open();
        }
    }

    /** Passes a connection on with what was read of it; see {@link Answer}. The descriptor stays open here. */
    Answer move(int number, int listener, SocketChannel connection, ConnectionPeer peer, ByteBuffer read) {
        SocketChannel owner = owner(number);
        if (owner == null) {
            return Answer.NOBODY;
        }
        try (owner) {
            return PeerIntake.pass(owner, number, listener, connection, peer, read, descriptors);
        } catch (IOException e) {
            LOG.debug("the owner of slot " + number + " is dying", e);
            return Answer.LATER;
        }
    }

    /** A connection to the worker that has the sessions of a slot; null if nobody has. */
    @Nullable
    SocketChannel owner(int number) {
        return connect(name(number));
    }

    /** The endpoint of a port. */
    WorkerEndpoint endpoint(int listener) {
        return endpoints.get(listener);
    }

    /** Somebody wants the sessions of a slot; he keeps the connection open until he has them. */
    void waitFor(int number, SocketChannel successor) {
        SessionSlot wanted = slots.get(number);
        if (wanted == null || !wanted.isHere()) {
            close(successor);
        } else if (number == slot && !leaving) {
            SocketChannel before = successors.put(number, successor);
            if (before != null) {
                close(before);
            }
        } else {
            thread("sessions of slot " + number, () -> handOver(List.of(number), successor));
        }
    }

    /** Whether sessions of other slots are welcome. */
    boolean hasFuture() {
        return !leaving;
    }

    /** Begins to hand everything to a successor, else to any other worker. */
    void leave() {
        leaving = true;
        if (intake != null) {
            leaver = thread("sessions leave", this::leaveNow);
        }
    }

    private void leaveNow() {
        List<Integer> mine = slots.entrySet().stream()
                .filter(entry -> entry.getValue().isHere())
                .map(Map.Entry::getKey)
                .toList();
        SocketChannel successor = successors.remove(slot);
        if (mine.isEmpty() || (successor != null && handOver(mine, successor))) {
            return;
        }
        for (Path name : others()) {
            SocketChannel other = connect(name);
            if (other != null && say(other, PeerIntake.ADOPT) && handOver(mine, other)) {
                return;
            }
        }
    }

    private List<Path> others() {
        try (Stream<Path> files = Files.list(directory)) {
            return files.filter(file -> file.getFileName().toString().matches("sessions-\\d+\\.sock"))
                    .filter(file -> slots.keySet().stream().noneMatch(number -> file.equals(name(number))))
                    .toList();
        } catch (IOException e) {
            return List.of();
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
            if (numbers.stream().anyMatch(number -> !known(number).isHere())) {
                return false;
            }
            numbers.forEach(number -> known(number).close());
            awaitQuiet(numbers);
            give(numbers, successor).forEach(session -> session.getManager().remove(session, false));
            return true;
        } catch (IOException | RuntimeException e) {
            LOG.debug("sessions were not taken over", e);
            numbers.forEach(number -> known(number).open());
            return false;
        }
    }

    private void awaitQuiet(List<Integer> numbers) {
        long end = System.nanoTime() + QUIET;
        while (!numbers.stream().allMatch(number -> known(number).isQuiet()) && System.nanoTime() - end < 0) {
            LockSupport.parkNanos(PAUSE / 10);
        }
    }

    private List<Session> give(List<Integer> numbers, SocketChannel successor) throws IOException {
        List<Session> left = new ArrayList<>();
        List<SessionBundle.Packed> packed = new ArrayList<>();
        for (StickySessions sessions : applications.values()) {
            for (Session session : sessions.findSessions()) {
                if ((numbers.isEmpty() || numbers.contains(SessionCookies.slotOf(session.getIdInternal())))
                        && pack(sessions, session, packed)) {
                    left.add(session);
                }
            }
        }
        if (numbers.isEmpty() && packed.isEmpty()) {
            return left;
        }
        new SessionBundle(numbers, leaving ? own.toString() : "", packed)
                .write(new DataOutputStream(new BufferedOutputStream(Channels.newOutputStream(successor))));
        if (PeerIntake.answer(successor) != PeerIntake.YES) {
            throw new IOException("nobody took the sessions");
        }
        return left;
    }

    private static boolean pack(StickySessions sessions, Session session, List<SessionBundle.Packed> into) {
        try {
            if (session instanceof StandardSession standard && session.isValid()) {
                into.add(new SessionBundle.Packed(sessions.application(), sessions.pack(standard)));
                return true;
            }
        } catch (IOException | RuntimeException | LinkageError e) {
            LOG.warn(sessions.application() + ": a session is lost, it can't be written: " + e);
        }
        return false;
    }

    /** Asks the predecessor for a session; true if some came. */
    boolean fetch(String id) {
        SessionSlot of = slots.get(SessionCookies.slotOf(id));
        Path predecessor = of == null ? null : of.predecessor();
        if (of == null || predecessor == null) {
            return false;
        }
        SocketChannel from = connect(predecessor);
        if (from == null) {
            of.setPredecessor(null);
            return false;
        }
        try (from) {
            PeerIntake.say(from, PeerIntake.FETCH, ByteBuffer.wrap(id.getBytes(StandardCharsets.UTF_8)));
            SessionBundle bundle = SessionBundle.read(PeerIntake.input(from));
            unpack(bundle);
            return !bundle.sessions().isEmpty();
        } catch (IOException e) {
            LOG.debug("the predecessor is gone", e);
            return false;
        }
    }

    /** The answer to {@link #fetch}: what was begun here after everything else had left. */
    SessionBundle fetched(String id) throws IOException {
        List<SessionBundle.Packed> packed = new ArrayList<>();
        for (StickySessions sessions : applications.values()) {
            Session session = sessions.here(id);
            if (session != null && pack(sessions, session, packed)) {
                sessions.remove(session, false);
            }
        }
        return new SessionBundle(List.of(), "", packed);
    }

    /** When the last request has ended: what was begun meanwhile goes too. */
    void end() {
        over = true;
        Thread running = leaver;
        if (running == null) {
            return;
        }
        try {
            running.join(LEAVE_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        SessionSlot mine = slots.get(slot);
        SocketChannel owner = mine == null || mine.isHere() ? null : connect(name(slot));
        if (owner != null && say(owner, PeerIntake.ADOPT)) {
            handOver(List.of(), owner);
        }
        if (intake != null) {
            intake.close();
        }
    }

    private Path name(int number) {
        return directory.resolve("sessions-" + number + ".sock");
    }

    private static @Nullable SocketChannel connect(Path socket) {
        SocketChannel channel = null;
        try {
            channel = SocketChannel.open(StandardProtocolFamily.UNIX);
            channel.connect(UnixDomainSocketAddress.of(socket));
            return channel;
        } catch (IOException e) {
            if (channel != null) {
                close(channel);
            }
            return null;
        }
    }

    private static boolean say(SocketChannel channel, byte what) {
        try {
            PeerIntake.say(channel, what, ByteBuffer.allocate(0));
            return true;
        } catch (IOException e) {
            close(channel);
            return false;
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
