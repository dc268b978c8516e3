package dev.clowder.valve;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What a request costs in memory; counted, not timed. */
class AllocationTest {

    private static final int REQUESTS = 10_000;
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    @Test
    void aRequestWithoutHeadersCostsNothing() {
        assertThat(bytes(Map.of("trust", "loopback, 10.0.0.0/8"), "127.0.0.1", "Accept", "*/*", "User-Agent", "x"))
                .isZero();
        assertThat(bytes(Map.of("remoteIpHeader", "X-Forwarded-For"), "127.0.0.1", "Accept", "*/*"))
                .isZero();
    }

    @Test
    void aRequestOfAnUntrustedPeerCostsNothing() {
        assertThat(bytes(Map.of(), "192.0.2.1", "X-Forwarded-For", "203.0.113.7", "X-Forwarded-Host", "a.example"))
                .isZero();
    }

    @Test
    void aRequestWithOneMemberCostsTheResultAndOneText() {
        // The result 64 to 72 bytes, its hops 32, the text with its characters 24 + 32, and its builder.
        assertThat(bytes(Map.of(), "127.0.0.1", "X-Forwarded-For", "203.0.113.7"))
                .isBetween(1L, 320L);
    }

    /** Bytes for each request on a warm connection; less than one a request is some class that was loaded. */
    private static long bytes(Map<String, String> settings, String peer, String... headers) {
        ForwardedPolicy policy = ForwardedPolicy.compile(settings, List.of(), AllocationTest.class.getClassLoader());
        ClientResolver resolver = new ClientResolver(policy, new PlainHead(GivenHead.from(peer, headers)));
        long thread = Thread.currentThread().getId();
        long allocated = 0;
        for (int round = 0; round < 3; round++) {
            long before = THREADS.getThreadAllocatedBytes(thread);
            for (int i = 0; i < REQUESTS; i++) {
                resolver.resolve();
                resolver.strippedBefore(Integer.MAX_VALUE);
            }
            allocated = THREADS.getThreadAllocatedBytes(thread) - before;
        }
        return allocated / REQUESTS;
    }

    /** A head that gives out what it has, as Tomcat's does. */
    private record PlainHead(GivenHead given) implements RequestHead {

        @Override
        public String peer() {
            return given.peer();
        }

        @Override
        public boolean peerMayVouch() {
            return true;
        }

        @Override
        public String scheme() {
            return given.scheme();
        }

        @Override
        public boolean secure() {
            return given.secure();
        }

        @Override
        public String hostname() {
            return given.hostname();
        }

        @Override
        public int port() {
            return given.port();
        }

        @Override
        public int headers() {
            return given.headers();
        }

        @Override
        public CharSequence headerName(int index) {
            return given.lines().get(index).getKey();
        }

        @Override
        public CharSequence headerValue(int index) {
            return given.lines().get(index).getValue();
        }
    }
}
