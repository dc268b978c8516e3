package dev.clowder.launcher.worker.relay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What another worker answers, cut at every byte. */
class ResponseReaderTest {
    private static final String CHUNKED = "HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n";

    /** Writes down what it is told. */
    private static final class Heard implements ResponseReader.Sink {
        private final StringBuilder text = new StringBuilder();

        @Override
        public void proceed() {
            text.append("proceed ");
        }

        @Override
        public void head(int status, List<ResponseReader.Field> fields) {
            text.append(status);
            fields.forEach(
                    field -> text.append(' ').append(field.name()).append('=').append(field.value()));
            text.append(": ");
        }

        @Override
        public void body(ByteBuffer piece) {
            text.append(StandardCharsets.ISO_8859_1.decode(piece));
        }
    }

    private static ByteBuffer bytes(String text) {
        return ByteBuffer.wrap(text.getBytes(StandardCharsets.ISO_8859_1));
    }

    /** In two parts, cut at each byte in turn, all of it must be heard the same. */
    private static ResponseReader everyCut(String answer, boolean toHead, String expected) throws IOException {
        ResponseReader reader = new ResponseReader(toHead);
        for (int cut = 0; cut <= answer.length(); cut++) {
            reader = new ResponseReader(toHead);
            Heard heard = new Heard();
            reader.read(bytes(answer.substring(0, cut)), heard);
            reader.read(bytes(answer.substring(cut)), heard);
            assertThat(heard.text.toString()).as("cut at " + cut).isEqualTo(expected);
        }
        return reader;
    }

    @Test
    void aBodyEndsWithItsLength() throws IOException {
        ResponseReader reader = everyCut(
                "HTTP/1.1 200 \r\nA: 1\r\nContent-Length: 5\r\n\r\nhello", false, "200 A=1 Content-Length=5: hello");
        assertThat(reader.isDone()).isTrue();
    }

    @Test
    void aBodyEndsWithItsLastChunkAndTrailers() throws IOException {
        ResponseReader reader = everyCut(
                CHUNKED + "3\r\nhel\r\n2\r\nlo\r\n0\r\nX-Sum: 9\r\n\r\n",
                false,
                "200 Transfer-Encoding=chunked Trailer=X-Sum: hello");
        assertThat(reader.isDone()).isTrue();
        assertThat(reader.trailers()).containsEntry("X-Sum", "9");
    }

    @Test
    void whatIsCutShortIsNeverDone() throws IOException {
        String answer = CHUNKED + "3\r\nhel\r\n0\r\n\r\n";
        for (int cut = 0; cut < answer.length(); cut++) {
            ResponseReader reader = new ResponseReader(false);
            reader.read(bytes(answer.substring(0, cut)), new Heard());
            assertThat(reader.isDone()).as("cut at " + cut).isFalse();
        }
    }

    @ParameterizedTest
    @CsvSource({"204,false", "205,false", "304,false", "200,true"})
    void someAnswersHaveNoBodyWhateverTheySay(int status, boolean toHead) throws IOException {
        String head = "HTTP/1.1 " + status + " \r\nContent-Length: 5\r\n\r\n";
        assertThat(everyCut(head, toHead, status + " Content-Length=5: ").isDone())
                .isTrue();
    }

    @Test
    void aWordBeforeTheAnswerIsNoAnswer() throws IOException {
        String answer =
                "HTTP/1.1 100 \r\n\r\nHTTP/1.1 103 \r\nLink: x\r\n\r\nHTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n";
        assertThat(everyCut(answer, false, "proceed 200 Content-Length=0: ").isDone())
                .isTrue();
    }

    @Test
    void whatFollowsAnUpgradeIsLeft() throws IOException {
        ResponseReader reader = new ResponseReader(false);
        ByteBuffer bytes = bytes("HTTP/1.1 101 \r\nUpgrade: websocket\r\n\r\n\u0081\u0000");
        Heard heard = new Heard();
        reader.read(bytes, heard);
        assertThat(heard.text.toString()).isEqualTo("101 Upgrade=websocket: ");
        assertThat(reader.isDone()).isTrue();
        assertThat(bytes.remaining()).isEqualTo(2);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "HTTP/1.0 200 \r\n",
                "SSH-2.0\r\n",
                "HTTP/1.1 2x0 \r\n",
                "HTTP/1.1 200 \r\nno colon\r\n",
                // Its end could not be told from the death of the other worker.
                "HTTP/1.1 200 \r\nConnection: close\r\n\r\nabc",
                "HTTP/1.1 200 \r\nContent-Length: -1\r\n\r\n",
                "HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
            })
    void anythingElseIsRefused(String answer) {
        assertThatThrownBy(() -> new ResponseReader(false).read(bytes(answer), new Heard()))
                .isInstanceOf(IOException.class);
    }
}
