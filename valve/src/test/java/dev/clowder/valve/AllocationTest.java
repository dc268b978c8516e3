package dev.clowder.valve;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What a request costs in memory; counted, not timed. */
class AllocationTest {

    private static final int REQUESTS = 10_000;
    private static final Map<String, String> TRUST = Map.of("trust", "loopback, 10.0.0.0/8");
    private static final String CLIENT = "CLIENT";
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    @Test
    void aRequestWithoutHeadersCostsNothing() {
        assertThat(bytes(TRUST, "127.0.0.1", "Accept", "*/*", "User-Agent", "x"))
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
    void aRequestWithAMemberCostsTheResultAndOneText() {
        // The result 56 bytes, the text 24 and its characters 32, with one byte for a character and short references.
        assertThat(bytes(TRUST, "127.0.0.1", "X-Forwarded-For", CLIENT)).isBetween(1L, 112L);
        assertThat(bytes(TRUST, "127.0.0.1", "X-Forwarded-For", CLIENT + ", 10.1.1.1, 10.1.1.2"))
                .isBetween(1L, 112L);
    }

    @Test
    void aRequestWithTheLinesOfARecentOneCostsNothing() {
        assertThat(bytes(
                        TRUST,
                        "127.0.0.1",
                        "X-Forwarded-For",
                        "203.0.113.7, 10.1.1.1",
                        "X-Forwarded-Proto",
                        "https",
                        "X-Forwarded-Host",
                        "a.example"))
                .isZero();
    }

    /** Bytes for each request on a warm connection; less than one a request is some class that was loaded. */
    private static long bytes(Map<String, String> settings, String peer, String... headers) {
        ForwardedPolicy policy = ForwardedPolicy.compile(settings, List.of(), AllocationTest.class.getClassLoader());
        GivenHead[] heads = heads(peer, headers);
        PlainHead head = new PlainHead(heads[0]);
        ClientResolver resolver = new ClientResolver(policy, head);
        long thread = Thread.currentThread().getId();
        long allocated = 0;
        for (int round = 0; round < 3; round++) {
            long before = THREADS.getThreadAllocatedBytes(thread);
            for (int i = 0; i < REQUESTS; i++) {
                head.become(heads[i]);
                resolver.resolve();
                resolver.strippedBefore(Integer.MAX_VALUE);
            }
            allocated = THREADS.getThreadAllocatedBytes(thread) - before;
        }
        return allocated / REQUESTS;
    }

    /** In the place of {@link #CLIENT} there is another client in each request. */
    private static GivenHead[] heads(String peer, String... headers) {
        GivenHead[] heads = new GivenHead[REQUESTS];
        for (int i = 0; i < REQUESTS; i++) {
            String client = "203.0." + (100 + i / 100) + "." + (100 + i % 100);
            heads[i] = GivenHead.from(
                    peer,
                    Stream.of(headers).map(text -> text.replace(CLIENT, client)).toArray(String[]::new));
        }
        return heads;
    }

    /** A head that gives out what it has, as Tomcat's does. */
    private static final class PlainHead extends PassingHead {

        private GivenHead given;

        PlainHead(GivenHead first) {
            super(first);
            given = first;
        }

        void become(GivenHead next) {
            current = next;
            given = next;
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
