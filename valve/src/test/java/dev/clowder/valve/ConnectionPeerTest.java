package dev.clowder.valve;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.valve.ProxyHeaderParser.Done;
import dev.clowder.valve.ProxyVectors.Vector;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A connection that goes to another process: it knows there of the client what was known here. */
class ConnectionPeerTest {

    private static final InetSocketAddress V4 = new InetSocketAddress("192.0.2.1", 1);
    private static final InetSocketAddress V6 = new InetSocketAddress("2001:db8::1", 2);
    private static final ProxyTlv PADDING = new ProxyTlv(ProxyTlv.NOOP, new byte[5]);
    private static final ProxyTlv TLS =
            ProxyHeaderWriter.ssl(1, 0, new ProxyTlv(ProxyTlv.SSL_VERSION, "TLSv1.3".getBytes(US_ASCII)));

    static Stream<byte[]> headers() {
        byte[] mapped = ProxyHeaderWriter.v2(V6, V6, PADDING, TLS);
        // ::ffff:192.0.2.1, as client and as server.
        for (int at : new int[] {16, 32}) {
            Arrays.fill(mapped, at, at + 10, (byte) 0);
            Arrays.fill(mapped, at + 10, at + 12, (byte) 0xff);
        }
        byte[] unnamed = ProxyHeaderWriter.v2(V4, V4, TLS);
        Arrays.fill(unnamed, 16, 20, (byte) 0);
        byte[] latin = ProxyHeaderWriter.v2Unix("x".repeat(108), "/server", TLS);
        Arrays.fill(latin, 16, 16 + 108, (byte) 0xe4);
        return Stream.concat(
                ProxyVectors.accepted().map(Vector::header),
                Stream.of(
                        ProxyHeaderWriter.withChecksum(ProxyHeaderWriter.v2(V4, V4, PADDING, TLS)),
                        ProxyHeaderWriter.withChecksum(ProxyHeaderWriter.v2(V6, V6, TLS, PADDING)),
                        ProxyHeaderWriter.withChecksum(mapped),
                        ProxyHeaderWriter.withChecksum(unnamed),
                        ProxyHeaderWriter.withChecksum(latin),
                        ProxyHeaderWriter.v1(V4, V4),
                        ProxyHeaderWriter.v1(V6, V4)));
    }

    @ParameterizedTest
    @MethodSource("headers")
    void isToldByTheSameHeader(byte[] header) throws Exception {
        Done done = (Done) ProxyHeaderParser.parse(ByteBuffer.wrap(header));
        ProxyProtocol before = new ProxyProtocol(done.header(), Arrays.copyOf(header, done.length()));

        ProxyProtocol after = there(ConnectionPeer.of(null, before)).proxied();

        assertThat(after).isNotNull();
        assertThat(after.toString()).isEqualTo(before.toString());
        assertThat(after.isAnonymous()).isEqualTo(before.isAnonymous());
        assertThat(after.getTlvs()).isEqualTo(before.getTlvs());
        assertThat(after.getSsl() == null).isEqualTo(before.getSsl() == null);
    }

    @Test
    void isToldByARelayOrByNobody() throws Exception {
        byte[] bytes = ProxyHeaderWriter.v2(V4, V6);
        ProxyHeader.Inet relayed = (ProxyHeader.Inet) ((Done) ProxyHeaderParser.parse(ByteBuffer.wrap(bytes))).header();

        assertThat(there(ConnectionPeer.of(relayed, null)).relayed()).isEqualTo(relayed);
        assertThat(there(ConnectionPeer.of(relayed, null)).proxied()).isNull();
        assertThat(there(ConnectionPeer.of(null, null)).relayed()).isNull();
    }

    /** What another process makes of its bytes. */
    private static ConnectionPeer there(ConnectionPeer peer) {
        ByteBuffer bytes = ByteBuffer.allocate(peer.length());
        peer.put(bytes);
        assertThat(bytes.hasRemaining()).isFalse();
        return ConnectionPeer.get(bytes.flip());
    }
}
