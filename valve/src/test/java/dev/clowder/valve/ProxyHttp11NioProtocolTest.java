package dev.clowder.valve;

import static dev.clowder.valve.ProxyTestServer.GET;
import static dev.clowder.valve.ProxyTestServer.await;
import static dev.clowder.valve.ProxyTestServer.facts;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.clowder.valve.ProxyTestServer.Client;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.apache.tomcat.util.threads.ThreadPoolExecutor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ProxyHttp11NioProtocolTest {
    private static final InetSocketAddress SOURCE = new InetSocketAddress("203.0.113.7", 56324);
    private static final InetSocketAddress DESTINATION = new InetSocketAddress("198.51.100.1", 443);
    private static final byte[] V1 = ProxyHeaderWriter.v1(SOURCE, DESTINATION);
    private static final byte[] V2 = ProxyHeaderWriter.withChecksum(ProxyHeaderWriter.v2(SOURCE, DESTINATION));
    private static final String PEER = "peer 203.0.113.7 56324";
    private static final Map<String, String> REQUIRED =
            Map.of("proxyProtocol", "required", "proxyProtocolTimeout", "600000");
    private static final Map<String, String> MIXED =
            Map.of("proxyProtocol", "mixed", "proxyProtocolTrust", "127.1.0.0/16", "proxyProtocolTimeout", "600000");

    @Test
    void addressesAndPortsOfBothEndsComeFromTheHeader() throws Exception {
        try (ProxyTestServer server = new ProxyTestServer(REQUIRED).start()) {
            for (byte[] header : List.of(V1, V2)) {
                assertThat(ask(server, header)).contains(PEER, "local 198.51.100.1 443", "http false 80");
            }
        }
    }

    @Test
    void aHeaderMayArriveInAnyTwoPieces() throws Exception {
        try (ProxyTestServer server = new ProxyTestServer(REQUIRED).start()) {
            for (byte[] header : List.of(V1, V2)) {
                for (int cut = 1; cut < header.length; cut++) {
                    try (Client client = server.connect()) {
                        client.send(Arrays.copyOf(header, cut));
                        await("the first piece to wait", () -> server.endpoint().getProxyHeadersWaiting() == 1);
                        client.send(Arrays.copyOfRange(header, cut, header.length))
                                .send(GET);
                        assertThat(facts(client.readAll())).as("cut at %d", cut).contains(PEER);
                    }
                }
            }
        }
    }

    @Test
    void connectionsThatComeTogetherEachKeepTheirOwnPeer() throws Exception {
        ExecutorService clients = Executors.newFixedThreadPool(8);
        try (ProxyTestServer server = new ProxyTestServer(REQUIRED).start()) {
            List<Future<List<String>>> answers = new ArrayList<>();
            Random random = new Random(20261122);
            for (int port = 1; port <= 800; port++) {
                byte[] header = ProxyHeaderWriter.v2(new InetSocketAddress("203.0.113.7", port), DESTINATION);
                int cut = random.nextInt(header.length);
                answers.add(clients.submit(() -> {
                    try (Client client = server.connect()) {
                        client.send(Arrays.copyOf(header, cut));
                        client.send(Arrays.copyOfRange(header, cut, header.length));
                        return facts(client.send(GET).readAll());
                    }
                }));
            }
            for (int port = 1; port <= 800; port++) {
                assertThat(answers.get(port - 1).get()).contains("peer 203.0.113.7 " + port);
            }
        } finally {
            clients.shutdownNow();
        }
    }

    @Test
    void everyRequestOfAKeptAliveConnectionSeesTheSamePeer() throws Exception {
        try (ProxyTestServer server = new ProxyTestServer(REQUIRED).start();
                Client client = server.connect()) {
            client.send(V2).send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\n");
            client.send("GET /2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
            String both = client.readAll();
            assertThat(both.split("peer 203.0.113.7 56324", -1)).hasSize(3);
            assertThat(both).contains("path /1", "path /2");
        }
    }

    @Test
    void aSecondHeaderIsARequestThatHttpRefuses() throws Exception {
        try (ProxyTestServer server = new ProxyTestServer(REQUIRED).start();
                Client client = server.connect()) {
            assertThat(client.send(V1).send(V1).send(GET).readAll()).startsWith("HTTP/1.1 400");
        }
    }

    @Test
    void headersWithoutAClientLeaveTheBalancerAsPeerAndSaySo() throws Exception {
        try (ProxyTestServer server = new ProxyTestServer(REQUIRED).start()) {
            for (byte[] header :
                    List.of(ProxyHeaderWriter.local(), ProxyHeaderWriter.v2Unspec(), ProxyHeaderWriter.v1Unknown())) {
                try (Client client = server.connect("127.0.0.3")) {
                    int port = client.port();
                    assertThat(facts(client.send(header).send(GET).readAll()))
                            .contains("peer 127.0.0.3 " + port, "proxied anonymous");
                }
            }
        }
    }

    @Test
    void tlsBetweenClientAndBalancerMakesTheRequestSecure() throws Exception {
        try (ProxyTestServer server = new ProxyTestServer(REQUIRED).start()) {
            byte[] tls = ProxyHeaderWriter.v2(SOURCE, DESTINATION, ProxyHeaderWriter.ssl(1, 1));
            assertThat(ask(server, tls)).contains("https true 443");
            byte[] none = ProxyHeaderWriter.v2(SOURCE, DESTINATION, ProxyHeaderWriter.ssl(0, 0));
            assertThat(ask(server, none)).contains("http false 80");
        }
    }

    @Test
    void requiredClosesEverySourceThatIsNotListedEvenWithAHeader() throws Exception {
        Map<String, String> attributes = Map.of("proxyProtocol", "required", "proxyProtocolTrust", "127.1.0.0/16");
        try (ProxyTestServer server = new ProxyTestServer(attributes).start()) {
            assertThat(request(server, "127.2.0.1", V2)).isEmpty();
            assertThat(request(server, "127.2.0.1", new byte[0])).isEmpty();
            assertThat(facts(request(server, "127.1.0.1", V2))).contains(PEER);
            assertThat(server.endpoint().getProxyConnectionsRefused()).isEqualTo(2);
        }
    }

    @Test
    void mixedServesSourcesThatAreNotListedAsTheyAre() throws Exception {
        try (ProxyTestServer server = new ProxyTestServer(MIXED).start()) {
            try (Client client = server.connect("127.2.0.1")) {
                assertThat(facts(client.send(GET).readAll()))
                        .contains("peer 127.2.0.1 " + client.port(), "proxied not");
            }
            assertThat(facts(request(server, "127.1.0.1", V1))).contains(PEER);
            assertThat(request(server, "127.1.0.1", new byte[0])).isEmpty();
            assertThat(request(server, "127.2.0.1", V1))
                    .startsWith("HTTP/1.1 400")
                    .doesNotContain("peer");
        }
    }

    @Test
    void offIsAnOrdinaryConnector() throws Exception {
        try (ProxyTestServer server = new ProxyTestServer(Map.of()).start();
                Client client = server.connect()) {
            assertThat(facts(client.send(GET).readAll())).contains("peer 127.0.0.1 " + client.port(), "proxied not");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\u0016\u0003\u0001", "\r\n\r\n", "PROXY TCP5 ", "\0"})
    void whatIsNoHeaderIsClosedWithoutAnAnswer(String garbage) throws Exception {
        Map<String, String> attributes = Map.of("proxyProtocol", "required", "proxyProtocolTimeout", "1000");
        try (ProxyTestServer server = new ProxyTestServer(attributes).start();
                Client client = server.connect()) {
            assertThat(client.send(garbage).readAll()).isEmpty();
        }
    }

    @Test
    void oneDeadlineHoldsForTheWholeHeaderHoweverItDrips() throws Exception {
        Map<String, String> attributes = Map.of("proxyProtocol", "required", "proxyProtocolTimeout", "500");
        // At ten bytes a second, 4096 bytes would take longer than the client has patience.
        byte[] header = ProxyHeaderWriter.v2(SOURCE, DESTINATION, new ProxyTlv(0xe0, new byte[4000]));
        ScheduledExecutorService drip = Executors.newSingleThreadScheduledExecutor();
        try (ProxyTestServer server = new ProxyTestServer(attributes).start();
                Client client = server.connect()) {
            int[] sent = {0};
            var dripping = drip.scheduleAtFixedRate(
                    () -> {
                        try {
                            client.send(Arrays.copyOfRange(header, sent[0], ++sent[0]));
                        } catch (IOException closed) {
                            throw new IllegalStateException(closed);
                        }
                    },
                    0,
                    100,
                    TimeUnit.MILLISECONDS);
            assertThat(client.readAll()).isEmpty();
            assertThat(server.endpoint().getProxyConnectionsRefused()).isEqualTo(1);
            dripping.cancel(true);
        } finally {
            drip.shutdownNow();
        }
    }

    @Test
    void twoThousandSilentConnectionsDisturbNobodyAndHoldNoThread() throws Exception {
        List<Client> silent = new ArrayList<>();
        try (ProxyTestServer server = new ProxyTestServer(REQUIRED).start()) {
            for (int i = 0; i < 2_000; i++) {
                silent.add(i % 2 == 0 ? server.connect() : server.connect().send("P"));
            }
            await("all to wait", () -> server.endpoint().getProxyHeadersWaiting() == 2_000);
            for (int i = 0; i < 200; i++) {
                assertThat(ask(server, V2)).contains(PEER);
            }
            assertThat(server.endpoint().getProxyHeadersWaiting()).isEqualTo(2_000);
            ThreadPoolExecutor pool = (ThreadPoolExecutor) server.endpoint().getExecutor();
            await("the pool to be idle", () -> pool.getActiveCount() == 0);
        } finally {
            for (Client client : silent) {
                assertThat(client.readAll()).isEmpty();
                client.close();
            }
        }
    }

    @Test
    void connectionsThatComeAndGoInAnyStateLeaveNoPlaceTaken() throws Exception {
        Map<String, String> attributes =
                Map.of("proxyProtocol", "required", "proxyProtocolTimeout", "600000", "maxConnections", "10");
        try (ProxyTestServer server = new ProxyTestServer(attributes).start()) {
            for (int i = 0; i < 300; i++) {
                try (Client client = server.connect()) {
                    // Silence, garbage, half a header, a whole one, and a request.
                    switch (i % 5) {
                        case 1 -> client.send("x");
                        case 2 -> client.send(Arrays.copyOf(V1, 20));
                        case 3 -> client.send(V2);
                        case 4 ->
                            assertThat(facts(client.send(V1).send(GET).readAll()))
                                    .contains(PEER);
                        default -> {}
                    }
                }
            }
            await(
                    "all places to be free but the acceptor's",
                    () -> server.endpoint().getConnectionCount() <= 1);
        }
    }

    @Test
    void whoIsSilentLongestMakesRoomForOthers() throws Exception {
        Map<String, String> attributes =
                Map.of("proxyProtocol", "required", "proxyProtocolTimeout", "600000", "maxConnections", "8");
        List<Client> silent = new ArrayList<>();
        try (ProxyTestServer server = new ProxyTestServer(attributes).start()) {
            for (int i = 0; i < 4; i++) {
                int waiting = i + 1;
                silent.add(server.connect());
                await("one more to wait", () -> server.endpoint().getProxyHeadersWaiting() == waiting);
            }
            for (int i = 0; i < 4; i++) {
                silent.add(server.connect());
                assertThat(silent.get(i).readAll()).isEmpty();
            }
            assertThat(ask(server, V2)).contains(PEER);
            assertThat(facts(silent.get(7).send(V1).send(GET).readAll())).contains(PEER);
        } finally {
            for (Client client : silent) {
                client.close();
            }
        }
    }

    @Test
    void aConnectorMayStopAndStartAgain() throws Exception {
        try (ProxyTestServer server = new ProxyTestServer(REQUIRED).start()) {
            try (Client waiting = server.connect()) {
                await("one to wait", () -> server.endpoint().getProxyHeadersWaiting() == 1);
                server.endpoint().stop();
                assertThat(waiting.readAll()).isEmpty();
                server.endpoint().start();
                assertThat(ask(server, V2)).contains(PEER);
            }
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    proxyProtocol        | maybe
                    proxyProtocolTrust   | 10.0.0.0/33
                    proxyProtocolTrust   | localhost
                    proxyProtocolTrust   | ''
                    proxyProtocolTimeout | 0
                    proxyProtocolTimeout | 5s
                    """)
    void aWrongAttributeStopsTheStartAndIsNamed(String name, String text) throws Exception {
        try (ProxyTestServer server = new ProxyTestServer(Map.of(name, text))) {
            server.connector().setThrowOnFailure(true);
            assertThatThrownBy(server::start).hasStackTraceContaining(name + ": \"" + text + "\"");
        }
    }

    @Test
    void theAttributeHoldsWhatElseTheHeaderSaysAndTheHostHeaderStays() throws Exception {
        byte[] header = ProxyHeaderWriter.v2(
                SOURCE, DESTINATION, new ProxyTlv(ProxyTlv.AUTHORITY, "shop.example".getBytes(US_ASCII)));
        try (ProxyTestServer server = new ProxyTestServer(REQUIRED).start()) {
            assertThat(ask(server, header)).contains("proxied 203.0.113.7", "authority shop.example", "http false 80");
        }
    }

    private static List<String> ask(ProxyTestServer server, byte[] header) throws IOException {
        return facts(request(server, "127.0.0.1", header));
    }

    private static String request(ProxyTestServer server, String from, byte[] header) throws IOException {
        try (Client client = server.connect(from)) {
            try {
                client.send(header).send(GET);
            } catch (IOException closed) {
                // By a server that did not even read; what it answered is still to be seen.
            }
            return client.readAll();
        }
    }
}
