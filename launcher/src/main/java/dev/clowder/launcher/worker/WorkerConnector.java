package dev.clowder.launcher.worker;

import dev.clowder.launcher.wire.Message;
import java.io.IOException;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Path;
import org.apache.catalina.connector.Connector;
import org.apache.coyote.RequestGroupInfo;
import org.apache.coyote.http2.Http2Protocol;
import org.jspecify.annotations.Nullable;

/** Tomcat's connector for one port of the cluster, and the parts of it that are ours. */
final class WorkerConnector {
    private final Message.Listener listener;
    private final WorkerEndpoint endpoint;
    private final WorkerProtocol protocol;
    private final Connector connector;
    private final Http2Protocol http2 = new Http2Protocol();
    private final @Nullable ServedCertificate certificate;

    /** @throws StartFailedException if it is to speak TLS and can't */
    WorkerConnector(Message.Listener listener) throws StartFailedException {
        this.listener = listener;
        endpoint = new WorkerEndpoint(Path.of(listener.intake()));
        protocol = new WorkerProtocol(endpoint);
        connector = new Connector(protocol);
        connector.setPort(listener.port());
        connector.setThrowOnFailure(true);
        // Sources open when the applications have started, and close before the connections do.
        connector.setProperty("bindOnInit", "false");
        // The relay's clients wait here as others wait in the shared queue.
        connector.setProperty("acceptCount", "4096");
        // By ALPN over TLS, by Upgrade or prior knowledge (h2c) without.
        connector.addUpgradeProtocol(http2);
        endpoint.http2KeepAlive(http2.getKeepAliveTimeout());
        Message.Certificate files = listener.certificate();
        if (files == null) {
            certificate = null;
        } else {
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
        if (certificate != null) {
            certificate.follow();
        }
    }

    /** How many requests it has answered, and answers. */
    long requests() {
        long http1 = endpoint.getHandler().getGlobal() instanceof RequestGroupInfo all ? all.getRequestCount() : 0;
        return http1 + http2.getGlobal().getRequestCount();
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
}
