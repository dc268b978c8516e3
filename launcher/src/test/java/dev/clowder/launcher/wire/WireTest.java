package dev.clowder.launcher.wire;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WireTest {
    @TempDir
    Path temporary;

    private SocketChannel raw;
    private Wire wire;

    @BeforeEach
    void connect() throws IOException {
        Path path = temporary.resolve("s");
        try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            server.bind(UnixDomainSocketAddress.of(path));
            raw = SocketChannel.open(UnixDomainSocketAddress.of(path));
            wire = new Wire(server.accept());
        }
    }

    @AfterEach
    void close() throws IOException {
        raw.close();
        wire.close();
    }

    @Test
    void everyMessageArrivesAsItWasSent() throws IOException {
        Message.Listener listener = new Message.Listener(8080, "in", "", new Message.Certificate("c", "k"));
        Message.Mount mount = new Message.Mount("/ü", "/tmp/\u20ac");
        Message.Forwarding forwarding = new Message.Forwarding("2; 10.0.0.0/8", "forwarded", "required");
        List<Message> messages = List.of(
                new Message.Hello(1, 7, 4711, 2, true),
                new Message.Ready(),
                new Message.Failed("no\nline"),
                new Message.Leaving(30_000),
                new Message.Drained(),
                new Message.Load(1, 2, 3, 4, 5, null),
                new Message.Load(
                        1,
                        2,
                        3,
                        4,
                        5,
                        new Insides(
                                6,
                                7,
                                8,
                                9,
                                10,
                                new Counts(
                                        List.of(0L, 11L),
                                        List.of(12L),
                                        13,
                                        14,
                                        15,
                                        Map.of("G1", 16L),
                                        Map.of("G1", 17L),
                                        Map.of("client", 18L)))),
                new Message.Start(
                        1,
                        2,
                        3,
                        "dir",
                        List.of(listener),
                        false,
                        forwarding,
                        true,
                        true,
                        60_000,
                        List.of(mount),
                        new Message.Sessions("jdbc", "jdbc:postgresql://host/database"),
                        new Message.Installed("logs", true, List.of(new Message.Site("Catalina", "localhost", "dir"))),
                        new Message.AccessLog("access.log", "%h ü")),
                new Message.Stop(30_000, 1000),
                new Message.Adopted(60_000),
                new Message.JoinReplicas(),
                new Message.ReplicaKey("00ff"),
                new Message.Replica(7, "00ff"),
                new Message.Replicas(List.of(new Message.Replica(7, "00ff"))),
                new Message.ReplicaGone(7),
                new Message.ReplicaLost(7),
                new Message.TicketKeys(List.of(new Message.TicketKey(-7, "c2VjcmV0", 5, -6))),
                new Message.Dump(true),
                new Message.Dumped("thread\n    at"),
                new Message.Command("scale", List.of("3")),
                new Message.Progress("slot 1"),
                new Message.Reply(0, "x".repeat(100_000)));
        Wire other = new Wire(raw);
        for (Message message : messages) {
            CompletableFuture<Void> sent = CompletableFuture.runAsync(() -> send(other, message));
            assertThat(wire.receive()).isEqualTo(message);
            sent.join();
        }
    }

    @Test
    void aMessageMayArriveByteByByte() throws IOException {
        ByteBuffer frame = line("{\"type\":\"Stop\",\"drainMillis\":5,\"idleMillis\":1}\n");
        CompletableFuture<Void> sent = CompletableFuture.runAsync(() -> {
            while (frame.hasRemaining()) {
                write(frame.get());
            }
        });
        assertThat(wire.receive()).isEqualTo(new Message.Stop(5, 1));
        sent.join();
    }

    @Test
    void aClosedConnectionBetweenMessagesIsTheEnd() throws IOException {
        raw.close();
        assertThat(wire.receive()).isNull();
    }

    @Test
    void aConnectionThatBreaksInsideAMessageIsAnError() throws IOException {
        raw.write(line("{\"type\":\"Re"));
        raw.close();
        assertThatThrownBy(wire::receive).isInstanceOf(IOException.class);
    }

    @Test
    void aLineWithoutEndIsRefusedAtTheLargestSizeOfAMessage() {
        CompletableFuture<Void> endless = CompletableFuture.runAsync(() -> {
            byte[] much = new byte[Wire.MAX_LENGTH];
            Arrays.fill(much, (byte) 'x');
            try {
                raw.write(ByteBuffer.wrap(much));
            } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        });
        assertThatThrownBy(wire::receive).hasMessageContaining("more than 1048576 bytes");
        endless.join();
    }

    @Test
    void messagesThatArriveTogetherAreReadOneAfterTheOther() throws IOException {
        raw.write(line("{\"type\":\"Ready\"}\n{\"type\":\"Drained\"}\n"));
        assertThat(wire.receive()).isEqualTo(new Message.Ready());
        assertThat(wire.receive()).isEqualTo(new Message.Drained());
    }

    @Test
    void whatIsPostedArrivesInOrderAndIsRefusedWhenTheOtherSideDoesNotRead() throws IOException {
        Message large = new Message.Progress("x".repeat(300_000));
        int posted = 0;
        while (wire.post(large)) {
            posted++;
        }
        assertThat(posted).isGreaterThanOrEqualTo(Wire.MAX_POSTED);
        Wire other = new Wire(raw);
        for (int i = 0; i < posted; i++) {
            assertThat(other.receive()).isEqualTo(large);
        }
        assertThat(wire.post(new Message.Ready())).isTrue();
        assertThat(other.receive()).isEqualTo(new Message.Ready());
        wire.close();
        assertThat(wire.post(new Message.Ready())).isFalse();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "??",
                "",
                "[]",
                "\"Ready\"",
                "{}",
                "{\"type\":7}",
                "{\"type\":\"Unheard\"}",
                "{\"type\":\"Listener\"}",
                "{\"type\":\"Ready\"}{\"type\":\"Ready\"}",
                "{\"type\":\"Stop\",\"drainMillis\":\"5\"}",
                "{\"type\":\"Stop\",\"drainMillis\":1.5}",
                "{\"type\":\"Stop\",\"drainMillis\":9223372036854775808}",
                "{\"type\":\"Hello\",\"slot\":2147483648}",
                "{\"type\":\"Hello\",\"serving\":1}",
                "{\"type\":\"Failed\",\"reason\":{}}",
                "{\"type\":\"Command\",\"name\":\"scale\",\"arguments\":\"3\"}",
                "{\"type\":\"Command\",\"name\":\"scale\",\"arguments\":[null]}",
                "{\"type\":\"Command\",\"name\":null}",
                "{\"type\":\"Command\",\"arguments\":[]}",
                "{\"type\":\"Load\",\"insides\":[]}"
            })
    void garbageIsAnError(String line) throws IOException {
        raw.write(line(line + "\n"));
        assertThatThrownBy(wire::receive).isInstanceOf(IOException.class);
    }

    /** As from a process of another version, or from a program of somebody else. */
    @Test
    void membersMayBeMissingOrUnknownAndComeInAnyOrder() throws IOException {
        raw.write(line("{\"future\":{\"a\":[1.5,null]},\"idleMillis\":1,\"type\":\"Stop\"}\n"));
        assertThat(wire.receive()).isEqualTo(new Message.Stop(0, 1));
        raw.write(line("{\"type\":\"Load\",\"insides\":{\"counts\":{}}}\n"));
        assertThat(wire.receive()).isEqualTo(new Message.Load(0, 0, 0, 0, 0, new Insides(0, 0, 0, 0, 0, Counts.NONE)));
        raw.write(line("{\"type\":\"Command\",\"name\":\"status\",\"arguments\":null}\n"));
        assertThat(wire.receive()).isEqualTo(new Message.Command("status", List.of()));
    }

    private static ByteBuffer line(String text) {
        return ByteBuffer.wrap(text.getBytes(UTF_8));
    }

    private void write(byte one) {
        try {
            raw.write(ByteBuffer.wrap(new byte[] {one}));
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private static void send(Wire wire, Message message) {
        try {
            wire.send(message);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }
}
