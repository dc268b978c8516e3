package dev.clowder.valve;

import static dev.clowder.valve.ProxyTestServer.GET;
import static dev.clowder.valve.ProxyTestServer.await;
import static dev.clowder.valve.ProxyTestServer.facts;
import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.valve.ProxyTestServer.Client;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** An endpoint that also serves connections which somebody else accepted, on a private Unix-domain socket. */
class ProxyNioEndpointTest {
    private static final byte[] HEADER = ProxyHeaderWriter.v2(
            new InetSocketAddress("203.0.113.7", 56324), new InetSocketAddress("198.51.100.1", 80));

    private static final byte[] CLIENT =
            ProxyHeaderWriter.v1(new InetSocketAddress("192.0.2.9", 4711), new InetSocketAddress("198.51.100.2", 443));

    @TempDir
    private Path directory;

    @Test
    void aConnectionBroughtFromAUnixSocketIsServedWithThePeerOfItsHeader() throws Exception {
        try (Private server = new Private(ProxyRule.REQUIRED, directory)) {
            assertThat(facts(server.ask(HEADER)))
                    .contains("peer 203.0.113.7 56324", "local 198.51.100.1 80", "proxied 203.0.113.7", "unix false");
        }
    }

    @Test
    void aLocalConnectionFromAUnixSocketHasThePeerThatTomcatGivesToSuchSockets() throws Exception {
        try (Private server = new Private(ProxyRule.REQUIRED, directory)) {
            assertThat(facts(server.ask(ProxyHeaderWriter.local())))
                    .contains("peer 127.0.0.1 0", "local 127.0.0.1 0", "proxied anonymous", "unix true");
        }
    }

    @Test
    void aUnixSocketNeedsNoHeaderWhereTheRuleSaysSo() throws Exception {
        try (Private server = new Private(ProxyRule.OFF, directory)) {
            assertThat(facts(server.ask(new byte[0]))).contains("peer 127.0.0.1 0", "proxied not", "unix true");
        }
    }

    @Test
    void aRuleMayRefuse() throws Exception {
        try (Private server = new Private(ProxyRule.REFUSED, directory)) {
            assertThat(server.ask(HEADER)).isEmpty();
        }
    }

    @Test
    void aRelayedPeerIsServedAsIfItHadConnectedByItself() throws Exception {
        try (Private server = new Private(ProxyRule.RELAYED, directory)) {
            assertThat(facts(server.ask(HEADER)))
                    .contains("peer 203.0.113.7 56324", "local 198.51.100.1 80", "proxied not", "unix false");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"required", "mixed"})
    void aRelayedPeerThatIsTrustedSendsItsOwnHeaderAndNoneAsksForAThird(String mode) throws Exception {
        try (Private server = new Private(ProxyRule.RELAYED, directory, fromRelayed(mode))) {
            assertThat(facts(server.ask(both(CLIENT))))
                    .contains("peer 192.0.2.9 4711", "local 198.51.100.2 443", "proxied 192.0.2.9", "unix false");
            assertThat(server.ask(HEADER)).as("P1: it must send one").isEmpty();
            assertThat(server.ask(both(HEADER)))
                    .as("its source is trusted too, and yet a client")
                    .isNotEmpty();
        }
    }

    @Test
    void aRelayedPeerWhoseHeaderNamesNobodyIsThePeerItself() throws Exception {
        try (Private server = new Private(ProxyRule.RELAYED, directory, fromRelayed("required"))) {
            assertThat(facts(server.ask(both(ProxyHeaderWriter.local()))))
                    .contains("peer 203.0.113.7 56324", "proxied anonymous", "unix false");
            assertThat(facts(server.ask(both(ProxyHeaderWriter.v2Unix("/a", "/b")))))
                    .contains("peer 127.0.0.1 0", "unix true");
        }
    }

    @Test
    void aRelayedPeerThatIsNotTrustedIsRefusedOrServedWithoutAHeader() throws Exception {
        Map<String, String> required = Map.of("proxyProtocol", "required", "proxyProtocolTrust", "198.51.100.0/24");
        try (Private server = new Private(ProxyRule.RELAYED, directory, required)) {
            assertThat(server.ask(both(CLIENT))).isEmpty();
            assertThat(server.ask(HEADER)).isEmpty();
        }
        Map<String, String> mixed = Map.of("proxyProtocol", "mixed", "proxyProtocolTrust", "198.51.100.0/24");
        try (Private server = new Private(ProxyRule.RELAYED, directory, mixed)) {
            assertThat(facts(server.ask(HEADER))).contains("peer 203.0.113.7 56324", "proxied not");
            assertThat(server.ask(both(CLIENT)))
                    .as("a header that must not come")
                    .startsWith("HTTP/1.1 400 ");
        }
    }

    @Test
    void aRelayThatSpeaksForItselfNeedsNoSecondHeader() throws Exception {
        try (Private server = new Private(ProxyRule.RELAYED, directory, fromRelayed("required"))) {
            assertThat(facts(server.ask(ProxyHeaderWriter.local()))).contains("proxied anonymous", "unix true");
        }
    }

