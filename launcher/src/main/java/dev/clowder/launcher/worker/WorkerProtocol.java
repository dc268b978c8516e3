package dev.clowder.launcher.worker;

import dev.clowder.launcher.worker.relay.Relay;
import dev.clowder.launcher.worker.relay.RelayLoop;
import dev.clowder.launcher.worker.relay.RelayedAnswer;
import dev.clowder.launcher.worker.relay.RelayedChannel;
import dev.clowder.launcher.worker.relay.RelayedFacts;
import dev.clowder.valve.ProxyHttp11NioProtocol;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.LongAdder;
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
import org.jspecify.annotations.Nullable;

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
    private @Nullable SessionPeers peers;
    private int listener;
    private @Nullable RelayLoop relays;
    private final LongAdder relayed = new LongAdder();

    private final WorkerEndpoint endpoint;

    WorkerProtocol(WorkerEndpoint endpoint) {
        super(endpoint);
        this.endpoint = endpoint;
    }

    @Override
    protected Adapter front(Adapter adapter) {
        Adapter looping = endpoint.looping(adapter);
        return peers == null || relays == null
                ? looping
                : new SessionAdapter(looping, this, endpoint, peers, listener, relays);
    }

    /** From now on clients are told to close their connection. */
    void drain() {
        draining = true;
    }

    /**
     * Sends requests whose session is elsewhere there, those whose connection can't be moved. And from now on processors of
     * plain HTTP let go of a connection after each request, with what they have read of the next one, so that somebody can
     * look at that before it is parsed. Before the start.
     *
     * @param port which of the endpoints of the peers this is
     */
    void routeSessions(SessionPeers all, int port, RelayLoop loop) {
        peers = all;
        listener = port;
        relays = loop;
    }

    /** How many requests other workers have answered. */
    long relayed() {
        return relayed.sum();
    }

    /** One more. */
    void countRelayed() {
        relayed.increment();
    }

    /** What another worker said of the connection of a request that it relays; null if this one has received it. */
    static @Nullable RelayedFacts factsOf(Request request) {
        return request.getNote(PROCESSOR_NOTE) instanceof PipelineProcessor processor ? processor.facts() : null;
    }

    /** Whether a request came by plain HTTP/1, so that its connection can be moved. */
    boolean canMove(Request request) {
        return !isSSLEnabled() && request.getNote(PROCESSOR_NOTE) instanceof PipelineProcessor;
    }

    /** {@inheritDoc} Tomcat does, when it has let go of an asynchronous request. */
    @Override
    public void addWaitingProcessor(Processor processor) {
        super.addWaitingProcessor(processor);
        Request request = processor.getRequest();
        if (request != null && request.getNote(Relay.NOTE) instanceof Relay relay) {
            relay.started();
        }
    }

    /** {@inheritDoc} The worker that has received a relayed request has seen that it does. */
    @Override
    public boolean checkSni(String name, String host) {
        PipelineProcessor serving = SERVING.get();
        return (serving != null && serving.facts() != null) || super.checkSni(name, host);
    }

    /** {@inheritDoc} Tomcat asks before it goes on with the next request of a connection. */
    @Override
    public boolean isPaused() {
        PipelineProcessor serving = SERVING.get();
        return (serving != null && serving.isBetweenRequests()) || super.isPaused();
    }

    /** Says {@code Connection: close} in a response that is not committed, if it is time to. HTTP/2 has its GOAWAY. */
    void sayGoodbye(Request request, Response response) {
        if (!(request.getNote(PROCESSOR_NOTE) instanceof PipelineProcessor processor)) {
            return;
        }
        MimeHeaders headers = response.getMimeHeaders();
        if (processor.facts() != null) {
            RelayedAnswer.beforeCommit(headers);
        } else if (draining && !processor.hasNextRequest()) {
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
            if (protocol.peers == null || (protocol.isSSLEnabled() && !isRelayed(connection))) {
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

        private static boolean isRelayed(@Nullable SocketWrapperBase<?> connection) {
            return connection != null && connection.getSocket() instanceof RelayedChannel;
        }

        /** Null if no other worker relays. */
        @Nullable
        RelayedFacts facts() {
            SocketWrapperBase<?> connection = getSocketWrapper();
            return connection != null && connection.getSocket() instanceof RelayedChannel channel
                    ? channel.facts()
                    : null;
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
