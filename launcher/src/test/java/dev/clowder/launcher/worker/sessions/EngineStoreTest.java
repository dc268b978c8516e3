package dev.clowder.launcher.worker.sessions;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.clowder.launcher.worker.sessions.EngineException.Kind;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Two workers' stores on one engine, which is a map in this process; the real ones are in the integration tests. */
class EngineStoreTest {
    private static final Duration SOON = Duration.ofSeconds(30);
    private static final String KEY = "localhost/shop 0123";

    private final MapEngine engine = new MapEngine();
    private final EngineStore one = new EngineStore(engine, "the map");
    private final EngineStore two = new EngineStore(engine, "the map");

    @AfterEach
    void close() {
        one.close();
        two.close();
    }

    private static byte[] data(String text) {
        return text.getBytes(UTF_8);
    }

    private static void save(EngineStore store, String text) {
        try (SessionStore.Lease lease = store.begin(KEY)) {
            lease.save(data(text), 1, 60);
        }
    }

    private static String read(EngineStore store) {
        StoredSession stored = store.peek(KEY);
        return stored == null ? "" : new String(stored.data(), UTF_8);
    }

    @Test
    void whatOneStoresTheOtherHas() {
        save(one, "a cart");
        try (SessionStore.Lease lease = two.lease(KEY)) {
            assertThat(lease.stored()).isNotNull();
            assertThat(new String(lease.stored().data(), UTF_8)).isEqualTo("a cart");
            lease.remove();
        }
        assertThat(one.peek(KEY)).isNull();
    }

    @Test
    void eachChangeHasAnotherVersion() {
        save(one, "a cart");
        long first = one.peek(KEY).version();
        save(two, "a cart");
        assertThat(one.peek(KEY).version()).isNotEqualTo(first);
    }

    @Test
    void whoComesSecondWaitsForTheFirstInTheSameWorkerAndInAnother() throws Exception {
        SessionStore.Lease held = one.begin(KEY);
        assertThat(one.tryLease(KEY)).isNull();
        assertThat(two.tryLease(KEY)).isNull();
        var threads = Executors.newCachedThreadPool();
        CountDownLatch waiting = new CountDownLatch(2);
        List<Future<?>> others = List.of(one, two).stream()
                .<Future<?>>map(store -> threads.submit(() -> {
                    waiting.countDown();
                    try (SessionStore.Lease lease = store.lease(KEY)) {
                        lease.save(data(new String(lease.stored().data(), UTF_8) + "+"), 1, 60);
                    }
                }))
                .toList();
        assertThat(waiting.await(30, TimeUnit.SECONDS)).isTrue();
        held.save(data("first"), 1, 60);
        held.close();
        for (Future<?> other : others) {
            other.get(30, TimeUnit.SECONDS);
        }
        threads.shutdown();
        assertThat(read(one)).isEqualTo("first++");
    }

    @Test
    void whoWasHeldUpForTooLongStoresNothing() {
        SessionStore.Lease slow = one.begin(KEY);
        engine.holders.put(KEY, "somebody else");
        assertThatThrownBy(() -> slow.save(data("old"), 1, 60))
                .isInstanceOf(SessionsUnavailableException.class)
                .hasMessageContaining("held up");
        slow.close();
        assertThat(one.peek(KEY)).isNull();
        assertThat(engine.holders).containsEntry(KEY, "somebody else");
    }

    @Test
    void whoWasHeldUpForTooLongIsToldThatItDidNotEndTheSession() {
        save(one, "a cart");
        SessionStore.Lease slow = one.lease(KEY);
        engine.holders.put(KEY, "somebody else");
        assertThatThrownBy(slow::remove)
                .isInstanceOf(SessionsUnavailableException.class)
                .hasMessageContaining("held up");
        slow.close();
        assertThat(read(one)).isEqualTo("a cart");
    }

    @Test
    void whatIsNotThereCanBeEnded() {
        try (SessionStore.Lease lease = one.lease(KEY)) {
            lease.remove();
        }
        assertThat(one.peek(KEY)).isNull();
    }

