package dev.clowder.launcher.worker;

import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.launcher.wire.Message;
import dev.clowder.launcher.wire.Wire;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EvidenceTest {
    @Test
    void theTextNamesThreadsTheirFramesAndTheHeap() {
        assertThat(Evidence.ofThreads())
                .contains("\"" + Thread.currentThread().getName() + "\"")
                .contains("    at " + EvidenceTest.class.getName() + ".theTextNames")
                .contains("Heap: ");
    }

    @Test
    void aShortTextIsLeftAsItIs() {
        assertThat(Evidence.cut("a\nb\n", 6)).isEqualTo("a\nb\n");
    }

    @Test
    void aLongTextEndsAtALineAndSaysSo() {
        assertThat(Evidence.cut("a\nb\n", 5)).isEqualTo("a\n(cut here: 2 more characters)\n");
        assertThat(Evidence.cut("abcdefgh", 5)).isEqualTo("abcde(cut here: 3 more characters)\n");
    }

    @Test
    void whateverIsInATextTheCutOneFitsIntoAMessage(@TempDir Path directory) throws Exception {
        String nasty = "\"\\\u0001\u20ac\ud83d\ude00\n".repeat(200_000);
        Message.Dumped message = new Message.Dumped(Evidence.cut(nasty, Evidence.MAX_BYTES));
        UnixDomainSocketAddress address = UnixDomainSocketAddress.of(directory.resolve("s"));
        try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            server.bind(address);
            try (Wire one = new Wire(SocketChannel.open(address));
                    Wire other = new Wire(server.accept())) {
                CompletableFuture<Message> received = CompletableFuture.supplyAsync(() -> {
                    try {
                        return other.receive();
                    } catch (java.io.IOException e) {
                        throw new java.io.UncheckedIOException(e);
                    }
                });
                one.send(message);
                assertThat(received.join()).isEqualTo(message);
            }
        }
    }
}
