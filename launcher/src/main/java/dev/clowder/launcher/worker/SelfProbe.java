package dev.clowder.launcher.worker;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import dev.clowder.valve.ProxyHeaderWriter;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;

/** Asks this worker's own Tomcat over its intake: the same poller, threads and processors that clients will meet. */
final class SelfProbe {
    /** Answered by Tomcat itself: no application is disturbed. */
    private static final String REQUEST = "OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

    private static final String ANSWER = "HTTP/1.1 ";

    private SelfProbe() {}

    /** Returns when an HTTP answer came; the supervisor's boot timeout bounds the wait. */
    static void check(Path intake) throws IOException, StartFailedException {
        try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            channel.connect(UnixDomainSocketAddress.of(intake));
            write(channel, ProxyHeaderWriter.local());
            write(channel, REQUEST.getBytes(ISO_8859_1));
            ByteBuffer answer = ByteBuffer.allocate(ANSWER.length());
            while (answer.hasRemaining() && channel.read(answer) >= 0) {
                // The rest of the first line.
            }
            String text = new String(answer.array(), 0, answer.position(), ISO_8859_1);
            if (!text.equals(ANSWER)) {
                throw new StartFailedException("its own Tomcat did not answer a probe (got \"" + text + "\")");
            }
        }
    }

    private static void write(SocketChannel channel, byte[] bytes) throws IOException {
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        while (buffer.hasRemaining()) {
            channel.write(buffer);
        }
    }
}
