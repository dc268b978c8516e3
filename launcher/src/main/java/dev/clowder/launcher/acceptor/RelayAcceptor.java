package dev.clowder.launcher.acceptor;

import dev.clowder.launcher.config.AcceptMode;
import dev.clowder.valve.ProxyHeaderWriter;
import io.netty.bootstrap.Bootstrap;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelException;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.channel.socket.DuplexChannel;
import io.netty.channel.socket.nio.NioDomainSocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Accepts and copies bytes to a worker's intake, behind a PROXY v2 header that names the client. Works on every platform
 * and costs a copy of every byte. All state belongs to the one event loop.
 *
 * <p>A client that comes while no worker is ready waits: it is held, and after {@value #MAX_WAITING} of them accepting
 * stops, so that the kernel's queue holds the rest.
 */
@SuppressWarnings("FutureReturnValueIgnored") // Netty reports a failure to the channel's handlers.
final class RelayAcceptor implements Acceptor {
    static final int MAX_WAITING = 1024;

    private final EventLoopGroup group =
            new MultiThreadIoEventLoopGroup(1, new DefaultThreadFactory("relay", true), NioIoHandler.newFactory());
    private final EventLoop loop = group.next();
    private final Channel listener;
    private final Deque<Channel> waiting = new ArrayDeque<>();
    private List<Path> intakes = List.of();
    private int turn;

    private final AcceptPause pause;

    RelayAcceptor(InetSocketAddress address, int backlog, Consumer<String> log) throws IOException {
        pause = new AcceptPause(loop, log, this::drainWaiting);
        try {
            listener = Bind.await(new ServerBootstrap()
                    .group(group)
                    .channel(NioServerSocketChannel.class)
                    .option(ChannelOption.SO_BACKLOG, backlog)
                    .option(ChannelOption.AUTO_READ, false)
                    .handler(new Exhaustion())
                    .childOption(ChannelOption.AUTO_READ, false)
                    .childOption(ChannelOption.ALLOW_HALF_CLOSURE, true)
                    .childOption(ChannelOption.TCP_NODELAY, true)
                    .childHandler(new ChannelInitializer<>() {
                        @Override
                        protected void initChannel(Channel client) {
                            client.eventLoop().execute(() -> accepted(client));
                        }
                    })
                    .bind(address));
        } catch (IOException e) {
            Bind.shutdown(group);
            throw e;
        }
    }

    @Override
    public InetSocketAddress address() {
        return (InetSocketAddress) listener.localAddress();
    }

    @Override
    public AcceptMode mode() {
        return AcceptMode.RELAY;
    }

    @Override
    public void start(Path listeners) {
        listener.config().setAutoRead(true);
    }

    @Override
    public void ready(List<WorkerIntake> ready) {
        List<Path> copy = ready.stream().map(WorkerIntake::intake).toList();
        loop.execute(() -> {
            intakes = copy;
            drainWaiting();
        });
    }

    @Override
    public void stop() {
        listener.close().awaitUninterruptibly();
    }

    @Override
    public void close() {
        stop();
        Bind.shutdown(group);
    }

    private void accepted(Channel client) {
        waiting.add(client);
        client.closeFuture().addListener(closed -> waiting.remove(client));
        drainWaiting();
    }

    private void drainWaiting() {
        while (!pause.active() && !intakes.isEmpty() && !waiting.isEmpty()) {
            connect(waiting.remove(), new ArrayList<>(intakes), intakes.size());
        }
        listener.config().setAutoRead(!pause.active() && waiting.size() < MAX_WAITING);
    }

    /** Round robin; a worker that just died refuses, and then the next one is asked: no byte has been read yet. */
    private void connect(Channel client, List<Path> candidates, int tries) {
        if (tries == 0 || candidates.isEmpty()) {
            waiting.add(client);
            return;
        }
        Path intake = candidates.get(Math.floorMod(turn++, candidates.size()));
        new Bootstrap()
                .group(loop)
                .channel(NioDomainSocketChannel.class)
                .option(ChannelOption.AUTO_READ, false)
                .handler(new ChannelInitializer<>() {
                    @Override
                    protected void initChannel(Channel worker) {
                        // The pipes need each other and are added when connected.
                    }
                })
                .connect(UnixDomainSocketAddress.of(intake))
                .addListener((ChannelFutureListener) connected -> {
                    if (connected.isSuccess()) {
                        join(client, connected.channel(), candidates, tries);
                    } else if (connected.cause() instanceof ChannelException) {
                        // There is no descriptor for a socket.
                        waiting.addFirst(client);
                        pause.begin(connected.cause());
                        drainWaiting();
                    } else {
                        connect(client, candidates, tries - 1);
                    }
                });
    }

    /** A worker that is gone may show only when the header is written; still no byte of the client has been read. */
    private void join(Channel client, Channel worker, List<Path> candidates, int tries) {
        if (!client.isActive()
                || !(client.remoteAddress() instanceof InetSocketAddress source)
                || !(client.localAddress() instanceof InetSocketAddress destination)) {
            // It gave up while it waited.
            client.close();
            worker.close();
            return;
        }
        byte[] header = ProxyHeaderWriter.v2(source, destination);
        worker.writeAndFlush(Unpooled.wrappedBuffer(header)).addListener(written -> {
            if (!written.isSuccess()) {
                worker.close();
                connect(client, candidates, tries - 1);
                return;
            }
            pause.succeeded();
            client.pipeline().addLast(new Pipe(worker));
            worker.pipeline().addLast(new Pipe(client));
            client.read();
            worker.read();
        });
    }

    /** Accepting failed. Netty would try again every second; here it is known for how long, and nobody else resumes. */
    private final class Exhaustion extends ChannelInboundHandlerAdapter {
        @Override
        public void exceptionCaught(ChannelHandlerContext accepting, Throwable cause) {
            pause.begin(cause);
            drainWaiting();
        }
    }

    /** Reads from one side only as fast as the other takes it, and passes on the end of each direction by itself. */
    private static final class Pipe extends ChannelInboundHandlerAdapter {
        private final Channel to;

        Pipe(Channel to) {
            this.to = to;
        }

        @Override
        public void channelRead(ChannelHandlerContext from, Object bytes) {
            if (!to.isActive()) {
                ReferenceCountUtil.release(bytes);
                return;
            }
            to.writeAndFlush(bytes).addListener(written -> {
                if (written.isSuccess()) {
                    from.read();
                } else {
                    from.close();
                }
            });
        }

        @Override
        public void userEventTriggered(ChannelHandlerContext from, Object event) {
            if (event instanceof ChannelInputShutdownEvent && to.isActive()) {
                ((DuplexChannel) to).shutdownOutput();
            }
        }

        @Override
        public void channelInactive(ChannelHandlerContext from) {
            to.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(ChannelFutureListener.CLOSE);
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext from, @Nullable Throwable cause) {
            from.close();
        }
    }
}
