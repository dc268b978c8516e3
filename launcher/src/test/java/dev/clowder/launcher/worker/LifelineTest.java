package dev.clowder.launcher.worker;

import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.launcher.wire.Message;
import dev.clowder.launcher.wire.Wire;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A worker's line to a supervisor that the test plays. */
class LifelineTest {
    @TempDir
    private Path directory;

    @Test
    void anInterruptedThreadTellsTheSupervisorAndTheLineStays() throws Exception {
        Path control = directory.resolve("control.sock");
        try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            server.bind(UnixDomainSocketAddress.of(control));
            Lifeline lifeline = new Lifeline(control, new Place(7));
            CompletableFuture<Void> begun = CompletableFuture.runAsync(() -> begin(lifeline));
            try (Wire supervisor = new Wire(server.accept())) {
                assertThat(supervisor.receive()).isInstanceOf(Message.Hello.class);
                supervisor.send(new Message.Stop(0, 0));
                begun.join();

                Thread.currentThread().interrupt();
                lifeline.send(new Message.ReplicaLost(8));
                assertThat(Thread.interrupted()).isTrue();
                lifeline.send(new Message.Drained());
                assertThat(supervisor.receive()).isEqualTo(new Message.ReplicaLost(8));
                assertThat(supervisor.receive()).isEqualTo(new Message.Drained());
            }
            lifeline.leave();
        }
    }

    private static void begin(Lifeline lifeline) {
        try {
            lifeline.begin();
        } catch (java.io.IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }
}
