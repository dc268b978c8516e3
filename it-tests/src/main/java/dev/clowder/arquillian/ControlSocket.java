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
import java.util.List;
import java.util.Map;

/**
 * The control socket of a cluster, as docs/control.md describes it: what a command costs there is a millisecond, not the
 * start of a JVM. Each command has a connection of its own; for use by several threads.
 */
final class ControlSocket {
    private static final ObjectMapper JSON = new ObjectMapper();
    // As the launcher keeps to.
    private static final int LONGEST_LINE = 1024 * 1024;

    private final Path path;

    ControlSocket(Path runDir) {
        path = runDir.resolve("control.sock");
    }

    /**
     * Gives a command and waits for its end.
     *
     * @return what the command prints: for {@code status} the JSON of {@code status --json}
     * @throws IOException if nobody listens, nobody answers within that time, or the answer is a refusal
     */
    String ask(Duration atMost, String name, String... arguments) throws IOException {
        byte[] command =
                JSON.writeValueAsBytes(Map.of("type", "Command", "name", name, "arguments", List.of(arguments)));
        try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
                Selector selector = Selector.open()) {
            channel.connect(UnixDomainSocketAddress.of(path));
            channel.write(ByteBuffer.wrap(command));
            channel.write(ByteBuffer.wrap(new byte[] {'\n'}));
            channel.configureBlocking(false);
            channel.register(selector, SelectionKey.OP_READ);
            Lines lines = new Lines(channel, selector, System.nanoTime() + atMost.toNanos());
            JsonNode said = JSON.readTree(lines.next());
            while (said.path("type").asText().equals("Progress")) {
                said = JSON.readTree(lines.next());
            }
            if (said.path("exitCode").asInt(-1) != 0) {
                throw new IOException("the cluster at " + path + " answered " + name + " with " + said);
            }
            return said.path("text").asText();
        }
    }

    /** What the cluster says, up to a deadline. */
    private final class Lines {
        private final SocketChannel channel;
        private final Selector selector;
        private final long deadline;
        private final ByteBuffer bytes = ByteBuffer.allocate(16 * 1024).flip();

        Lines(SocketChannel channel, Selector selector, long deadline) {
            this.channel = channel;
            this.selector = selector;
            this.deadline = deadline;
        }

        String next() throws IOException {
            ByteArrayOutputStream line = new ByteArrayOutputStream();
            while (line.size() < LONGEST_LINE) {
                if (!bytes.hasRemaining()) {
                    read();
                }
                byte next = bytes.get();
                if (next == '\n') {
                    return line.toString(StandardCharsets.UTF_8);
                }
                line.write(next);
            }
            throw new IOException("the cluster at " + path + " answers with more than " + LONGEST_LINE + " bytes");
        }

        private void read() throws IOException {
            bytes.clear();
            while (bytes.position() == 0) {
                long left = Duration.ofNanos(deadline - System.nanoTime()).toMillis();
                if (left <= 0) {
                    throw new IOException("the cluster at " + path + " does not answer");
                }
                selector.select(left);
                selector.selectedKeys().clear();
                if (channel.read(bytes) < 0) {
                    throw new IOException("the cluster at " + path + " left without an answer");
                }
            }
            bytes.flip();
        }
    }
}
