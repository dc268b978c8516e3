package dev.clowder.launcher.acceptor;

import dev.clowder.launcher.config.AcceptMode;
import dev.clowder.launcher.wire.HandoverAnswer;
import io.netty.channel.IoEventLoop;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollIoOps;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.channel.unix.FileDescriptor;
import io.netty.channel.unix.Socket;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Accepts, and passes each connection's descriptor to a worker (SCM_RIGHTS). Linux. No byte of a client is read here.
 *
 * <p>A connection has one owner at any time. It is ours until the worker has answered that it took it; only then our
 * descriptor is closed, without {@code shutdown}, which would end it for the worker too. When the worker gives it back,
 * dies or breaks the link before, another one gets it. While nobody can take one nothing is accepted: clients wait in the
 * kernel's queue. All state belongs to the one event loop.
 */
@SuppressWarnings("FutureReturnValueIgnored") // Tasks of the loop that can't fail, or are logged by Netty.
final class HandoverAcceptor implements Acceptor {
    /** System property, for tests that count turns. */
    private static final String EQUAL_TURNS = "clowder.equal-turns";

    private static final int BATCH = 64;
    private static final long STOP_SECONDS = 1;
    private static final long ROUND_MILLIS = 2;
    /** Netty writes the peer's address here: length, 16 bytes, scope and port. */
    private static final int ADDRESS_LENGTH = 26;

    private final AcceptMode mode;
    private final MultiThreadIoEventLoopGroup group = new MultiThreadIoEventLoopGroup(
            1, new DefaultThreadFactory("hand-over", true), EpollIoHandler.newFactory());
    private final IoEventLoop loop = group.next();
    private final Socket listener;
    private final InetSocketAddress address;

    private final Balancer balancer;
    private final AcceptPause pause;
    private final byte[] peer = new byte[ADDRESS_LENGTH];
    private final Map<Integer, HandoverLink> links = new HashMap<>();
    /** Accepted, and nobody's at the moment; longest waiting first. */
    private final Deque<FileDescriptor> waiting = new ArrayDeque<>();

    /** While connections come one after the other, answers are read with them, and wake nobody. */
    private boolean inRounds;

    private boolean acceptedInRound;
    private @Nullable WatchedDescriptor clients;
    private @Nullable CompletableFuture<Void> stopped;

    HandoverAcceptor(AcceptMode mode, InetSocketAddress wanted, int backlog, Consumer<String> log) throws IOException {
        this.mode = mode;
        this.balancer = new Balancer(mode, !Boolean.getBoolean(EQUAL_TURNS));
        this.pause = new AcceptPause(loop, log, this::settle);
        this.listener = Socket.newSocketStream();
        try {
            listener.setReuseAddress(true);
            listener.bind(wanted);
            listener.listen(backlog);
            address = listener.localAddress();
        } catch (IOException e) {
            listener.close();
            close();
            throw e;
        }
    }

    @Override
    public InetSocketAddress address() {
        return address;
    }

    @Override
    public AcceptMode mode() {
        return mode;
    }

    /** A worker connects and says its id in four bytes; {@link HandoverAnswer} has the rest. */
    @Override
    public void start(Path listeners) throws IOException {
        Socket workers = Socket.newSocketDomain();
        try {
            workers.bind(new DomainSocketAddress(listeners.toFile()));
            workers.listen(BACKLOG);
        } catch (IOException e) {
            workers.close();
            throw e;
        }
        loop.execute(() -> {
            new WatchedDescriptor(loop, workers, () -> acceptWorker(workers)).on(EpollIoOps.EPOLLIN);
            clients = new WatchedDescriptor(loop, listener, this::acceptClients);
            settle();
        });
    }

    @Override
    public void ready(List<WorkerIntake> ready) {
        List<Integer> ids = ready.stream().map(WorkerIntake::id).toList();
        loop.execute(() -> {
            balancer.ready(ids, System.nanoTime());
            settle();
        });
    }

    /** Waits, for {@value #STOP_SECONDS} s at most, until workers have what was accepted. */
    @Override
    public void stop() {
        CompletableFuture<Void> done = new CompletableFuture<>();
        loop.execute(() -> {
            stopped = done;
            WatchedDescriptor accepting = clients;
            if (accepting == null) {
                closeQuietly(listener);
            } else {
                accepting.end();
            }
            settle();
        });
        done.completeOnTimeout(null, STOP_SECONDS, TimeUnit.SECONDS).join();
    }

