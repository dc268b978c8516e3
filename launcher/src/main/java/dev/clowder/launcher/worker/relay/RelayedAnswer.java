package dev.clowder.launcher.worker.relay;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import org.apache.coyote.ActionCode;
import org.apache.coyote.ContinueResponseTiming;
import org.apache.coyote.Request;
import org.apache.coyote.Response;
import org.apache.tomcat.util.http.MimeHeaders;

/** Tells a client what another worker has answered. One thread at a time. */
public final class RelayedAnswer implements ResponseReader.Sink {
    /**
     * What the other worker says in the header Connection instead of {@code close}, behind which an answer may end where it
     * likes: here nobody could tell that from the end of that worker.
     */
    private static final String CLOSE = "relayed-close";

    private static final String CONNECTION = "Connection";
    private static final int BAD_GATEWAY = 502;

    private final Request request;
    private final Response response;
    private final BiConsumer<Request, Response> goodbye;
    private final Supplier<Map<String, String>> trailers;
    private boolean wantsBody;
    private volatile boolean closed;

    /** @param goodbye sees the head before it is sent */
    RelayedAnswer(Request request, BiConsumer<Request, Response> goodbye, Supplier<Map<String, String>> trailers) {
        this.request = request;
        this.response = request.getResponse();
        this.goodbye = goodbye;
        this.trailers = trailers;
    }

    /**
     * In the worker that answers: sees to it that an answer which is about to be sent says where it ends, also if the
     * application wants its connection closed.
     */
    public static void beforeCommit(MimeHeaders headers) {
        for (int i = headers.findHeader(CONNECTION, 0); i >= 0; i = headers.findHeader(CONNECTION, i + 1)) {
            for (String token : String.valueOf(headers.getValue(i)).split(",", -1)) {
                if (token.strip().equalsIgnoreCase("close")) {
                    headers.setValue(CONNECTION).setString(CLOSE);
                    return;
                }
            }
        }
    }

    /** What Tomcat answers to a question about a request. */
    public static boolean is(Request request, ActionCode question) {
        AtomicBoolean answer = new AtomicBoolean();
        request.action(question, answer);
        return answer.get();
    }

    /** Whether the client was told to send the body since this was asked. */
    boolean wantsBody() {
        boolean wants = wantsBody;
        wantsBody = false;
        return wants;
    }

    /** From now on nothing is told to the client; any thread. */
    void close() {
        closed = true;
    }

    private void checkOpen() throws IOException {
        if (closed) {
            throw new IOException("the client is gone");
        }
    }

    /** There is none: the other worker has died. */
    void none() {
        if (closed) {
            return;
        }
        response.setStatus(BAD_GATEWAY);
        response.setContentLength(0);
        goodbye.accept(request, response);
    }

    @Override
    public void proceed() {
        if (!closed && request.hasExpectation()) {
            response.action(ActionCode.ACK, ContinueResponseTiming.ALWAYS);
            wantsBody = true;
        }
    }

    @Override
    public void head(int status, List<ResponseReader.Field> fields) throws IOException {
        checkOpen();
        boolean upgraded = status == ResponseReader.SWITCHING_PROTOCOLS;
        response.setStatus(status);
        for (ResponseReader.Field field : fields) {
            field(field.name(), field.value(), upgraded);
        }
        if (!upgraded) {
            goodbye.accept(request, response);
        }
    }

    private void field(String name, String value, boolean upgraded) throws IOException {
        MimeHeaders headers = response.getMimeHeaders();
        switch (name.toLowerCase(Locale.ROOT)) {
            case "content-length" -> response.setContentLength(ResponseReader.length(value));
            case "transfer-encoding", "keep-alive" -> {
                // Of that connection.
            }
            case "connection" -> {
                if (upgraded || value.equals(CLOSE)) {
                    headers.addValue(name).setString(upgraded ? value : "close");
                }
            }
            case "trailer" -> {
                headers.addValue(name).setString(value);
                if (is(request, ActionCode.IS_TRAILER_FIELDS_SUPPORTED)) {
                    response.setTrailerFields(trailers);
                }
            }
            default -> headers.addValue(name).setString(value);
        }
    }

    @Override
    public void body(ByteBuffer piece) throws IOException {
        checkOpen();
        response.doWrite(piece);
    }
}