    @Test
    void twoHeadersMayBeCutAtEveryByte() throws Exception {
        byte[] whole = both(CLIENT);
        try (Private server = new Private(ProxyRule.RELAYED, directory, fromRelayed("required"))) {
            for (int cut = 1; cut < whole.length; cut++) {
                try (SocketChannel client = server.connect()) {
                    write(client, Arrays.copyOf(whole, cut));
                    await(
                            "the first piece to wait",
                            () -> server.tomcat.endpoint().getProxyHeadersWaiting() == 1);
                    write(client, Arrays.copyOfRange(whole, cut, whole.length));
                    write(client, GET.getBytes(StandardCharsets.US_ASCII));
                    assertThat(facts(readAll(client))).as("cut at " + cut).contains("peer 192.0.2.9 4711");
                }
            }
        }
    }

    /** Attributes that trust the peer of {@link #HEADER}. */
    private static Map<String, String> fromRelayed(String mode) {
        return Map.of("proxyProtocol", mode, "proxyProtocolTrust", "203.0.113.0/24");
    }

    /** The header of a relay, and what the peer that it names has sent. */
    private static byte[] both(byte[] header) {
        byte[] both = Arrays.copyOf(HEADER, HEADER.length + header.length);
        System.arraycopy(header, 0, both, HEADER.length, header.length);
        return both;
    }

    @Test
    void aHeaderOnAUnixSocketMayComeInPieces() throws Exception {
        try (Private server = new Private(ProxyRule.REQUIRED, directory);
                SocketChannel client = server.connect()) {
            write(client, Arrays.copyOf(HEADER, 14));
            await("the first piece to wait", () -> server.tomcat.endpoint().getProxyHeadersWaiting() == 1);
            write(client, Arrays.copyOfRange(HEADER, 14, HEADER.length));
            write(client, GET.getBytes(StandardCharsets.US_ASCII));
            assertThat(facts(readAll(client))).contains("peer 203.0.113.7 56324");
        }
    }

    @Test
    void theRuleOfPrivateConnectionsLeavesTheConnectorAlone() throws Exception {
        try (Private server = new Private(ProxyRule.REQUIRED, directory);
                Client client = server.tomcat.connect()) {
            assertThat(facts(client.send(GET).readAll())).contains("peer 127.0.0.1 " + client.port(), "proxied not");
        }
    }

    @Test
    void connectionsBroughtFromElsewhereAreCountedDownLikeOthers() throws Exception {
        try (Private server = new Private(ProxyRule.REQUIRED, directory)) {
            List<SocketChannel> silent = new ArrayList<>();
            for (int i = 0; i < 10; i++) {
                silent.add(server.connect());
            }
            await("all to wait", () -> server.tomcat.endpoint().getProxyHeadersWaiting() == 10);
            assertThat(server.tomcat.endpoint().getConnectionCount()).isGreaterThanOrEqualTo(10);
            for (SocketChannel client : silent) {
                client.close();
            }
            server.ask(HEADER);
            await(
                    "all places to be free but the acceptor's",
                    () -> server.tomcat.endpoint().getConnectionCount() <= 1);
        }
    }

    private static void write(SocketChannel channel, byte[] bytes) throws IOException {
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        while (buffer.hasRemaining()) {
            channel.write(buffer);
        }
    }

    private static String readAll(SocketChannel channel) throws IOException {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        try {
            Channels.newInputStream(channel).transferTo(all);
        } catch (IOException reset) {
            // A server that closes without reading what has come resets the connection.
        }
        return all.toString(StandardCharsets.UTF_8);
    }

    /** A server whose connector says {@code off}, with a Unix-domain socket for which another rule holds. */
    private static final class Private implements AutoCloseable {
        private final Path path;
        private final ServerSocketChannel listening;
        private final ProxyTestServer tomcat;

        Private(ProxyRule rule, Path directory) throws Exception {
            this(rule, directory, Map.of());
        }

        Private(ProxyRule rule, Path directory, Map<String, String> attributes) throws Exception {
            path = directory.resolve("s");
            listening = ServerSocketChannel.open(StandardProtocolFamily.UNIX).bind(UnixDomainSocketAddress.of(path));
            Endpoint endpoint = new Endpoint(rule);
            tomcat = new ProxyTestServer(endpoint, attributes).start();
            Thread accepting = new Thread(() -> endpoint.acceptFrom(listening), "private-acceptor");
            accepting.setDaemon(true);
            accepting.start();
        }

        SocketChannel connect() throws IOException {
            return SocketChannel.open(UnixDomainSocketAddress.of(path));
        }

        String ask(byte[] header) throws IOException {
            try (SocketChannel client = connect()) {
                try {
                    write(client, header);
                    write(client, GET.getBytes(StandardCharsets.US_ASCII));
                } catch (IOException closed) {
                    // By a server that did not even read; what it answered is still to be seen.
                }
                return readAll(client);
            }
        }

        @Override
        public void close() throws IOException {
            listening.close();
            tomcat.close();
            Files.deleteIfExists(path);
        }
    }

    private static final class Endpoint extends ProxyNioEndpoint {
        private final ProxyRule rule;

        Endpoint(ProxyRule rule) {
            this.rule = rule;
        }

        @Override
        protected ProxyRule proxyRule(SocketChannel accepted) throws IOException {
            boolean mine = accepted.getLocalAddress() instanceof UnixDomainSocketAddress;
            return mine ? rule : super.proxyRule(accepted);
        }

        void acceptFrom(ServerSocketChannel listening) {
            try {
                while (true) {
                    SocketChannel accepted = listening.accept();
                    countUpOrAwaitConnection();
                    setSocketOptions(accepted);
                }
            } catch (IOException closed) {
                // Ends with the server.
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
