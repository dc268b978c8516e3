package dev.clowder.valve;

import static dev.clowder.valve.ProxyTestServer.facts;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.clowder.valve.ProxyTestServer.Client;
import dev.clowder.valve.ProxyVectors.Vector;
import java.util.HashMap;
import java.util.Map;
import org.apache.catalina.LifecycleException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The vectors over sockets, against a real Tomcat. */
class ProxyVectorsTest {
    /** Longer than any test waits: who is closed "now" is not closed by the deadline. */
    private static final String NEVER = "600000";

    private static final Map<Map<String, String>, ProxyTestServer> SERVERS = new HashMap<>();

    @AfterAll
    static void stop() {
        SERVERS.values().forEach(ProxyTestServer::close);
        SERVERS.clear();
    }

    private static ProxyTestServer server(Vector vector) throws LifecycleException {
        Map<String, String> attributes = Map.of(
                "proxyProtocol", vector.attribute("proxyProtocol", "off"),
                "proxyProtocolTrust", vector.attribute("proxyProtocolTrust", "loopback"),
                "proxyProtocolTimeout", vector.attribute("proxyProtocolTimeout", NEVER));
        ProxyTestServer server = SERVERS.get(attributes);
        if (server == null) {
            server = new ProxyTestServer(attributes).start();
            SERVERS.put(attributes, server);
        }
        return server;
    }

    @ParameterizedTest
    @MethodSource("dev.clowder.valve.ProxyVectors#overSockets")
    void theConnectorDoesWhatTheVectorSays(Vector vector) throws Exception {
        JsonNode expect = vector.expect();
        String peer = vector.json().get("peer").asText();
        try (Client client = server(vector).connect(peer)) {
            if (!vector.accepted()) {
                assertThat(client.send(vector.header()).readAll()).isEmpty();
                return;
            }
            if (vector.json().path("delivery").asText().equals("bytewise")) {
                client.sendBytewise(vector.header());
            } else {
                client.send(vector.header());
            }
            byte[] following = vector.following();
            if (following.length > 0) {
                client.send(following);
            } else {
                client.send(ProxyTestServer.GET);
            }
            client.socket().shutdownOutput();
            String answer = client.readAll();
            assertThat(answer).startsWith("HTTP/1.1 200");
            if (expect.path("useSocket").asBoolean()) {
                assertThat(facts(answer)).contains("peer " + peer + " " + client.port());
            } else if (expect.get("family").asText().equals("UNIX_STREAM")) {
                // Tomcat's own way to show a peer without an address.
                assertThat(facts(answer)).contains("peer 127.0.0.1 0", "unix true");
            } else {
                assertThat(facts(answer))
                        .contains(
                                "peer " + expect.get("source").asText() + " "
                                        + expect.get("sourcePort").asInt(),
                                "local " + expect.get("destination").asText() + " "
                                        + expect.get("destinationPort").asInt());
            }
        }
    }
}
