package dev.clowder.benchmark;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What is read does not depend on how it is cut. */
class HttpTest {
    private final List<String> answers = new ArrayList<>();
    private ServerSocket listener;
    private Wire wire;
    private Socket server;

    @BeforeEach
    void connect() throws IOException {
        listener = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        wire = new Wire(Wire.connect(listener.getLocalPort()));
        server = listener.accept();
    }

    @AfterEach
    void close() throws IOException {
        server.close();
        wire.close();
        listener.close();
    }

    private void note(long due, boolean good) {
        answers.add(due + (good ? " good" : " bad"));
    }

    private void receive(Http http, byte[] bytes, int cut) throws IOException {
        http.receive(ByteBuffer.wrap(bytes, 0, cut), this::note);
        http.receive(ByteBuffer.wrap(bytes, cut, bytes.length - cut), this::note);
    }

    @Test
    void anAnswerCutAnywhereIsOneAnswer() throws IOException {
        byte[] answer = "HTTP/1.1 200 \r\nDate: today\r\ncontent-Length: 5\r\n\r\nhello".getBytes(ISO_8859_1);
        Http1 http = new Http1(wire, false, null);
        for (int cut = 0; cut <= answer.length; cut++) {
            http.send(Http1.request("/", false), cut);
            receive(http, answer, cut);
        }

        assertThat(answers).hasSize(answer.length + 1).allMatch(text -> text.endsWith(" good"));
        assertThat(answers).startsWith("0 good", "1 good");
    }

    @Test
    void anotherStatusIsNoGoodAnswer() throws IOException {
        Http1 http = new Http1(wire, false, null);
        http.send(Http1.request("/", false), 7);
        receive(http, "HTTP/1.1 503 \r\nContent-Length: 0\r\n\r\n".getBytes(ISO_8859_1), 3);

        assertThat(answers).containsExactly("7 bad");
    }

    @Test
    void anAnswerThatAnnouncesTheEndIsOverWithIt() throws IOException {
        Http1 http = new Http1(wire, false, null);
        http.send(Http1.request("/", true), 7);
        receive(http, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab".getBytes(ISO_8859_1), 9);
        assertThat(answers).isEmpty();

        http.end(this::note);

        assertThat(answers).containsExactly("7 good");
    }

    @Test
    void anEndThatWasAskedForIsWaitedForWithoutAnAnnouncement() throws IOException {
        Http1 http = new Http1(wire, true, null);
        http.send(Http1.request("/", true), 7);
        receive(http, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab".getBytes(ISO_8859_1), 9);
        assertThat(answers).isEmpty();

        http.end(this::note);

        assertThat(answers).containsExactly("7 good");
    }

    @Test
    void whatComesBehindTheLastAnswerIsAnError() throws IOException {
        Http1 http = new Http1(wire, true, null);
        http.send(Http1.request("/", true), 7);
        byte[] more = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabc".getBytes(ISO_8859_1);

        assertThatThrownBy(() -> receive(http, more, 9)).hasMessageContaining("nobody asked for");
    }

    @Test
    void anEndInTheMiddleIsNoGoodAnswerAndAnIdleConnectionHasNone() throws IOException {
        Http1 http = new Http1(wire, false, null);
        http.send(Http1.request("/", false), 7);
        receive(http, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na".getBytes(ISO_8859_1), 9);
        http.end(this::note);
        http.end(this::note);

        assertThat(answers).containsExactly("7 bad");
    }

    @Test
    void whatNobodyAskedForAndWhatHasNoLengthIsAnError() {
        Http1 http = new Http1(wire, false, null);
        assertThatThrownBy(() -> receive(http, new byte[] {'H'}, 0)).hasMessageContaining("nobody asked for");
        assertThatThrownBy(() -> {
                    http.send(Http1.request("/", false), 7);
                    receive(http, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".getBytes(ISO_8859_1), 0);
                })
                .hasMessageContaining("no Content-Length");
    }

    @Test
    void answersOfSeveralStreamsCutAnywhereFindTheirRequests() throws IOException {
        // SETTINGS; HEADERS 3 with status 200, behind a change of the table; HEADERS 1 with status 404 and END_STREAM;
        // PING; DATA 3 in two frames, the last one empty with END_STREAM; RST_STREAM 5.
        byte[] frames = HexFormat.of()
                .parseHex("000000040000000000" + "0000020104000000032088" + "000001010500000001" + "8d"
                        + "0000080600000000000102030405060708" + "000002000000000003" + "6869" + "000000000100000003"
                        + "000004030000000005" + "00000008");
        for (int cut = 0; cut <= frames.length; cut++) {
            answers.clear();
            Http2 http = new Http2(wire);
            for (long due = 1; due <= 3; due++) {
                http.send(Http2.request("/hello"), due);
            }
            receive(http, frames, cut);

            assertThat(answers).as("cut at " + cut).containsExactly("1 bad", "2 good", "3 bad");
        }
    }

    @Test
    void whatIsLeftAtTheEndOfTheConnectionIsNotAnswered() throws IOException {
        Http2 http = new Http2(wire);
        http.send(Http2.request("/hello"), 1);
        http.send(Http2.request("/hello"), 2);
        http.end(this::note);

        assertThat(answers).containsExactly("1 bad", "2 bad");
    }
}
