package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;

/**
 * A request that is in flight for exactly as long as the test wants: the application has answered its first bytes and
 * waits for the end of the body.
 */
final class InFlight implements AutoCloseable {
    private final HttpConnection connection;
    private final HttpConnection.Worker worker;

    private InFlight(HttpConnection connection, HttpConnection.Worker worker) {
        this.connection = connection;
        this.worker = worker;
    }

    /** Sends everything but the end of the body, and returns when the application works on it. */
    static InFlight start(int port, String path) throws IOException {
        HttpConnection connection = HttpConnection.open(port);
        connection.send(connection.head("POST", path, "Content-Length: 8") + "four");
        HttpConnection.Response head = connection.readHead();
        assertThat(head.status()).isEqualTo(200);
        assertThat(connection.readChunk()).isEqualTo("started");
        return new InFlight(connection, head.worker());
    }

    /** The worker that has the request. */
    HttpConnection.Worker worker() {
        return worker;
    }

    /** Sends the rest of the body and reads the rest of the answer. */
    void assertFinishes() throws IOException {
        connection.send("more");
        assertThat(connection.readChunk()).isEqualTo(" got fourmore");
        assertThat(connection.readChunk()).isEmpty();
    }

    @Override
    public void close() throws IOException {
        connection.close();
    }
}
