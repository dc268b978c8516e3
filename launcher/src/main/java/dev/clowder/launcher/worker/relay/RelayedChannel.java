package dev.clowder.launcher.worker.relay;

import org.apache.tomcat.util.net.NioChannel;
import org.apache.tomcat.util.net.SocketBufferHandler;

/** The connection by which another worker relays one request, in the worker that answers it. */
public final class RelayedChannel extends NioChannel {
    private final RelayedFacts facts;

    /** @param facts of the connection that the request came by */
    public RelayedChannel(SocketBufferHandler buffers, RelayedFacts facts) {
        super(buffers);
        this.facts = facts;
    }

    /** Of the connection that the request came by. */
    public RelayedFacts facts() {
        return facts;
    }
}
