package dev.clowder.launcher.worker;

import dev.clowder.valve.ProxyHttp11NioProtocol;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.apache.coyote.Adapter;
import org.apache.coyote.Constants;
import org.apache.coyote.Processor;
import org.apache.coyote.Request;
import org.apache.coyote.Response;
import org.apache.coyote.http11.Http11Processor;
import org.apache.tomcat.util.http.MimeHeaders;
import org.apache.tomcat.util.net.AbstractEndpoint.Handler.SocketState;
import org.apache.tomcat.util.net.SocketEvent;
import org.apache.tomcat.util.net.SocketWrapperBase;

/**
 * HTTP/1.1 that can say goodbye: after {@link #drain} each response says {@code Connection: close}, also to a request
 * that was in flight before, unless its client has sent another request behind it already. That one is answered first.
 *
 * <p>Tomcat's own ways are not enough. A paused connector closes a kept-alive connection unanswered, or with 503.
 * {@code maxKeepAliveRequests="1"}, also that of {@code closeServerSocketGraceful}, is read when a request begins, so
 * that the clients of those in flight are not told; and what was pipelined behind the request is thrown away.
 */
final class WorkerProtocol extends ProxyHttp11NioProtocol {
    /** Of those that Tomcat leaves to others; kept for as long as the request object, over all its requests. */
    private static final int PROCESSOR_NOTE = 31;

    private static final String CONNECTION = "Connection";

    /** The processor that serves on this thread. */
    private static final ThreadLocal<PipelineProcessor> SERVING = new ThreadLocal<>();

    private volatile boolean draining;
    private volatile boolean oneByOne;

    private final WorkerEndpoint endpoint;

    WorkerProtocol(WorkerEndpoint endpoint) {
        super(endpoint);
        this.endpoint = endpoint;
    }

    @Override
    public void setAdapter(Adapter adapter) {
        super.setAdapter(adapter);
        super.setAdapter(endpoint.looping(getAdapter()));
    }

    /** From now on clients are told to close their connection. */
    void drain() {
        draining = true;
    }

    /**
     * From now on processors of plain HTTP let go of a connection after each request, with what they have read of the next one, so that
     * somebody can look at that before it is parsed. Before the start.
     */
    void serveOneByOne() {
        oneByOne = true;
    }

    /** {@inheritDoc} Tomcat asks before it goes on with the next request of a connection. */
    @Override
    public boolean isPaused() {
        PipelineProcessor serving = SERVING.get();
        return (serving != null && serving.isBetweenRequests()) || super.isPaused();
    }

    /** Says {@code Connection: close} in a response that is not committed, if it is time to. HTTP/2 has its GOAWAY. */
    void sayGoodbye(Request request, Response response) {
        if (draining
                && request.getNote(PROCESSOR_NOTE) instanceof PipelineProcessor processor
                && !processor.hasNextRequest()) {
            MimeHeaders headers = response.getMimeHeaders();
            if (headers.getValue(CONNECTION) == null) {
                headers.setValue(CONNECTION).setString("close");
            }
        }
    }

    /**
     * {@inheritDoc} Tomcat asks when it commits a response with a body, before it looks at its headers: the last moment
     * for one more. For responses without a body {@link GoodbyeValve} finds a moment.
     */
    @Override
    public boolean useCompression(Request request, Response response) {
        sayGoodbye(request, response);
        return super.useCompression(request, response);
    }

    @Override
    protected Processor createProcessor() {
        PipelineProcessor processor = new PipelineProcessor(this, getAdapter());
        processor.getRequest().setNote(PROCESSOR_NOTE, processor);
        return processor;
    }

    /** A processor that knows whether the client has sent more than the current request. */
    private static final class PipelineProcessor extends Http11Processor {
        private final WorkerProtocol protocol;
        /** Whether the next request is one that was looked at. */
        private boolean fresh;

        PipelineProcessor(WorkerProtocol protocol, Adapter adapter) {
            super(protocol, adapter);
            this.protocol = protocol;
        }

        @Override
        public SocketState process(SocketWrapperBase<?> connection, SocketEvent event) throws IOException {
            fresh = !isAsync();
            return super.process(connection, event);
        }

        /** {@inheritDoc} Tomcat calls it again when an asynchronous request has ended. */
        @Override
        public SocketState service(SocketWrapperBase<?> connection) throws IOException {
            if (!protocol.oneByOne || protocol.isSSLEnabled()) {
                return super.service(connection);
            }
            if (!fresh) {
                return giveBack(connection);
            }
            fresh = false;
            SERVING.set(this);
            SocketState state;
            try {
                state = super.service(connection);
            } finally {
                SERVING.remove();
            }
            return state == SocketState.OPEN ? giveBack(connection) : state;
        }

        private SocketState giveBack(SocketWrapperBase<?> connection) {
            ByteBuffer next = getLeftoverInput();
            if (next != null) {
                connection.unRead(next);
            }
            // Tomcat does it when it goes on to the next request by itself.
            connection.setReadTimeout(protocol.getKeepAliveTimeout());
            return SocketState.OPEN;
        }

        boolean isBetweenRequests() {
            return request.getRequestProcessor().getStage() == Constants.STAGE_KEEPALIVE;
        }

        boolean hasNextRequest() {
            if (request.getMimeHeaders().getValue("Transfer-Encoding") != null) {
                return isRequestBodyFullyRead() && available(false) > 0;
            }
            if (request.getContentLengthLong() > 0) {
                // Tomcat does not show what it has read behind such a body. Nobody pipelines there: behind a request
                // that is not idempotent a client must not (RFC 9112, section 9.3.2).
                return false;
            }
            // Asking for what is available reads, without waiting, what has arrived: closing with bytes unread would
            // reset the connection, and the client might lose the response that it was sent.
            return getLeftoverInput() != null || (!isAsync() && available(true) > 0);
        }
    }
}
