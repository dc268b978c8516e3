package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.Launcher;
import dev.clowder.it.HttpConnection.Response;
import dev.clowder.it.HttpConnection.Worker;
import dev.clowder.it.app.CountServlet;
import dev.clowder.it.app.TravelServlet;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.List;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Sticky sessions of an installed Tomcat, whose {@code server.xml} speaks TLS and HTTP/2 and asks clients who they are. */
@Tag("slow")
class SessionsTlsBaseIT {
    private static final Duration SOON = Duration.ofMinutes(3);
    private static final String COUNT = "/probe/count";

    @TempDir
    private Path files;

    @ParameterizedTest
    @ValueSource(strings = {"tomcat.10", "tomcat.11"})
    @DisplayName(
            "a request over TLS or HTTP/2 is answered by the worker of its session, which knows the client's certificate")
    void travels(String line) throws Exception {
        Tls server = new Tls(files.resolve("server"));
        Tls person = new Tls(files.resolve("person"), "somebody");
        SSLContext trusting = server.client(person);
        try (ClowderProcess cluster = ClowderProcess.builder()
                .root(files)
                .catalinaBase(base(Path.of(System.getProperty(line)), server, person))
                .arguments("--catalina-home", System.getProperty(line), "--oversubscribe", "--boot-timeout", "240s")
                .start()) {
            int port = cluster.awaitReady(SOON).listeners().get(1).port();
            List<SessionUser> users =
                    List.of(SessionUser.in(1, cluster.port(), COUNT), SessionUser.in(2, cluster.port(), COUNT));
            HttpClient client = HttpClient.newBuilder().sslContext(trusting).build();
            count(users, 2, port, trusting, client);
            for (SessionUser user : users) {
                HttpResponse<String> facts = get(client, port, user, "/probe/travel/facts");
                assertThat(facts.version()).isEqualTo(HttpClient.Version.HTTP_2);
                assertThat(facts.body().lines())
                        .contains("certificate=CN=somebody", "scheme=https true", "protocol=HTTP/2.0")
                        .anyMatch(fact -> fact.matches("remote=127.0.0.1:[1-9]\\d+"));
            }
            Launcher.Result reload = cluster.command(SOON, "reload");
            assertThat(reload.exitCode()).as(reload.errors()).isZero();
            count(users, 12, port, trusting, client);
        }
    }

    private static void count(List<SessionUser> users, int from, int port, SSLContext tls, HttpClient client)
            throws Exception {
        for (int count = from; count < from + 10; count += 2) {
            for (SessionUser user : users) {
                try (HttpConnection connection = HttpConnection.tls(port, tls.getSocketFactory())) {
                    Response response = user.get(connection, COUNT);
                    assertThat(response.body()).isEqualTo(String.valueOf(count));
                    assertThat(response.worker().slot()).isEqualTo(user.slot());
                }
                HttpResponse<String> response = get(client, port, user, COUNT);
                assertThat(response.body()).isEqualTo(String.valueOf(count + 1));
                assertThat(Worker.of(response.headers()
                                        .firstValue("X-Clowder-Worker")
                                        .orElseThrow())
                                .slot())
                        .isEqualTo(user.slot());
            }
        }
    }

    private static HttpResponse<String> get(HttpClient client, int port, SessionUser user, String path)
            throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(URI.create("https://localhost:" + port + path))
                .header("Cookie", "JSESSIONID=" + user.id())
                .timeout(SOON)
                .build();
        return client.send(request, BodyHandlers.ofString());
    }

    private Path base(Path home, Tls server, Tls person) throws IOException, GeneralSecurityException {
        Path base = files.resolve("base");
        Path conf = Files.createDirectories(base.resolve("conf"));
        for (String file : List.of("web.xml", "catalina.properties", "logging.properties", "tomcat-users.xml")) {
            Files.copy(home.resolve("conf").resolve(file), conf.resolve(file));
        }
        Files.writeString(conf.resolve("server.xml"), """
                <Server port="-1">
                  <Service name="Catalina">
                    <Connector port="0"/>
                    <Connector port="0" SSLEnabled="true" scheme="https" secure="true">
                      <UpgradeProtocol className="org.apache.coyote.http2.Http2Protocol"/>
                      <SSLHostConfig certificateVerification="optional"
                          truststoreFile="%s" truststoreType="PKCS12" truststorePassword="changeit">
                        <Certificate certificateFile="%s" certificateKeyFile="%s"/>
                      </SSLHostConfig>
                    </Connector>
                    <Engine name="Catalina" defaultHost="localhost"><Host name="localhost" appBase="webapps"/></Engine>
                  </Service>
                </Server>
                """.formatted(person.trust(), server.chain(), server.key()));
        Apps.write(
                Apps.probe("probe.war").addClasses(CountServlet.class, TravelServlet.class),
                Files.createDirectories(base.resolve("webapps")));
        Path lib = Files.createDirectories(base.resolve("lib"));
        Files.copy(Path.of(System.getProperty("clowder.valve")), lib.resolve("clowder-valve.jar"));
        return base;
    }
}