    @Test
    void aCutConnectionIsNoReasonToRefuse() {
        save(one, "a cart");
        engine.cuts = 1;
        assertThat(one.tryLease(KEY)).isNotNull();
    }

    @Test
    void whileTheEngineIsAwayNobodyAsksItAndLaterAllGoesOn() {
        save(one, "a cart");
        engine.away = true;
        assertThatThrownBy(() -> one.lease(KEY))
                .isInstanceOf(SessionsUnavailableException.class)
                .hasMessageContaining("the map: gone");
        int asked = engine.asked;
        for (int i = 0; i < 100; i++) {
            assertThatThrownBy(() -> one.lease(KEY)).isInstanceOf(SessionsUnavailableException.class);
        }
        assertThat(engine.asked).isEqualTo(asked);
        engine.away = false;
        await().atMost(SOON)
                .ignoreExceptionsInstanceOf(SessionsUnavailableException.class)
                .untilAsserted(() -> assertThat(read(one)).isEqualTo("a cart"));
    }

    @Test
    void anEngineThatIsAwayAtTheStartMayComeAndOneThatRefusesUsMayNot() {
        MapEngine late = new MapEngine();
        late.away = true;
        try (EngineStore store = new EngineStore(late, "the map")) {
            assertThatThrownBy(() -> store.lease(KEY)).isInstanceOf(SessionsUnavailableException.class);
            late.away = false;
            await().atMost(SOON)
                    .ignoreExceptionsInstanceOf(SessionsUnavailableException.class)
                    .untilAsserted(() -> save(store, "a cart"));
        }
        MapEngine closed = new MapEngine();
        closed.refuses = true;
        assertThatThrownBy(() -> new EngineStore(closed, "the map"))
                .isInstanceOf(SessionsUnavailableException.class)
                .hasMessage("the map: wrong password");
    }

    /** As {@link Engine} says, but that nobody's time ends. */
    private static final class MapEngine implements Engine {
        final Map<String, String> holders = new ConcurrentHashMap<>();
        final Map<String, StoredSession> sessions = new ConcurrentHashMap<>();
        volatile boolean away;
        volatile boolean refuses;
        volatile int cuts;
        volatile int asked;

        private void answer() throws EngineException {
            if (cuts > 0) {
                cuts = 0;
                throw new EngineException(Kind.UNREACHABLE, "cut", null);
            }
            if (away) {
                throw new EngineException(Kind.UNREACHABLE, "gone", null);
            }
            if (refuses) {
                throw new EngineException(Kind.REFUSED, "wrong password", null);
            }
        }

        @Override
        public synchronized Taken take(String key, String holder, boolean begin) throws EngineException {
            asked++;
            answer();
            if (!holders.getOrDefault(key, holder).equals(holder)) {
                return new Taken(Outcome.HELD, null);
            }
            if (!begin && !sessions.containsKey(key)) {
                return new Taken(Outcome.ABSENT, null);
            }
            holders.put(key, holder);
            return new Taken(Outcome.TAKEN, sessions.get(key));
        }

        @Override
        public @Nullable StoredSession peek(String key) throws EngineException {
            answer();
            return sessions.get(key);
        }

        @Override
        public boolean save(String key, String holder, StoredSession session) throws EngineException {
            answer();
            if (holders.remove(key, holder)) {
                sessions.put(key, session);
                return true;
            }
            return false;
        }

        @Override
        public boolean touch(String key, String holder, long accessed, int inactiveSeconds) throws EngineException {
            answer();
            return holders.remove(key, holder);
        }

        @Override
        public boolean remove(String key, String holder) throws EngineException {
            answer();
            if (holders.remove(key, holder)) {
                sessions.remove(key);
                return true;
            }
            return false;
        }

        @Override
        public void release(String key, String holder) throws EngineException {
            answer();
            holders.remove(key, holder);
        }

        @Override
        public void renew(String key, String holder) throws EngineException {
            answer();
        }

        @Override
        public List<String> idle(String prefix, long now) {
            return List.of();
        }

        @Override
        public void forget() {
            // It has no connections.
        }

        @Override
        public void probe() throws EngineException {
            answer();
        }

        @Override
        public void close() {
            // It is only a map.
        }
    }
}
