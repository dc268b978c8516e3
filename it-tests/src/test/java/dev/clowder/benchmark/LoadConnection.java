package dev.clowder.benchmark;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * A place for requests of one client: a connection, and the next one when the server has closed it. The pacer sends, the
 * loop receives; both hold the lock of this object.
 */
final class LoadConnection {
    private final Opening opening;
    private final LoadGenerator generator;
    private final boolean quick;

    private @Nullable Wire wire;
    private @Nullable Http http;
    private int freed;
    private byte @Nullable [] own;

    /** The way to a connection that is watched by a loop. */
    interface Opening {
        Wire open(LoadConnection connection) throws IOException;

        Http http(LoadConnection connection, Wire wire) throws IOException;
    }

    /**
     * Opens nothing yet.
     *
     * @param quick whether opening one is so little work that it is done when the next request is due
     */
    LoadConnection(Opening opening, LoadGenerator generator, boolean quick) {
        this.opening = opening;
        this.generator = generator;
        this.quick = quick;
    }

    /** Opens a connection if there is none. */
    synchronized void open() throws IOException {
        if (wire == null) {
            Wire opened = opening.open(this);
            wire = opened;
            http = opening.http(this, opened);
        }
    }

    /** From now on each request is this one, whatever {@link #send} is told. */
    synchronized void always(byte[] request) {
        own = request;
    }

    /** Sends a request; if that fails, so has the request. */
    void send(byte[] request, long due) {
        boolean sent = false;
        synchronized (this) {
            try {
                open();
                Http open = http;
                if (open != null) {
                    open.send(own == null ? request : own, due);
                    sent = true;
                }
            } catch (IOException e) {
                generator.failed(e);
                if (http == null) {
                    generator.answered(due, false);
                    freed++;
                }
                end();
            }
        }
        if (!sent) {
            release();
        }
    }

    /** Reads what came; of the loop. */
    void receive(ByteBuffer buffer) {
        synchronized (this) {
            try {
                Wire open = wire;
                Http reader = http;
                int read = open == null || reader == null ? 0 : read(open, reader, buffer);
                if (read < 0) {
                    end();
                }
            } catch (IOException e) {
                generator.failed(e);
                end();
            }
        }
        release();
    }

    private int read(Wire open, Http reader, ByteBuffer buffer) throws IOException {
        int read;
        boolean full;
        do {
            buffer.clear();
            read = open.read(buffer);
            full = read == buffer.capacity() || open.buffers();
            reader.receive(buffer.flip(), this::answered);
            // A selector tells again what was left behind.
        } while (read > 0 && full);
        return read;
    }

    private void answered(long due, boolean good) {
        generator.answered(due, good);
        freed++;
    }

    private void end() {
        Wire open = wire;
        Http reader = http;
        wire = null;
        http = null;
        if (reader != null) {
            reader.end(this::answered);
        }
        if (open != null) {
            generator.close(open);
        }
    }

    /** The places that became free are for the next requests. */
    private void release() {
        int free;
        boolean ready;
        synchronized (this) {
            free = freed;
            freed = 0;
            ready = quick || wire != null;
        }
        if (free > 0) {
            generator.free(this, free, ready);
        }
    }

    /** Closes it; nobody sends any more. */
    synchronized void close() {
        if (wire != null) {
            generator.close(wire);
            wire = null;
            http = null;
        }
    }
}
