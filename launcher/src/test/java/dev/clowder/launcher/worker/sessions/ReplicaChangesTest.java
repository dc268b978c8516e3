package dev.clowder.launcher.worker.sessions;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.clowder.launcher.wire.Message;
import dev.clowder.launcher.worker.sessions.ReplicaFrame.Entry;
import dev.clowder.launcher.worker.sessions.ReplicaFrame.Kind;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channel;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Workers over real channels; some of them say exactly what the test wants, when it wants. */
class ReplicaChangesTest {
    private static final Duration SOON = Duration.ofSeconds(60);
    private static final String CART = "localhost/shop 0123";

    @TempDir
    private Path directory;

    private ReplicaGroup group;
    private final List<ReplicaChannel> channels = new ArrayList<>();
    private final List<Replicas> supervised = new ArrayList<>();
    private final List<Channel> sockets = new ArrayList<>();
    private final ExecutorService threads = Executors.newCachedThreadPool();

    @BeforeEach
    void begin() {
        group = new ReplicaGroup(directory);
    }

    @AfterEach
    void end() {
        threads.shutdownNow();
        group.close();
        supervised.forEach(Replicas::close);
        channels.forEach(ReplicaChannel::stop);
        sockets.forEach(ReplicaIntake::close);
    }

    /** A worker that the test plays. */
    private final class Played {
        private final int id;
        private final ReplicaChannel channel;
        private final BlockingQueue<ReplicaFrame> heard = new LinkedBlockingQueue<>();

        Played(int id) throws Exception {
            this.id = id;
            channel = new ReplicaChannel(directory, id, heard::add);
            channels.add(channel);
            channel.start(ReplicaGroup.KEY);
            group.add(id);
        }

        ReplicaFrame hear(Kind kind) throws InterruptedException {
            for (ReplicaFrame frame = next(); ; frame = next()) {
                if (frame.kind() == kind) {
                    return frame;
                }
            }
        }

        private ReplicaFrame next() throws InterruptedException {
            ReplicaFrame frame = heard.poll(SOON.toSeconds(), TimeUnit.SECONDS);
            assertThat(frame).as("what worker %d hears", id).isNotNull();
            return frame;
        }

        void tell(int to, Kind kind, String key, Entry entry) throws Exception {
            assertThat(channel.send(new ReplicaFrame(kind, id, key, entry), Set.of(to)))
                    .isEmpty();
        }
    }

    private static Entry entry(long version, long dataVersion, long accessed, String text) {
        return new Entry(version, dataVersion, accessed, 60, text.getBytes(UTF_8));
    }

    private static String text(StoredSession stored) {
        return stored == null ? "nothing" : new String(stored.data(), UTF_8);
    }

    @Test
    void aUseThatIsToldBeforeTheSessionItselfIsNotLostToWhoJoins() throws Exception {
        Played old = new Played(1);
        Future<Replicas> joining = threads.submit(() -> group.join(2));
        int joiner = old.hear(Kind.JOIN).sender();
        // Of the version that was read before the use came, and is told behind it.
        old.tell(joiner, Kind.TOUCH, CART, entry(102, 100, 9_000, ""));
        old.tell(joiner, Kind.TOUCH, CART, entry(101, 100, 8_000, ""));
        old.tell(joiner, Kind.COPY, CART, entry(99, 99, 6_000, "an older cart"));
        old.tell(joiner, Kind.COPY, CART, entry(100, 100, 7_000, "a cart"));
        old.tell(joiner, Kind.ALL_TOLD, "", null);
        Replicas joined = joining.get(SOON.toSeconds(), TimeUnit.SECONDS);

        assertThat(text(joined.peek(CART))).isEqualTo("a cart");
        assertThat(joined.peek(CART).accessed()).isEqualTo(9_000);
        try (SessionStore.Lease lease = joined.lease(CART)) {
            lease.save("another cart".getBytes(UTF_8), 10_000, 60);
        }
        assertThat(old.hear(Kind.COPY).entry().version())
                .as("newer than all that others have")
                .isEqualTo(103);
    }