    @Override
    public void close() {
        if (!loop.isShuttingDown()) {
            loop.submit(() -> {
                        links.values().forEach(link -> waiting.addAll(link.end()));
                        links.clear();
                        waiting.forEach(HandoverAcceptor::closeQuietly);
                        waiting.clear();
                        pause.close();
                    })
                    .awaitUninterruptibly();
        }
        Bind.shutdown(group);
        closeQuietly(listener);
    }

    /** Returns after one round of the loop: everything that had arrived before has been seen. For tests. */
    void awaitIdle() {
        loop.submit(() -> loop.submit(() -> {})).awaitUninterruptibly();
    }

    // Clients

    private void acceptClients() {
        beginRounds();
        try {
            for (int i = 0; i < BATCH && mayAccept(); i++) {
                int client = listener.accept(peer);
                if (client < 0) {
                    break;
                }
                pause.succeeded();
                place(new FileDescriptor(client));
            }
        } catch (IOException e) {
            pause.begin(e);
        }
        settle();
    }

    private void beginRounds() {
        acceptedInRound = true;
        if (inRounds) {
            hearAll();
        } else {
            inRounds = true;
            links.values().forEach(link -> link.listen(false));
            loop.schedule(this::endRound, ROUND_MILLIS, TimeUnit.MILLISECONDS);
        }
    }

    private void endRound() {
        hearAll();
        if (acceptedInRound) {
            acceptedInRound = false;
            loop.schedule(this::endRound, ROUND_MILLIS, TimeUnit.MILLISECONDS);
        } else {
            inRounds = false;
            links.values().forEach(link -> link.listen(true));
        }
        settle();
    }

    private void hearAll() {
        List.copyOf(links.values()).forEach(this::hear);
    }

    private boolean mayAccept() {
        return stopped == null && !pause.active() && waiting.isEmpty() && balancer.canChoose();
    }

    /** Gives it to a worker, or keeps it as the first that waits. */
    private void place(FileDescriptor client) {
        int id = balancer.next(System.nanoTime());
        HandoverLink link = links.get(id);
        if (link == null) {
            waiting.addFirst(client);
        } else if (!link.send(client)) {
            balancer.unsent(id);
            waiting.addFirst(client);
            if (hear(link)) {
                // It lives: the kernel has no room for more descriptors that are on their way.
                pause.begin(new IOException("can't hand over to worker " + id));
            }
        }
    }

    /** After everything that may have changed who can take what. */
    private void settle() {
        while (!pause.active() && !waiting.isEmpty() && balancer.canChoose()) {
            place(waiting.remove());
        }
        CompletableFuture<Void> stopping = stopped;
        if (stopping != null) {
            if (waiting.isEmpty() && links.values().stream().noneMatch(HandoverLink::hasUnanswered)) {
                stopping.complete(null);
            }
        } else if (clients != null) {
            clients.on(mayAccept() ? EpollIoOps.EPOLLIN : WatchedDescriptor.NOTHING);
        }
    }

    // Workers

    private void acceptWorker(Socket workers) {
        try {
            int worker = workers.accept(peer);
            if (worker >= 0) {
                new HandoverLink(loop, new Socket(worker), link -> {
                    hear(link);
                    settle();
                });
            }
        } catch (IOException e) {
            pause.begin(e);
        }
    }

    /** Takes in what the worker said; false if the link is no more. */
    private boolean hear(HandoverLink link) {
        boolean open;
        try {
            open = link.receive(word -> heard(link, word));
        } catch (IllegalArgumentException | NoSuchElementException e) {
            // No worker of ours speaks like this.
            open = false;
        }
        if (!open) {
            end(link);
        }
        return open;
    }

    private void heard(HandoverLink link, int word) {
        if (!link.named()) {
            HandoverLink before = links.get(word);
            if (before != null) {
                end(before);
            }
            link.name(word);
            links.put(word, link);
            balancer.connected(word);
            return;
        }
        HandoverAnswer answer = HandoverAnswer.decode(word);
        switch (answer.kind()) {
            case TAKEN -> {
                closeQuietly(link.answered());
                balancer.taken(link.id(), answer.connections());
            }
            case GIVEN_BACK -> {
                waiting.add(link.answered());
                balancer.givenBack(link.id());
            }
            case ROOM -> balancer.room(link.id(), answer.connections());
        }
    }

    private void end(HandoverLink link) {
        Deque<FileDescriptor> back = link.end();
        while (!back.isEmpty()) {
            waiting.addFirst(back.removeLast());
        }
        if (link.named() && links.remove(link.id(), link)) {
            balancer.disconnected(link.id());
        }
    }

    private static void closeQuietly(FileDescriptor descriptor) {
        try {
            if (descriptor.isOpen()) {
                descriptor.close();
            }
        } catch (IOException e) {
            // The kernel has taken it back all the same.
        }
    }
}
