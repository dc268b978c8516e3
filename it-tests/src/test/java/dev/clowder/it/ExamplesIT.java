package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.net.URL;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jboss.arquillian.container.test.api.Deployment;
import org.jboss.arquillian.junit5.container.annotation.ArquillianTest;
import org.jboss.arquillian.test.api.ArquillianResource;
import org.jboss.shrinkwrap.api.ShrinkWrap;
import org.jboss.shrinkwrap.api.spec.WebArchive;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A real application, written by others: {@code examples} of the Tomcat distribution. */
@Tag("once")
@ArquillianTest
class ExamplesIT {
    private static final String REQUEST_INFO = "servlets/servlet/RequestInfoExample";

    @ArquillianResource
    private URL url;

    @Deployment(testable = false)
    static WebArchive examples() {
        return ShrinkWrap.createFromZipFile(WebArchive.class, new File(System.getProperty("clowder.examples")));
    }

    @Test
    @DisplayName("a servlet sees the client that a trusted proxy names")
    void aServletSeesTheForwardedClient() throws IOException {
        assertThat(page(REQUEST_INFO)).contains("127.0.0.1");
        assertThat(page(REQUEST_INFO, "X-Forwarded-For: 127.0.0.77")).contains("127.0.0.77");
    }

    @Test
    @DisplayName(
            "the application's own address filter (RemoteCIDRValve, loopback only) judges the client, not the proxy")
    void theApplicationsAddressFilterJudgesTheForwardedClient() throws IOException {
        assertThat(get(REQUEST_INFO).status()).isEqualTo(200);
        assertThat(get(REQUEST_INFO, "X-Forwarded-For: 203.0.113.7").status()).isEqualTo(403);
    }

    @Test
    @DisplayName("a JSP with expression language and one with the tag library are compiled and run")
    void jspsAreCompiledAndRun() throws IOException {
        assertThat(page("jsp/jsp2/el/basic-arithmetic.jsp")).contains("<td>${21 * 2}</td>", "<td>42</td>");
        assertThat(page("jsp/tagplugin/foreach.jsp").replaceAll("\\s+", " ")).contains("One Two Three Four");
    }

    @Test
    @DisplayName("asynchronous and non-blocking servlets answer")
    void asynchronousServletsAnswer() throws IOException {
        assertThat(page("async/async0")).contains("Async dispatch worked");
        try (HttpConnection connection = HttpConnection.open(url.getPort())) {
            connection.send(connection.head(
                    "POST",
                    url.getPath() + "servlets/nonblocking/bytecounter",
                    "Content-Type: text/plain",
                    "Content-Length: 12"));
            connection.send("twelve bytes");
            assertThat(connection.read().body()).contains("12");
        }
    }

    @ParameterizedTest(name = "{0}")
    @ValueSource(strings = {"websocket/echoAnnotation", "websocket/echoProgrammatic"})
    @DisplayName("a WebSocket echoes")
    void aWebSocketEchoes(String endpoint) throws Exception {
        BlockingQueue<String> received = new LinkedBlockingQueue<>();
        WebSocket socket = HttpClient.newHttpClient()
                .newWebSocketBuilder()
                .buildAsync(
                        URI.create("ws://127.0.0.1:" + url.getPort() + url.getPath() + endpoint),
                        new WebSocket.Listener() {
                            @Override
                            public CompletionStage<?> onText(WebSocket socket, CharSequence data, boolean last) {
                                received.add(data.toString());
                                socket.request(1);
                                return null;
                            }
                        })
                .get(30, TimeUnit.SECONDS);
        try {
            socket.sendText("one cat", true).get(30, TimeUnit.SECONDS);
            assertThat(received.poll(30, TimeUnit.SECONDS)).isEqualTo("one cat");
            socket.sendText("two cats", true).get(30, TimeUnit.SECONDS);
            assertThat(received.poll(30, TimeUnit.SECONDS)).isEqualTo("two cats");
        } finally {
            socket.abort();
        }
    }

    private String page(String path, String... headerLines) throws IOException {
        HttpConnection.Response response = get(path, headerLines);
        assertThat(response.status()).as(path + "\n" + response.body()).isEqualTo(200);
        return response.body();
    }

    private HttpConnection.Response get(String path, String... headerLines) throws IOException {
        return HttpConnection.fresh(url.getPort(), url.getPath() + path, headerLines);
    }
}
