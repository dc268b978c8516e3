package dev.clowder.launcher.worker;

import dev.clowder.launcher.wire.Message;
import java.io.IOException;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Path;
import org.apache.catalina.connector.Connector;
import org.apache.coyote.RequestGroupInfo;
import org.jspecify.annotations.Nullable;

/** Tomcat's connector for one port of the cluster, and the parts of it that are ours. */
final class WorkerConnector {
    private final Message.Listener listener;
    private final WorkerEndpoint endpoint;
    private final WorkerProtocol protocol;
    private final Connector connector;

    WorkerConnector(Message.Listener listener) {
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

    /** How many requests it has answered, and answers. */
    long requests() {
        return endpoint.getHandler().getGlobal() instanceof RequestGroupInfo all ? all.getRequestCount() : 0;
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
