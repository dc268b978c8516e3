package dev.clowder.launcher.worker.sessions;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.launcher.worker.sessions.ReplicaFrame.Entry;
import dev.clowder.launcher.worker.sessions.ReplicaFrame.Kind;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
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
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
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
    private final ExecutorService threads = Executors.newCachedThreadPool();

    @BeforeEach
    void begin() {
        group = new ReplicaGroup(directory);
    }

    @AfterEach
    void end() {
        threads.shutdownNow();
        group.close();
        channels.forEach(ReplicaChannel::stop);
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
        Replicas healthy = group.join(1);
        Replicas busy = group.join(2);
        // Takes connections, as the kernel does for a process that was stopped, and never answers.
        try (ServerSocketChannel hung = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            hung.bind(UnixDomainSocketAddress.of(directory.resolve("worker-3-r.sock")), 500);
            ReplicaChannel introducing = new ReplicaChannel(directory, 4, frame -> {});
            channels.add(introducing);
            introducing.start(ReplicaGroup.KEY);
            introducing.send(new ReplicaFrame(Kind.JOIN, 3, "", null), Set.of(2));
            Map<String, Future<?>> changes = new HashMap<>();
            for (int i = 0; i < 200; i++) {
                String key = "localhost/shop " + i;
                changes.put(key, threads.submit(() -> {
                    try (SessionStore.Lease lease = busy.lease(key)) {
                        lease.save(key.getBytes(UTF_8), 1, 60);
                    }
                }));
            }
            for (Map.Entry<String, Future<?>> change : changes.entrySet()) {
                change.getValue().get(SOON.toSeconds(), TimeUnit.SECONDS);
                assertThat(text(healthy.peek(change.getKey()))).isEqualTo(change.getKey());
            }
            assertThat(group.lost()).containsExactly(3);
        }
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
