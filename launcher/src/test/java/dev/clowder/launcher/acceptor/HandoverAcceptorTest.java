package dev.clowder.launcher.acceptor;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.clowder.launcher.config.AcceptMode;
import dev.clowder.launcher.wire.HandoverAnswer;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.channel.unix.FileDescriptor;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Real sockets; the workers are played by this process. */
@EnabledOnOs(OS.LINUX)
class HandoverAcceptorTest {
    @TempDir
    private Path directory;

    private final List<AutoCloseable> open = new ArrayList<>();
    private final List<String> log = new ArrayList<>();
    private Path links;
    private HandoverAcceptor acceptor;

    @BeforeEach
    void begin() throws IOException {
        links = directory.resolve("links");
        acceptor = new HandoverAcceptor(
                AcceptMode.ROUND_ROBIN, new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 64, log::add);
        acceptor.start(links);
    }

    @AfterEach
    void end() throws Exception {
        for (AutoCloseable each : open) {
            each.close();
        }
        acceptor.close();
    }

    @Test
    void theWorkerGetsTheClientsOwnSocketUnreadAndOursIsClosedWithoutEndingIt() throws Exception {
        Worker worker = worker(1);
        ready(worker);
        Socket client = client();
        client.getOutputStream().write("request".getBytes(US_ASCII));
        io.netty.channel.unix.Socket taken = worker.take();
        assertThat(taken.remoteAddress()).isEqualTo(client.getLocalSocketAddress());
        assertThat(taken.localAddress().getPort()).isEqualTo(acceptor.address().getPort());

        ByteBuffer bytes = ByteBuffer.allocateDirect(64);
        await().until(() -> taken.read(bytes, 0, 64) == "request".length());
        bytes.put(0, "answer".getBytes(US_ASCII));
        taken.write(bytes, 0, "answer".length());
        // The client sees the end only when no process has the socket any more.
        taken.close();
        assertThat(client.getInputStream().readAllBytes()).isEqualTo("answer".getBytes(US_ASCII));
    }

    @Test
    void roundRobinGivesConnectionsToIdleWorkersInTurn() throws Exception {
        Worker first = worker(1);
        Worker second = worker(2);
        ready(first, second);
        for (int i = 0; i < 3; i++) {
            client();
            first.take();
            client();
            second.take();
        }
    }

    @Test
    void failure2WhatADeadWorkerHasNotAnsweredIsGivenToAnother() throws Exception {
        Worker dies = worker(1);
        Worker lives = worker(2);
        ready(dies);
        List<Socket> clients = List.of(client(), client(), client());
        int answered = port(dies.take());
        dies.receive();
        ready(dies, lives);
        dies.close();
        List<Integer> moved = List.of(port(lives.take()), port(lives.take()));
        assertThat(clients).extracting(Socket::getLocalPort).containsAll(moved).contains(answered);
        assertThat(moved).doesNotContain(answered).doesNotHaveDuplicates();
        assertThat(lives.receivesNothing()).isTrue();
    }

    @Test
    void behaviour42AConnectionThatIsGivenBackGoesToAnotherWorker() throws Exception {
        Worker leaves = worker(1);
        Worker stays = worker(2);
        ready(leaves);
        Socket client = client();
        leaves.receive().close();
        leaves.answer(HandoverAnswer.Kind.GIVEN_BACK, 0);
        ready(leaves, stays);
        assertThat(port(stays.take())).isEqualTo(client.getLocalPort());
        client();
        client();
        stays.take();
        stays.take();
        assertThat(leaves.receivesNothing()).as("before it has room").isTrue();
    }

    @Test
    void aConnectionThatNobodyTakesIsKeptUntilSomebodyDoes() throws Exception {
        Worker only = worker(1);
        ready(only);
        Socket client = client();
        only.receive().close();
        only.answer(HandoverAnswer.Kind.GIVEN_BACK, 0);
        assertThat(only.receivesNothing()).isTrue();
        only.answer(HandoverAnswer.Kind.ROOM, 0);
        assertThat(port(only.take())).isEqualTo(client.getLocalPort());
    }

    @Test
    void failure32BeyondTheBoundOfUnansweredHandoversClientsWaitInTheKernelsQueue() throws Exception {
        Worker worker = worker(1);
        ready(worker);
        List<Socket> clients = new ArrayList<>();
        for (int i = 0; i < Balancer.MOST_UNACKNOWLEDGED + 2; i++) {
            clients.add(client());
        }
        List<io.netty.channel.unix.Socket> received = new ArrayList<>();
        for (int i = 0; i < Balancer.MOST_UNACKNOWLEDGED; i++) {
            received.add(worker.receive());
        }
        assertThat(worker.receivesNothing()).isTrue();
        for (int i = 0; i < 2; i++) {
            worker.answer(HandoverAnswer.Kind.TAKEN, i);
            received.add(worker.receive());
        }
        assertThat(received)
                .extracting(HandoverAcceptorTest::port)
                .containsExactlyElementsOf(
                        clients.stream().map(Socket::getLocalPort).toList());
    }

