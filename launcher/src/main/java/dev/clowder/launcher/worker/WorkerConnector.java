package dev.clowder.launcher.worker;

import dev.clowder.launcher.wire.Message;
import java.io.IOException;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.catalina.connector.Connector;
import org.apache.coyote.Request;
import org.apache.coyote.RequestGroupInfo;
import org.apache.coyote.http2.Http2Protocol;
import org.jspecify.annotations.Nullable;

/** Tomcat's connector for one port of the cluster, and the parts of it that are ours. */
final class WorkerConnector {
    private final Message.Listener listener;
    private final WorkerEndpoint endpoint;
    private final WorkerProtocol protocol;
    private final Connector connector;
    private @Nullable ServedCertificate certificate;
    /** What was told last. */
    private long requests;

    /**
     * A connector as Tomcat's own defaults make it.
     *
     * @param loops whether requests may run where they are polled
     */
    WorkerConnector(Message.Listener listener, boolean loops, SharedTickets tickets) {
        this.listener = listener;
        endpoint = new WorkerEndpoint(Path.of(listener.intake()), loops, tickets);
        protocol = new WorkerProtocol(endpoint);
        connector = new Connector(protocol);
        connector.setPort(listener.port());
        connector.setThrowOnFailure(true);
        // Sources open when the applications have started, and close before the connections do.
        connector.setProperty("bindOnInit", "false");
        // The relay's clients wait here as others wait in the shared queue.
        connector.setProperty("acceptCount", "4096");
    }

    /**
     * Adds what the launcher's own Tomcat speaks: HTTP/2, and TLS where there is a certificate.
     *
     * @throws StartFailedException if it is to speak TLS and can't
     */
    void configure() throws StartFailedException {
        // By ALPN over TLS, by prior knowledge (h2c) without.
        connector.addUpgradeProtocol(new WithoutUpgrade());
        Message.Certificate files = listener.certificate();
        if (files != null) {
            connector.setScheme("https");
            connector.setSecure(true);
            connector.setProperty("SSLEnabled", "true");
            certificate = new ServedCertificate(files, protocol, listener.port());
        }
    }

    Connector connector() {
        return connector;
    }

    WorkerEndpoint endpoint() {
        return endpoint;
    }

    WorkerProtocol protocol() {
        return protocol;
    }

    /** Whether TLS is spoken here. */
    boolean secure() {
        return certificate != null;
    }

    /** Takes a new certificate when there is one: see {@link ServedCertificate#follow}. */
    void followCertificate() {
        ServedCertificate followed = certificate;
        if (followed != null) {
            followed.follow();
        }
    }

    private Stream<Http2Protocol> http2() {
        return Stream.of(connector.findUpgradeProtocols())
                .filter(Http2Protocol.class::isInstance)
                .map(Http2Protocol.class::cast);
    }

    /** How many requests it has answered, and answers. Those that it relayed are counted by the workers that answer them. */
    synchronized long requests() {
        long http1 = endpoint.getHandler().getGlobal() instanceof RequestGroupInfo all ? all.getRequestCount() : 0;
        long all = http1
                + http2().mapToLong(http2 -> http2.getGlobal().getRequestCount())
                        .sum();
        // Tomcat counts a relayed one a moment after its end.
        requests = Math.max(requests, all - protocol.relayed());
        return requests;
    }

    /**
     * Begins to take clients that the supervisor accepts, or that wait in the queue that all workers share.
     *
     * @param handover which of them
     * @param id of this worker
     * @return this process's copy of the shared socket; null if there is none
     */
    @Nullable
    ServerSocketChannel accept(boolean handover, int id) throws IOException, InterruptedException {
        endpoint.http2KeepAlive(
                http2().mapToLong(Http2Protocol::getKeepAliveTimeout).max().orElse(0));
        if (listener.socket().isEmpty()) {
            // The supervisor copies bytes to the intake.
            return null;
        }
        Path socket = Path.of(listener.socket());
        if (handover) {
            endpoint.accept(socket, id);
            return null;
        }
        ServerSocketChannel shared = SharedListener.receive(socket);
        endpoint.accept(shared);
        return shared;
    }

    /**
     * HTTP/2, but not by a header {@code Upgrade: h2c}: a proxy that passes one on opens a tunnel in which its client is
     * trusted as the proxy is. RFC 9113 has removed that way.
     */
    private static final class WithoutUpgrade extends Http2Protocol {
        WithoutUpgrade() {
            // Requests that cross the first GOAWAY of a drain are served; their clients need not retry.
            setDrainTimeout(TimeUnit.SECONDS.toNanos(1));
        }

        @Override
        public boolean accept(Request request) {
            return false;
        }
    }
}
