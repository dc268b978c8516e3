package dev.clowder.arquillian;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;

/**
 * The control socket of a cluster, as docs/control.md describes it: what the status costs there is a millisecond, not the
 * start of a JVM. Each question has a connection of its own; for use by several threads.
 */
final class ControlSocket {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String STATUS = "{\"type\":\"Command\",\"name\":\"status\",\"arguments\":[]}\n";
    // As the launcher keeps to.
    private static final int LONGEST_LINE = 1024 * 1024;

    private final Path path;

    ControlSocket(Path runDir) {
        path = runDir.resolve("control.sock");
    }

    /**
     * Asks for the status.
     *
     * @return the JSON of {@code status --json}
     * @throws IOException if nobody listens, or nobody answers within that time
     */
    String status(Duration atMost) throws IOException {
        long deadline = System.nanoTime() + atMost.toNanos();
        try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
                Selector selector = Selector.open()) {
            channel.connect(UnixDomainSocketAddress.of(path));
            channel.write(ByteBuffer.wrap(STATUS.getBytes(StandardCharsets.UTF_8)));
            channel.configureBlocking(false);
            channel.register(selector, SelectionKey.OP_READ);
            JsonNode reply = JSON.readTree(line(channel, selector, deadline));
            if (reply.path("exitCode").asInt(-1) != 0) {
                throw new IOException("the cluster at " + path + " answered " + reply);
            }
            return reply.path("text").asText();
        }
    }

    private String line(SocketChannel channel, Selector selector, long deadline) throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        ByteBuffer bytes = ByteBuffer.allocate(16 * 1024);
        while (line.size() < LONGEST_LINE) {
            long left = Duration.ofNanos(deadline - System.nanoTime()).toMillis();
            if (left <= 0) {
                throw new IOException("the cluster at " + path + " does not answer");
            }
            selector.select(left);
            selector.selectedKeys().clear();
            if (channel.read(bytes) < 0) {
                throw new IOException("the cluster at " + path + " left without an answer");
            }
            line.write(bytes.array(), 0, bytes.position());
            if (bytes.position() > 0 && bytes.get(bytes.position() - 1) == '\n') {
                return line.toString(StandardCharsets.UTF_8);
            }
            bytes.clear();
        }
        throw new IOException("the cluster at " + path + " answers with more than " + LONGEST_LINE + " bytes");
    }
}