    @Test
    void withoutAReadyWorkerClientsConnectAndWait() throws Exception {
        Socket client = client();
        Worker worker = worker(1);
        assertThat(worker.receivesNothing()).isTrue();
        ready(worker);
        assertThat(port(worker.take())).isEqualTo(client.getLocalPort());
        ready();
        acceptor.awaitIdle();
        client();
        assertThat(worker.receivesNothing()).isTrue();
    }

    @Test
    void stopWaitsUntilAWorkerHasWhatWasAccepted() throws Exception {
        Worker worker = worker(1);
        ready(worker);
        Socket client = client();
        io.netty.channel.unix.Socket received = worker.receive();
        Thread stopping = new Thread(acceptor::stop);
        stopping.start();
        await().until(() -> refused());
        worker.answer(HandoverAnswer.Kind.TAKEN, 1);
        stopping.join();
        received.write(ByteBuffer.allocateDirect(1).put(0, (byte) 'x'), 0, 1);
        assertThat(client.getInputStream().read()).isEqualTo('x');
    }

    @Test
    void aWorkerThatTalksNonsenseLosesItsLinkAndNothingElse() throws Exception {
        Worker confused = worker(1);
        ready(confused);
        Socket client = client();
        confused.receive();
        confused.say(-1);
        Worker sane = worker(2);
        ready(confused, sane);
        assertThat(port(sane.take())).isEqualTo(client.getLocalPort());
    }

    @Test
    void behaviour30ThePortIsInUseForASecondOne() throws Exception {
        try {
            new HandoverAcceptor(AcceptMode.ROUND_ROBIN, acceptor.address(), 64, log::add).close();
        } catch (IOException e) {
            assertThat(e).hasMessageContaining("Address already in use");
            return;
        }
        throw new AssertionError("two listeners on one port");
    }

    private boolean refused() {
        try (Socket late = new Socket()) {
            late.connect(acceptor.address(), 1000);
            return false;
        } catch (IOException e) {
            return true;
        }
    }

    private Socket client() throws IOException {
        Socket client =
                new Socket(acceptor.address().getAddress(), acceptor.address().getPort());
        client.setSoTimeout(30_000);
        open.add(client);
        return client;
    }

    private static int port(io.netty.channel.unix.Socket taken) {
        return taken.remoteAddress().getPort();
    }

    private Worker worker(int id) throws IOException {
        Worker worker = new Worker(id);
        open.add(worker);
        return worker;
    }

    private void ready(Worker... workers) {
        List<WorkerIntake> intakes = new ArrayList<>();
        for (Worker worker : workers) {
            intakes.add(new WorkerIntake(worker.id, directory.resolve("no-intake")));
        }
        acceptor.ready(intakes);
    }

    /** The other end of a link. */
    private final class Worker implements AutoCloseable {
        private final int id;
        private final io.netty.channel.unix.Socket link = io.netty.channel.unix.Socket.newSocketDomain();
        private final List<FileDescriptor> received = new ArrayList<>();

        Worker(int id) throws IOException {
            this.id = id;
            link.connect(new DomainSocketAddress(links.toFile()));
            say(id);
        }

        void say(int word) throws IOException {
            ByteBuffer bytes = ByteBuffer.allocateDirect(Integer.BYTES).putInt(0, word);
            assertThat(link.write(bytes, 0, Integer.BYTES)).isEqualTo(Integer.BYTES);
        }

        void answer(HandoverAnswer.Kind kind, int connections) throws IOException {
            say(new HandoverAnswer(kind, connections).encoded());
        }

        io.netty.channel.unix.Socket receive() {
            int descriptor = await().until(link::recvFd, fd -> fd != 0);
            assertThat(descriptor).as("the link is open").isPositive();
            io.netty.channel.unix.Socket socket = new io.netty.channel.unix.Socket(descriptor);
            received.add(socket);
            return socket;
        }

        io.netty.channel.unix.Socket take() throws IOException {
            io.netty.channel.unix.Socket socket = receive();
            answer(HandoverAnswer.Kind.TAKEN, received.size());
            return socket;
        }

        /** After a round trip through the acceptor's thread there would be something. */
        boolean receivesNothing() throws IOException {
            for (int i = 0; i < 3; i++) {
                acceptor.awaitIdle();
            }
            return link.recvFd() == 0;
        }

        @Override
        public void close() throws IOException {
            link.close();
            for (FileDescriptor each : received) {
                if (each.isOpen()) {
                    each.close();
                }
            }
        }
    }
}
