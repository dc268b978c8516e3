package dev.clowder.launcher.supervisor;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.launcher.wire.Message;
import dev.clowder.launcher.wire.Wire;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What bad clients of the control socket can do to a cluster: nothing (cluster.md, failures 29 and 30). */
@Tag("once")
class ControlServerTest {
    private static final Duration SOON = Duration.ofSeconds(60);

    @TempDir
    Path temporary;

    private final BlockingQueue<Event> events = new LinkedBlockingQueue<>();
    private final List<SocketChannel> clients = new ArrayList<>();
    private Path socket;
    private ControlServer server;

    @BeforeEach
    void start() throws IOException {
        socket = temporary.resolve("control.sock");
        server = new ControlServer(socket, events::add);
    }

    @AfterEach
    void end() throws IOException {
        for (SocketChannel client : clients) {
            client.close();
        }
        server.close();
    }

    @Test
    void nobodyButTheOwnerMayConnect() throws IOException {
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(socket)))
                .isEqualTo("rw-------");
    }

    @Test
    void garbageIsDroppedAndTheNextCommandIsAnswered() throws Exception {
        Random random = new Random(29);
        for (int i = 0; i < 200; i++) {
            byte[] garbage = new byte[1 + random.nextInt(300)];
            random.nextBytes(garbage);
            SocketChannel client = connect();
            client.write(ByteBuffer.wrap(garbage));
            client.shutdownOutput();
            awaitEnd(client);
        }
        assertThat(events).isEmpty();
        assertAnswers();
    }

    @Test
    void anEndlessMessageIsDropped() throws Exception {
        SocketChannel client = connect();
        ByteBuffer much = ByteBuffer.wrap("x".repeat(2 << 20).getBytes(UTF_8));
        Awaitility.await().atMost(SOON).until(() -> {
            try {
                client.write(much.rewind());
                return false;
            } catch (IOException e) {
                return true;
            }
        });
        assertAnswers();
    }

    @Test
    void aClientThatSaysNothingIsClosedAfterItsTime() throws Exception {
        SocketChannel silent = connect();
        SocketChannel slow = connect();
        slow.write(ByteBuffer.wrap(new byte[] {'{'}));
        awaitEnd(silent);
        awaitEnd(slow);
        assertAnswers();
    }

    @Test
    void aFloodOfSilentConnectionsKeepsNobodyOut() throws Exception {
        for (int i = 0; i < 4 * ControlServer.MAX_SILENT; i++) {
            connect();
        }
        assertAnswers();
        awaitEnd(clients.get(0));
    }

    @Test
    void aCommandThatDoesNotReadItsAnswerHoldsUpNobody() throws Exception {
        for (int i = 0; i < ControlServer.MAX_COMMANDS; i++) {
            new Wire(connect()).send(new Message.Command("status", List.of()));
            Event.Asked asked = (Event.Asked) events.poll(60, TimeUnit.SECONDS);
            asked.caller().answer(new Message.Reply(0, "x".repeat(900_000)));
        }
        try (Wire refused = Wire.connect(socket)) {
            refused.send(new Message.Command("status", List.of()));
            assertThat(refused.receive())
                    .isInstanceOfSatisfying(
                            Message.Reply.class,
                            reply -> assertThat(reply.exitCode()).isEqualTo(1));
        }
        // Those who do not read lose their place, and commands are answered again.
        Awaitility.await().atMost(SOON).until(() -> {
            try (Wire next = Wire.connect(socket)) {
                next.send(new Message.Command("status", List.of()));
                return next.receive() instanceof Message.Reply
                        || events.poll(1, TimeUnit.MILLISECONDS) instanceof Event.Asked;
            }
        });
    }

    @Test
    void aWorkerThatFloodsIsReadNoFasterThanTheSupervisorTakesIn() throws Exception {
        Wire worker = new Wire(connect());
        int messages = 5_000;
        CompletableFuture<Void> flood = CompletableFuture.runAsync(() -> {
            try {
                worker.send(new Message.Hello(1, 1, 1, 1, false));
                for (int i = 1; i < messages; i++) {
                    worker.send(new Message.Load(i, 0, 0, 0, 0, null));
                }
            } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        });
        Awaitility.await().atMost(SOON).until(() -> events.size() == ControlServer.MAX_UNREAD);
        assertAnswersBehind();
        for (int taken = 0; taken < messages; taken++) {
            Event event = events.poll(60, TimeUnit.SECONDS);
            assertThat(event).isInstanceOf(Event.Said.class);
            event.taken();
            assertThat(events.size()).isLessThanOrEqualTo(ControlServer.MAX_UNREAD);
        }
        flood.get(60, TimeUnit.SECONDS);
    }

    @Test
    void anOrderToAWorkerThatDoesNotReadNeverBlocksTheSupervisor() throws Exception {
        new Wire(connect()).send(new Message.Hello(1, 1, 1, 1, false));
        Event.Said hello = (Event.Said) events.poll(60, TimeUnit.SECONDS);
        Worker worker = new Worker(null, 1, 1, new Generation(1, List.of(), List.of()), 0, 0);
        worker.connect(hello.from());
        Message large = new Message.Reply(0, "x".repeat(500_000));
        int orders = 0;
        // Returns at all: a write that waits would wait for ever.
        while (worker.order(large)) {
            orders++;
        }
        assertThat(orders).isBetween(1, 100);
        worker.disconnect();
        assertThat(worker.order(large)).isFalse();
    }

    private SocketChannel connect() throws IOException {
        SocketChannel client = SocketChannel.open(UnixDomainSocketAddress.of(socket));
        clients.add(client);
        return client;
    }

    private static void awaitEnd(SocketChannel client) {
        Awaitility.await().atMost(SOON).until(() -> {
            try {
                return client.read(ByteBuffer.allocate(1)) < 0;
            } catch (IOException e) {
                // Closed with something unread in its buffer.
                return true;
            }
        });
    }

    private void assertAnswers() throws Exception {
        try (Wire client = Wire.connect(socket)) {
            client.send(new Message.Command("status", List.of()));
            Event.Asked asked = (Event.Asked) events.poll(60, TimeUnit.SECONDS);
            asked.caller().progress("step");
            asked.caller().answer(new Message.Reply(0, "fine"));
            assertThat(client.receive()).isEqualTo(new Message.Progress("step"));
            assertThat(client.receive()).isEqualTo(new Message.Reply(0, "fine"));
        }
    }

    /** Another client gets through while a flood waits; its question stays behind what came before. */
    private void assertAnswersBehind() throws Exception {
        try (Wire client = Wire.connect(socket)) {
            client.send(new Message.Command("status", List.of()));
            Awaitility.await()
                    .atMost(SOON)
                    .until(() -> events.stream().anyMatch(event -> event instanceof Event.Asked));
            Event.Asked asked = (Event.Asked) events.stream()
                    .filter(event -> event instanceof Event.Asked)
                    .findFirst()
                    .orElseThrow();
            events.remove(asked);
            asked.caller().answer(new Message.Reply(0, "fine"));
            assertThat(client.receive()).isEqualTo(new Message.Reply(0, "fine"));
        }
    }
}
