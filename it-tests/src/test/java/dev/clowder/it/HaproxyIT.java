package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.RealProxy;
import dev.clowder.arquillian.RealProxy.Program;
import java.net.InetAddress;
import java.nio.file.Path;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** HAProxy in front: with both families of headers, and with the PROXY protocol in both versions. */
@Tag("slow")
@Tag("once")
class HaproxyIT extends BehindProxyContract {
    /** Its own {@code option forwarded} is there since 2.8. */
    private static final Pattern HAS_OPTION = Pattern.compile("version (2\\.[89]|2\\.\\d\\d|[3-9]\\.|\\d\\d)");

    private static final String OWN_OPTION = "option forwarded proto host for";
    /** What those before it wrote in its place. */
    private static final String BY_HAND =
            "http-request add-header Forwarded proto=http;host=\\\"%[req.hdr(host)]\\\";for=%[src]";

    @TempDir
    private static Path files;

    private Certificate certificate;
    private RealProxy haproxy;

    @Override
    void start() throws Exception {
        ClowderProcess plain = cluster();
        ClowderProcess forwarded = cluster("--forwarded-headers", "forwarded");
        ClowderProcess proxied = cluster("--proxy-protocol", "required");
        certificate = Certificate.make(files);
        Matcher recent = HAS_OPTION.matcher(Program.HAPROXY.version());
        haproxy = proxy(
                Program.HAPROXY,
                "haproxy.cfg",
                Map.of(
                        "plain", plain.port(),
                        "forwarded", forwarded.port(),
                        "proxied", proxied.port(),
                        "forwarded-option", recent.find() ? OWN_OPTION : BY_HAND,
                        "pem", certificate.writeKeyAndCertificate(files.resolve("cat.pem")),
                        "ca", certificate.writeCertificate(files.resolve("ca.pem"))));
    }

    @Override
    Stream<Route> routes() {
        return Stream.of(
                new Route("X-Forwarded-*", haproxy.port("x-forwarded"), Kind.HEADERS),
                new Route("Forwarded", haproxy.port("forwarded"), Kind.HEADERS),
                new Route("send-proxy", haproxy.port("proxy-v1"), Kind.PROXY_PROTOCOL),
                new Route("send-proxy-v2", haproxy.port("proxy-v2"), Kind.PROXY_PROTOCOL),
                new Route("send-proxy-v2, tcp", haproxy.port("proxy-v2-tcp"), Kind.PROXY_PROTOCOL));
    }

    @Test
    @DisplayName(
            "send-proxy-v2 with TLVs: unique id and checksum arrive, and health checks (LOCAL) disturb nobody (P5, P7)")
    void tlvsArriveAndHealthChecksDisturbNobody() throws Exception {
        try (HttpConnection client = client(2, haproxy.port("proxy-v2"))) {
            Map<String, String> seen = Details.of(client.get("/details"));
            assertThat(seen)
                    .containsEntry("proxied.version", "2")
                    .containsEntry("proxied.source", "127.0.0.2")
                    .containsEntry("proxied.sourcePort", String.valueOf(client.localPort()));
            assertThat(seen.get("proxied.types")).contains("03", "05");
            assertThat(seen.get("proxied.uniqueId")).isNotEqualTo("null");
        }
        assertThat(haproxy.output()).doesNotContain("DOWN");
    }

    @Test
    @DisplayName(
            "TLS ends at HAProxy: the request is secure, with SNI, version, cipher and the verified certificate (P8)")
    void theTlsOfTheClientIsKnown() throws Exception {
        InetAddress from = InetAddress.getByName("127.0.0.2");
        try (HttpConnection client = certificate.connect(from, haproxy.port("tls"), true)) {
            assertThat(Details.of(client.get("/details", "Host: " + Certificate.HOST)))
                    .containsEntry("remoteAddr", "127.0.0.2")
                    .containsEntry("scheme", "https")
                    .containsEntry("secure", "true")
                    .containsEntry("url", "https://" + Certificate.HOST + "/details")
                    .containsEntry("proxied.authority", Certificate.HOST)
                    .containsEntry("proxied.tls", "TLSv1.3")
                    .containsEntry("proxied.commonName", Certificate.COMMON_NAME)
                    .containsEntry("proxied.verified", "true")
                    .hasEntrySatisfying(
                            "proxied.cipher", cipher -> assertThat(cipher).startsWith("TLS_AES"));
            assertThat(client.get("/redirect", "Host: " + Certificate.HOST).header("Location"))
                    .isEqualTo("https://" + Certificate.HOST + "/target");
        }
        try (HttpConnection client = certificate.connect(from, haproxy.port("tls"), false)) {
            assertThat(Details.of(client.get("/details", "Host: " + Certificate.HOST)))
                    .containsEntry("secure", "true")
                    .containsEntry("proxied.commonName", "null")
                    .containsEntry("proxied.verified", "false");
        }
    }
}
