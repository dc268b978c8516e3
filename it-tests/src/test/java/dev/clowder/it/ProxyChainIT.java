package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.RealProxy;
import dev.clowder.arquillian.RealProxy.Program;
import java.net.InetAddress;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Two proxies in a row: HAProxy at the edge, nginx behind it, then Clowder. */
@Tag("slow")
class ProxyChainIT extends BehindProxyContract {
    @TempDir
    private static Path files;

    private Certificate certificate;
    private RealProxy edge;

    @Override
    void start() throws Exception {
        ClowderProcess plain = cluster();
        ClowderProcess proxied = cluster("--proxy-protocol", "required");
        certificate = Certificate.make(files);
        RealProxy nginx = nginx(plain, proxied);
        edge = proxy(
                Program.HAPROXY,
                "haproxy-edge.cfg",
                Map.of(
                        "inner", nginx.port("inner"),
                        "inner-proxied", nginx.port("inner-proxied"),
                        "stream-proxied", nginx.port("stream-proxied"),
                        "pem", certificate.writeKeyAndCertificate(files.resolve("cat.pem"))));
    }

    @Override
    Stream<Route> routes() {
        return Stream.of(
                new Route("headers, headers", edge.port("headers"), Kind.HEADERS, "[%s, 127.0.0.1]", "", true),
                new Route("PROXY, headers", edge.port("proxy-to-headers"), Kind.HEADERS),
                new Route("PROXY, PROXY", edge.port("proxy-to-proxy"), Kind.PROXY_PROTOCOL));
    }

    @Test
    @DisplayName("TLS ends at the first of two: scheme, host and port are those that the client used (V1, V6)")
    void whatTheClientUsedPassesBothProxies() throws Exception {
        InetAddress from = InetAddress.getByName("127.0.0.2");
        try (HttpConnection client = certificate.connect(from, edge.port("tls"), false)) {
            for (String[] headers : new String[][] {{}, FORGED}) {
                String[] lines = Stream.concat(Stream.of("Host: " + Certificate.HOST), Stream.of(headers))
                        .toArray(String[]::new);
                assertThat(Details.of(client.get("/details", lines)))
                        .containsEntry("remoteAddr", "127.0.0.2")
                        .containsEntry("secure", "true")
                        .containsEntry("url", "https://" + Certificate.HOST + "/details")
                        .containsEntry("serverPort", "443")
                        .containsEntry("forwarded.ips", "[127.0.0.2, 127.0.0.1]");
                assertThat(client.get("/redirect", lines).header("Location"))
                        .isEqualTo("https://" + Certificate.HOST + "/target");
            }
        }
    }
}
