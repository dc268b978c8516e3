package dev.clowder.arquillian;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RequestHeadTest {
    private static byte[] bytes(String head) {
        return head.replace("|", "\r\n").getBytes(StandardCharsets.ISO_8859_1);
    }

    private static String alone(String head) {
        assertThat(RequestHead.canBeAlone(bytes(head))).isTrue();
        return new String(RequestHead.alone(bytes(head)), StandardCharsets.ISO_8859_1).replace("\r\n", "|");
    }

    @Test
    @DisplayName("a request becomes the only one of its connection, and stays the same but for that")
    void becomesTheOnlyOne() {
        assertThat(alone("GET /a HTTP/1.1|Host: h|connection: keep-alive|Keep-Alive: 5|Cookie: a=\u00fc|X: 1|X: 2||"))
                .isEqualTo("GET /a HTTP/1.1|Host: h|Cookie: a=\u00fc|X: 1|X: 2|Connection: close||");
    }

    @Test
    @DisplayName("nobody is led to HTTP/2, which would carry all requests of a client")
    void doesNotOfferHttp2() {
        assertThat(alone("GET / HTTP/1.1|Connection: Upgrade, HTTP2-Settings|Upgrade: h2c|HTTP2-Settings: AA||"))
                .isEqualTo("GET / HTTP/1.1|Connection: close||");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "GET /chat HTTP/1.1|Connection: Upgrade|Upgrade: websocket|Sec-WebSocket-Version: 13||",
                "PRI * HTTP/2.0||",
                "GET / HTTP/1.1|Host: cut o"
            })
    @DisplayName("another protocol, and what is no whole head, is left as it is")
    void leavesOthersAsTheyAre(String head) {
        assertThat(RequestHead.canBeAlone(bytes(head))).isFalse();
    }
}