    @Test
    void aUseOfAnOlderVersionChangesNothing() throws Exception {
        Played old = new Played(1);
        Future<Replicas> joining = threads.submit(() -> group.join(2));
        int joiner = old.hear(Kind.JOIN).sender();
        old.tell(joiner, Kind.COPY, CART, entry(100, 100, 7_000, "a cart"));
        old.tell(joiner, Kind.TOUCH, CART, entry(99, 98, 6_000, ""));
        old.tell(joiner, Kind.TOUCH, CART, entry(103, 102, 9_000, ""));
        old.tell(joiner, Kind.COPY, CART, entry(104, 104, 9_500, "a new cart"));
        old.tell(joiner, Kind.ALL_TOLD, "", null);
        Replicas joined = joining.get(SOON.toSeconds(), TimeUnit.SECONDS);
        assertThat(text(joined.peek(CART))).isEqualTo("a new cart");
        assertThat(joined.peek(CART).accessed()).isEqualTo(9_500);
    }

    @Test
    void onlyTheWorkerThatHangsIsReportedWhenMoreRequestsThanSendersWaitForIt() throws Exception {
        Played counting = new Played(5);
        Replicas healthy = joined(1, counting);
        Replicas busy = joined(2, counting);
        hung();
        introduce(3, 2);
        Map<String, Future<?>> changes = new HashMap<>();
        for (int i = 0; i < 200; i++) {
            String key = "localhost/shop " + i;
            changes.put(key, threads.submit(() -> save(busy, key)));
        }
        for (Map.Entry<String, Future<?>> change : changes.entrySet()) {
            change.getValue().get(SOON.toSeconds(), TimeUnit.SECONDS);
            assertThat(text(healthy.peek(change.getKey()))).isEqualTo(change.getKey());
        }
        assertThat(group.lost()).containsExactly(3);
        assertThat(counting.heard.stream().filter(frame -> frame.kind() == Kind.COPY))
                .as("whoever has it is not told again")
                .hasSameSizeAs(changes.keySet());
    }

    /** Worker 3: takes connections, as the kernel does for a process that was stopped, and never answers. */
    private ServerSocketChannel hung() throws Exception {
        ServerSocketChannel hung = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        sockets.add(hung);
        return hung.bind(UnixDomainSocketAddress.of(directory.resolve("worker-3-r.sock")), 500);
    }

    /** Tells a worker of one that joins. */
    private void introduce(int joining, int to) throws Exception {
        ReplicaChannel introducing = new ReplicaChannel(directory, 4, frame -> {});
        channels.add(introducing);
        introducing.start(ReplicaGroup.KEY);
        introducing.send(new ReplicaFrame(Kind.JOIN, joining, "", null), Set.of(to));
    }

    /** Its own key is what it has. */
    private static void save(Replicas worker, String key) {
        try (SessionStore.Lease lease = worker.lease(key)) {
            lease.save(key.getBytes(UTF_8), 1, 60);
        }
    }

    /** A worker that has joined; another one tells it that there is nothing. */
    private Replicas joined(int id, Played other) throws Exception {
        Future<Replicas> joining = threads.submit(() -> group.join(id));
        other.tell(other.hear(Kind.JOIN).sender(), Kind.ALL_TOLD, "", null);
        return joining.get(SOON.toSeconds(), TimeUnit.SECONDS);
    }

    @Test
    @Tag("slow") // It needs a machine that does not stop for a second.
    void whoAsksForWhatIsTornIsAnsweredByAWorkerWhoseSendersAllWait() throws Exception {
        Replicas asking = group.join(1);
        Replicas busy = group.join(2);
        save(busy, CART);
        List<Future<?>> waiting = new ArrayList<>();
        ServerSocketChannel hung = hung();
        introduce(3, 2);
        for (int i = 0; i < 50; i++) {
            String key = CART + i;
            waiting.add(threads.submit(() -> save(busy, key)));
            sockets.add(hung.accept());
        }
        try (SessionLocks locks = new SessionLocks(directory.resolve("locks.1"))) {
            SessionLocks.Held held = locks.hold(CART, 0);
            held.begin();
            held.release();
        }
        // Before any of them gives up.
        threads.submit(() -> asking.lease(CART).close()).get(4, TimeUnit.SECONDS);
        sockets.forEach(ReplicaIntake::close);
        for (Future<?> late : waiting) {
            late.get(SOON.toSeconds(), TimeUnit.SECONDS);
        }
    }

    /** A worker whose supervisor the test plays, and what it tells that one. */
    private final class Supervised {
        private final BlockingQueue<Message> said = new LinkedBlockingQueue<>();
        private final Replicas replicas = new Replicas(6, said::add, directory, "locks.6");

        Supervised() {
            supervised.add(replicas);
        }

        private Future<?> join() {
            return threads.submit(() -> {
                replicas.join();
                return null;
            });
        }

