package dev.clowder.benchmark;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLEngineResult;
import javax.net.ssl.SSLEngineResult.Status;
import javax.net.ssl.SSLParameters;

/** Encrypted. The handshake blocks; from then on reading and writing do what those of a plain wire do. */
final class TlsWire extends Wire {
    private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

    private final SSLEngine engine;
    /** What came and is not decrypted yet; ready to be filled. */
    private final ByteBuffer received;

    private final ByteBuffer encrypted;

    /**
     * Shakes hands.
     *
     * @param channel that blocks
     * @param protocol for ALPN; empty to ask for none
     * @throws IOException if the server does not speak this protocol, or not with this context
     */
    TlsWire(SocketChannel channel, SSLContext context, String protocol) throws IOException {
        super(channel);
        engine = context.createSSLEngine("localhost", 0);
        engine.setUseClientMode(true);
        if (!protocol.isEmpty()) {
            SSLParameters wanted = engine.getSSLParameters();
            wanted.setApplicationProtocols(new String[] {protocol});
            engine.setSSLParameters(wanted);
        }
        received = ByteBuffer.allocateDirect(2 * engine.getSession().getPacketBufferSize());
        encrypted = ByteBuffer.allocateDirect(2 * engine.getSession().getPacketBufferSize());
        engine.beginHandshake();
        shakeHands();
        if (!protocol.equals(engine.getApplicationProtocol())) {
            throw new IOException("no " + protocol + " by ALPN, but " + engine.getApplicationProtocol());
        }
    }

    private void shakeHands() throws IOException {
        ByteBuffer early = ByteBuffer.allocate(engine.getSession().getApplicationBufferSize());
        while (true) {
            switch (engine.getHandshakeStatus()) {
                case NEED_TASK -> engine.getDelegatedTask().run();
                case NEED_WRAP -> write(NOTHING);
                case NEED_UNWRAP, NEED_UNWRAP_AGAIN -> {
                    if (unwrap(early).getStatus() == Status.BUFFER_UNDERFLOW
                            && channel().read(received) < 0) {
                        throw new EOFException("the connection ended in the handshake");
                    }
                }
                case FINISHED, NOT_HANDSHAKING -> {
                    return;
                }
            }
        }
    }

    private SSLEngineResult unwrap(ByteBuffer target) throws IOException {
        received.flip();
        try {
            return engine.unwrap(received, target);
        } finally {
            received.compact();
        }
    }

    @Override
    int read(ByteBuffer target) throws IOException {
        while (true) {
            SSLEngineResult result = unwrap(target);
            if (result.bytesProduced() > 0) {
                return result.bytesProduced();
            }
            // Without any bytes for us: a ticket, for example. With one for the server: a change of keys.
            switch (result.getStatus()) {
                case CLOSED -> {
                    return -1;
                }
                case BUFFER_UNDERFLOW -> {
                    int read = channel().read(received);
                    if (read <= 0) {
                        return read;
                    }
                }
                case BUFFER_OVERFLOW -> throw new IOException("no room for a record");
                case OK -> shakeHands();
            }
        }
    }

    @Override
    void write(ByteBuffer source) throws IOException {
        do {
            encrypted.clear();
            SSLEngineResult result = engine.wrap(source, encrypted);
            if (result.getStatus() != Status.OK) {
                throw new IOException("can't encrypt: " + result);
            }
            super.write(encrypted.flip());
        } while (source.hasRemaining());
    }

    @Override
    boolean buffers() {
        return true;
    }
}
