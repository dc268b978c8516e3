package dev.clowder.launcher.worker;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SessionCookiesTest {
    private final SessionCookies cookies = new SessionCookies();

    SessionCookiesTest() {
        cookies.add("JSESSIONID", "jsessionid");
        cookies.add("shop", "sid");
    }

    private int slot(String head) {
        byte[] bytes = head.replace("|", "\r\n").getBytes(StandardCharsets.ISO_8859_1);
        return cookies.slot(ByteBuffer.wrap(bytes), bytes.length);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '~', textBlock = """
            GET / HTTP/1.1|Host: a||                                              ~ 0
            GET / HTTP/1.1|Host: a|Cookie: JSESSIONID=AB.2||                      ~ 2
            GET / HTTP/1.1|cookie:JSESSIONID=AB.12|Host: a||                      ~ 12
            GET / HTTP/1.1|Cookie: a=b; c=JSESSIONID; JSESSIONID=A.b.3; x=y||     ~ 3
            GET / HTTP/1.1|Cookie: XJSESSIONID=A.3||                              ~ 0
            GET / HTTP/1.1|Cookie: JSESSIONID=A.1; JSESSIONID=A.2||               ~ 1
            GET / HTTP/1.1|Cookie: a=b|Cookie: shop=A.4||                         ~ 4
            GET / HTTP/1.1|Cookie: JSESSIONID=A||                                 ~ 0
            GET / HTTP/1.1|Cookie: JSESSIONID=A.2x||                              ~ 0
            GET / HTTP/1.1|Cookie: JSESSIONID=A.||                                ~ 0
            GET / HTTP/1.1|Cookie: JSESSIONID=A.99999999999||                     ~ 0
            GET /a;jsessionid=A.5?x HTTP/1.1|Host: a||                            ~ 5
            GET /a;x=1;sid=A.6/b HTTP/1.1|Host: a||                               ~ 6
            GET /a;jsessionid=A.5 HTTP/1.1|Cookie: JSESSIONID=A.7||               ~ 7
            GET /a;jsessionid=A.5 HTTP/1.1|Cookie: JSESSIONID=A||                 ~ 0
            GET / HTTP/1.0||Cookie: JSESSIONID=A.2||                              ~ 0
            |GET / HTTP/1.1|Cookie: JSESSIONID=A.2||                              ~ 2
            """)
    void findsTheSlot(String head, int slot) {
        assertThat(slot(head)).isEqualTo(slot);
    }

    @Test
    void aHeadCutAnywhereIsIncompleteUntilTheCookieIsThere() {
        String head = "GET /;jsessionid=A.1 HTTP/1.1|Host: a|Cookie: x=y; JSESSIONID=A.23|";
        String whole = head.replace("|", "\r\n");
        for (int length = 0; length < whole.length(); length++) {
            assertThat(slot(whole.substring(0, length))).isEqualTo(SessionCookies.INCOMPLETE);
        }
        assertThat(slot(whole)).isEqualTo(23);
    }

    @Test
    void whatIsNoHttpIsLeftToTomcatAtOnce() {
        assertThat(slot("\u0016\u0003\u0001")).isEqualTo(SessionCookies.NONE);
        assertThat(slot("PRI * HTTP/2.0||SM||")).isEqualTo(SessionCookies.NONE);
    }

    @Test
    void aSessionIdNamesItsSlot() {
        assertThat(SessionCookies.slotOf("0123.4")).isEqualTo(4);
        assertThat(SessionCookies.slotOf("0123")).isZero();
    }
}
