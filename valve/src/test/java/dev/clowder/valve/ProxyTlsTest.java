package dev.clowder.valve;

import static dev.clowder.valve.ProxyTestServer.GET;
import static dev.clowder.valve.ProxyTestServer.await;
import static dev.clowder.valve.ProxyTestServer.facts;
import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.valve.ProxyTestServer.Client;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The PROXY header in front of TLS and HTTP/2. */
class ProxyTlsTest {
    private static final String PASSWORD = "for-this-test";
    private static final Map<String, String> REQUIRED =
            Map.of("proxyProtocol", "required", "proxyProtocolTimeout", "600000");
    private static final InetSocketAddress SOURCE = new InetSocketAddress("2001:db8::7", 56324);
    private static final InetSocketAddress DESTINATION = new InetSocketAddress("2001:db8::1", 443);
    private static final byte[] V1 = ProxyHeaderWriter.v1(SOURCE, DESTINATION);
    private static final byte[] V2 = ProxyHeaderWriter.withChecksum(ProxyHeaderWriter.v2(SOURCE, DESTINATION));
    private static final String PEER = "peer 2001:db8::7 56324";

    @TempDir
    private static Path directory;

    private static File keyStore;
    private static SSLContext trusting;

    @BeforeAll
    static void makeCertificate() throws Exception {
        keyStore = directory.resolve("server.p12").toFile();
        Process keytool = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "keytool")
                                .toString(),
                        "-genkeypair",
                        "-keystore",
                        keyStore.toString(),
                        "-storepass",
                        PASSWORD,
                        "-alias",
                        "server",
                        "-keyalg",
                        "EC",
                        "-dname",
                        "CN=localhost",
                        "-ext",
                        "san=ip:127.0.0.1,dns:localhost")
                .redirectErrorStream(true)
                .redirectOutput(directory.resolve("keytool.log").toFile())
                .start();
        try {
            assertThat(keytool.waitFor(1, TimeUnit.MINUTES)).isTrue();
            assertThat(keytool.exitValue()).isZero();
        } finally {
            keytool.destroyForcibly();
        }
        trusting = trusting(keyStore);
    }

    private static SSLContext trusting(File keyStore) throws GeneralSecurityException, IOException {
        KeyStore keys = KeyStore.getInstance("PKCS12");
        try (InputStream file = Files.newInputStream(keyStore.toPath())) {
            keys.load(file, PASSWORD.toCharArray());
        }
        KeyStore trusted = KeyStore.getInstance("PKCS12");
        trusted.load(null, null);
        trusted.setCertificateEntry("server", keys.getCertificate("server"));
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(trusted);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        return context;
    }

    @Test
    void tlsBeginsAfterTheHeader() throws Exception {
        try (ProxyTestServer server =
                new ProxyTestServer(REQUIRED).tls(keyStore, PASSWORD).start()) {
            for (byte[] header : List.of(V1, V2)) {
                try (Client client = server.connect()) {
                    client.send(header);
                    assertThat(talkTls(client)).contains(PEER, "local 2001:db8::1 443", "https true 443");
                }
            }
        }
    }

    @Test
    void tlsBeginsAfterAHeaderThatCameInPieces() throws Exception {
        try (ProxyTestServer server =
                        new ProxyTestServer(REQUIRED).tls(keyStore, PASSWORD).start();
                Client client = server.connect()) {
            client.send(Arrays.copyOf(V2, 20));
            await("the first piece to wait", () -> server.endpoint().getProxyHeadersWaiting() == 1);
            client.send(Arrays.copyOfRange(V2, 20, V2.length));
            assertThat(talkTls(client)).contains(PEER);
        }
    }

    @Test
    void tlsWithoutAHeaderIsClosedWithoutAnAnswer() throws Exception {
        try (ProxyTestServer server =
                        new ProxyTestServer(REQUIRED).tls(keyStore, PASSWORD).start();
                Client client = server.connect()) {
            assertThat(client.send(new byte[] {0x16, 3, 1, 2, 0}).readAll()).isEmpty();
        }
    }

    @Test
    void everyStreamOfHttp2ByAlpnSeesThePeerOfTheHeader() throws Exception {
        try (ProxyTestServer server =
                        new ProxyTestServer(REQUIRED).tls(keyStore, PASSWORD).start();
                ProxyForwarder balancer = new ProxyForwarder(V2, server.address())) {
            HttpClient client = HttpClient.newBuilder().sslContext(trusting).build();
            for (int i = 0; i < 3; i++) {
                HttpResponse<String> answer = get(client, "https://127.0.0.1:" + balancer.port() + "/" + i);
                assertThat(answer.version()).isEqualTo(HttpClient.Version.HTTP_2);
                assertThat(facts(answer.body()))
                        .contains(PEER, "HTTP/2.0", "path /" + i, "proxied 2001:db8::7", "local 2001:db8::1 443");
            }
        }
    }

    @Test
    void http2InClearTextSeesThePeerOfTheHeader() throws Exception {
        byte[] tlsAtTheBalancer = ProxyHeaderWriter.v2(SOURCE, DESTINATION, ProxyHeaderWriter.ssl(1, 1));
        try (ProxyTestServer server = new ProxyTestServer(REQUIRED).start();
                ProxyForwarder balancer = new ProxyForwarder(tlsAtTheBalancer, server.address())) {
            HttpClient client = HttpClient.newHttpClient();
            for (int i = 0; i < 3; i++) {
                HttpResponse<String> answer = get(client, "http://127.0.0.1:" + balancer.port() + "/" + i);
                assertThat(answer.version()).isEqualTo(HttpClient.Version.HTTP_2);
                assertThat(facts(answer.body()))
                        .contains(PEER, "HTTP/2.0", "https true " + balancer.port(), "proxied 2001:db8::7");
            }
        }
    }

    private static HttpResponse<String> get(HttpClient client, String uri) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(uri))
                .timeout(ProxyTestServer.PATIENCE)
                .build();
        return client.send(request, HttpResponse.BodyHandlers.ofString());
    }

    private static List<String> talkTls(Client client) throws IOException {
        try (SSLSocket tls =
                (SSLSocket) trusting.getSocketFactory().createSocket(client.socket(), "localhost", 443, true)) {
            tls.getOutputStream().write(GET.getBytes(StandardCharsets.US_ASCII));
            return facts(new String(tls.getInputStream().readAllBytes(), StandardCharsets.UTF_8));
        }
    }
}
