package dev.clowder.it.app;

import jakarta.websocket.OnMessage;
import jakarta.websocket.Session;
import jakarta.websocket.server.ServerEndpoint;

/** Answers each message with what its handshake looked like. */
@ServerEndpoint("/handshake")
public class HandshakeEndpoint {
    /** Returns the session's own view of scheme and address, and the client as {@link HandshakeFilter} saw it. */
    @OnMessage
    public String tell(String message, Session session) {
        return session.isSecure() + " " + session.getRequestURI() + " "
                + session.getUserPrincipal().getName();
    }
}
