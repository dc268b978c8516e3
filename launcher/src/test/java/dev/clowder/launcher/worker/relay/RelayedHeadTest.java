package dev.clowder.launcher.worker.relay;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import org.apache.coyote.Request;
import org.apache.coyote.Response;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A request of HTTP/2 said in HTTP/1.1. */
class RelayedHeadTest {
    private static Request request(String path, String name, String value) {
        Request request = new Request();
        request.setResponse(new Response());
        request.setMethod("POST");
        request.requestURI().setString(path);
        request.protocol().setString("HTTP/2.0");
        request.serverName().setString("example.com");
        request.setServerPort(8443);
        request.getMimeHeaders().addValue(name).setString(value);
        return request;
    }

    private static String text(@Nullable RelayedHead head) {
        assertThat(head).isNotNull();
        return StandardCharsets.ISO_8859_1.decode(head.bytes()).toString();
    }

    @Test
    void headersGoAsTheyCame() {
        Request request = request("/a%20b", "x-a", "1, \u00e9");
        request.queryString().setString("q=%0d");
        request.getMimeHeaders().addValue("x-a").setString("");
        assertThat(text(RelayedHead.of(request)))
                .isEqualTo(String.join(
                        "\r\n",
                        "POST /a%20b?q=%0d HTTP/1.1",
                        "Host: example.com:8443",
                        "x-a: 1, \u00e9",
                        "x-a: ",
                        "Transfer-Encoding: chunked",
                        "",
                        ""));
    }

    @ParameterizedTest
    @ValueSource(strings = {"Connection", "keep-alive", "Transfer-Encoding", "Proxy-Connection", "Upgrade"})
    void whatIsOfOneConnectionStaysThere(String name) {
        assertThat(text(RelayedHead.of(request("/", name, "x")))).doesNotContain(": x");
    }

    @ParameterizedTest
    @ValueSource(strings = {"1\r\nX-Forwarded-For: 10.0.0.1", "1\nb: 2", "1\rb", "\0", "\u010d\u010a"})
    void aValueCantBeginAnotherLine(String value) {
        assertThat(RelayedHead.of(request("/", "a", value))).isNull();
    }

    @ParameterizedTest
    @CsvSource({"a b", "'a: 1'", "'a\nb'", "''"})
    void aNameIsAName(String name) {
        assertThat(RelayedHead.of(request("/", name, "1"))).isNull();
    }

    @ParameterizedTest
    @ValueSource(strings = {"/ HTTP/1.1", "/\r\n", "/\n", "/\u0000", "/\u00e9"})
    void aPathIsNoMoreThanAPath(String path) {
        assertThat(RelayedHead.of(request(path, "a", "1"))).isNull();
    }
}