        /** It has its key and takes frames. */
        private Future<?> begun() throws InterruptedException {
            Future<?> joining = join();
            assertThat(next()).isEqualTo(new Message.JoinReplicas());
            replicas.obey(new Message.ReplicaKey(ReplicaGroup.KEY));
            assertThat(next()).isEqualTo(new Message.Replica(6, ReplicaGroup.KEY));
            return joining;
        }

        private Message next() throws InterruptedException {
            return said.poll(SOON.toSeconds(), TimeUnit.SECONDS);
        }

        private void others(Integer... ids) {
            replicas.obey(new Message.Replicas(Stream.of(ids)
                    .map(id -> new Message.Replica(id, ReplicaGroup.KEY))
                    .toList()));
        }
    }

    @Test
    void whoJoinsWaitsForTheLivingAlsoIfOneIsGoneMeanwhile() throws Exception {
        Played old = new Played(1);
        Supervised worker = new Supervised();
        // Before the thread that joins has looked at the first order.
        worker.others(1, 9);
        worker.replicas.obey(new Message.ReplicaGone(9));
        Future<?> joining = worker.begun();
        old.hear(Kind.JOIN);
        assertThatThrownBy(() -> joining.get(300, TimeUnit.MILLISECONDS)).isInstanceOf(TimeoutException.class);
        old.tell(6, Kind.ALL_TOLD, "", null);
        joining.get(SOON.toSeconds(), TimeUnit.SECONDS);
    }

    @Test
    void whoCouldNotJoinGoesOnWhereItWasTheNextTime() throws Exception {
        Supervised worker = new Supervised();
        worker.begun().cancel(true);
        Future<?> second = worker.join();
        worker.others();
        second.get(SOON.toSeconds(), TimeUnit.SECONDS);
        assertThat(worker.said).isEmpty();
    }

    @Test
    void theNextSupervisorHearsWhoDidNotTakeCopiesUnlessThatOneIsGone() throws Exception {
        Supervised worker = new Supervised();
        Future<?> joining = worker.begun();
        worker.others(9);
        joining.get(SOON.toSeconds(), TimeUnit.SECONDS);
        Message report = new Message.ReplicaLost(9);
        Message here = new Message.Replica(6, ReplicaGroup.KEY);
        assertThat(worker.said).containsExactly(report);
        worker.replicas.obey(new Message.Adopted(0));
        assertThat(worker.said).containsExactly(report, here, report);
        worker.replicas.obey(new Message.ReplicaGone(9));
        worker.replicas.obey(new Message.Adopted(0));
        assertThat(worker.said).containsExactly(report, here, report, here);
    }

    @Test
    void aTornChangeIsMendedAlsoIfItsByteIsThatOfAnotherSessionWhichIsUsedFirst() throws Exception {
        String[] same = twoOfOneByte();
        Played killed = new Played(1);
        Future<Replicas> joining = threads.submit(() -> group.join(2, "locks"));
        killed.tell(killed.hear(Kind.JOIN).sender(), Kind.ALL_TOLD, "", null);
        joining.get(SOON.toSeconds(), TimeUnit.SECONDS);
        Future<Replicas> second = threads.submit(() -> group.join(3, "locks"));
        killed.tell(killed.hear(Kind.JOIN).sender(), Kind.ALL_TOLD, "", null);
        Replicas next = second.get(SOON.toSeconds(), TimeUnit.SECONDS);

        // It dies when one of the two has its change.
        killed.tell(2, Kind.COPY, same[0], entry(100, 100, 7_000, "a cart"));
        killed.tell(3, Kind.COPY, same[0], entry(100, 100, 7_000, "a cart"));
        killed.tell(2, Kind.COPY, same[0], entry(101, 101, 8_000, "a full cart"));
        try (SessionLocks locks = new SessionLocks(directory.resolve("locks"))) {
            SessionLocks.Held held = locks.hold(same[0], 0);
            held.begin();
            held.release();
        }
        next.lease(same[1]).close();
        try (SessionStore.Lease lease = next.lease(same[0])) {
            assertThat(text(lease.stored())).isEqualTo("a full cart");
        }
    }

    private static String[] twoOfOneByte() {
        Map<Integer, String> seen = new HashMap<>();
        for (int i = 0; ; i++) {
            String key = CART + i;
            String other = seen.putIfAbsent(SessionLocks.place(key), key);
            if (other != null) {
                return new String[] {other, key};
            }
        }
    }
}
