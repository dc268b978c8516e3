package dev.clowder.launcher.worker;

import dev.clowder.valve.ConnectionPeer;
import io.netty.channel.epoll.Epoll;
import java.io.IOException;
import java.net.ConnectException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.apache.catalina.Session;
import org.apache.juli.logging.Log;
import org.apache.juli.logging.LogFactory;
import org.jspecify.annotations.Nullable;

/**
 * The workers of a cluster as far as their sticky sessions go: which of them this one has, and where the others are. No
 * supervisor takes part. {@code sessions-SLOT.sock} in the run directory is always the socket of the worker that has the
 * sessions of that slot: a second name of that worker's own socket, given by renaming. So every worker finds the owner by
 * connecting, and a dead one by being refused.
 *
 * <p>Legal order: {@link #begin} when the applications have started and the worker has its slot, {@link #leave} once when the worker drains,
 * {@link #end}. Everything else at any time from any thread. Linux.
 */
final class SessionPeers {
    private static final Log LOG = LogFactory.getLog(SessionPeers.class);
    /** For requests that use sessions which are to move. What takes longer goes on here with its own copy. */
    private static final long QUIET = TimeUnit.SECONDS.toNanos(1);

    /** For the successor to read what it got; as long as the supervisor waits for this worker by default. */
    private static final long TAKEN = TimeUnit.SECONDS.toNanos(30);

    private static final long LEAVE_MILLIS = 30_000;
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

    private final Path directory;
    /** 0 before {@link #begin}. */
    private volatile int slot;

    private final Path own;
    private final List<WorkerEndpoint> endpoints;
    private final SessionCookies cookies = new SessionCookies();
    private final Map<Integer, SessionSlot> slots = new ConcurrentHashMap<>();
    private final Map<String, StickySessions> applications = new ConcurrentHashMap<>();
    private final Descriptors descriptors;
    private final Deadlines deadlines;
    /** Slots whose owner did not answer in time when it was last asked. */
    private final Set<Integer> mute = ConcurrentHashMap.newKeySet();

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
    SessionPeers(Path directory, int id, List<WorkerEndpoint> endpoints) throws IOException {
        if (!Epoll.isAvailable()) {
            throw new IOException("sockets can't be passed to other processes here");
        }
        this.directory = directory;
        this.own = directory.resolve("worker-" + id + "-s.sock");
        this.endpoints = endpoints;
        this.descriptors = new Descriptors();
        this.deadlines = new Deadlines(descriptors);
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
    void begin(int number) throws IOException {
        slot = number;
        applications.values().forEach(StickySessions::followSlot);
        if (cookies.isEmpty()) {
            return;
        }
        PeerIntake opened = new PeerIntake(own, this, descriptors, deadlines);
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
        try (SocketChannel owner = connect(name(slot))) {
            return owner != null;
        } catch (IOException e) {
            LOG.debug("the owner of slot " + slot + " has no time", e);
            return true;
        }
    }

    /** Until this worker has the sessions of its slot; false if that has to be tried again. */
    private boolean follow() {
        try (SocketChannel owner = connect(name(slot))) {
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
            LOG.debug("no sessions from " + name(slot), e);
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
            SocketChannel other = askToAdopt(name);
            if (other != null && handOver(mine, other)) {
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
            give(numbers, successor);
            return true;
        } catch (IOException e) {
            LOG.debug("sessions were not taken over", e);
        } catch (RuntimeException | LinkageError | VirtualMachineError e) {
            LOG.warn("sessions can't be handed over", e);
        }
        numbers.forEach(number -> known(number).open());
        return false;
    }

    private void awaitQuiet(List<Integer> numbers) {
        long end = System.nanoTime() + QUIET;
        while (!numbers.stream().allMatch(number -> known(number).isQuiet()) && System.nanoTime() - end < 0) {
            LockSupport.parkNanos(PAUSE / 10);
        }
    }

    private void give(List<Integer> numbers, SocketChannel successor) throws IOException {
        List<StickySessions.Movable> moving = new ArrayList<>();
        List<SessionBundle.Packed> packed = new ArrayList<>();
        boolean given = false;
        try {
            for (StickySessions sessions : applications.values()) {
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
                give(new SessionBundle(numbers, leaving ? own.toString() : "", packed), successor);
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
        if (answer != PeerIntake.YES && bundle.slots().stream().allMatch(this::isStillMine)) {
            throw new IOException("nobody took the sessions");
        }
    }

    private boolean isStillMine(int number) {
        try {
            return Files.isSameFile(name(number), own);
        } catch (IOException e) {
            LOG.debug("can't tell who has slot " + number, e);
            return true;
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

    /** Asks the predecessor for a session; true if some came. */
    boolean fetch(String id) {
        SessionSlot of = slots.get(SessionCookies.slotOf(id));
        Path predecessor = of == null ? null : of.predecessor();
        if (of == null || predecessor == null) {
            return false;
        }
        try (SocketChannel from = connect(predecessor)) {
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

    /** The answer to {@link #fetch}: what was begun here after everything else had left. */
    SessionBundle fetched(String id) throws IOException {
        List<SessionBundle.Packed> packed = new ArrayList<>();
        for (StickySessions sessions : applications.values()) {
            if (sessions.here(id) instanceof StickySessions.Movable session && pack(sessions, session, packed)) {
                session.leave();
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
        SocketChannel owner = mine == null || mine.isHere() ? null : askToAdopt(name(slot));
        if (owner != null) {
            handOver(List.of(), owner);
        }
        if (intake != null) {
            intake.close();
        }
    }

    private Path name(int number) {
        return directory.resolve("sessions-" + number + ".sock");
    }

    /** Without waiting; null if nobody listens there. */
    private static @Nullable SocketChannel connect(Path socket) throws IOException {
        SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
        try {
            channel.configureBlocking(false);
            if (channel.connect(UnixDomainSocketAddress.of(socket))) {
                channel.configureBlocking(true);
                return channel;
            }
        } catch (ConnectException e) {
            close(channel);
            return null;
        } catch (IOException e) {
            close(channel);
            if (Files.notExists(socket)) {
                return null;
            }
            throw e;
        }
        close(channel);
        throw new IOException("too many wait at " + socket);
    }

    /** A connection over which a bundle may follow; null if that worker is no more. */
    private static @Nullable SocketChannel askToAdopt(Path socket) {
        try {
            SocketChannel channel = connect(socket);
            if (channel != null) {
                try {
                    PeerIntake.say(channel, PeerIntake.ADOPT, ByteBuffer.allocate(0));
                } catch (IOException e) {
                    close(channel);
                    throw e;
                }
            }
            return channel;
        } catch (IOException e) {
            LOG.debug("a worker is dying", e);
            return null;
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
