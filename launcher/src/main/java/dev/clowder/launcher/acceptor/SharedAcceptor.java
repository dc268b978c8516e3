package dev.clowder.launcher.acceptor;

import dev.clowder.launcher.config.AcceptMode;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;

/**
 * Binds the port and hands the <em>listening</em> socket to every worker that asks (SCM_RIGHTS), so that workers accept
 * from one kernel queue and the supervisor is not on the way of any connection. While no worker is there, clients wait in
 * that queue. Linux only.
 *
 * <p>Safe to hold: a Netty server channel without auto-read never accepts.
 */
@SuppressWarnings("FutureReturnValueIgnored") // Netty reports a failure to the channel's handlers.
final class SharedAcceptor implements Acceptor {
    private final EventLoopGroup loop = new MultiThreadIoEventLoopGroup(
            1, new DefaultThreadFactory("listeners", true), EpollIoHandler.newFactory());
    private final Channel listener;

    static boolean available() {
        return Epoll.isAvailable();
    }

    /** Why it is not available, in one line. */
    static String obstacle() {
        Throwable cause = Epoll.unavailabilityCause();
        return String.valueOf(cause).lines().findFirst().orElse("");
    }

    SharedAcceptor(InetSocketAddress address, int backlog) throws IOException {
        try {
            listener = Bind.await(new ServerBootstrap()
                    .group(loop)
                    .channel(EpollServerSocketChannel.class)
                    .option(ChannelOption.SO_BACKLOG, backlog)
                    .option(ChannelOption.AUTO_READ, false)
                    .childHandler(new ChannelInitializer<>() {
                        @Override
                        protected void initChannel(Channel accepted) {
                            throw new IllegalStateException("the supervisor does not accept in shared mode");
                        }
                    })
                    .bind(address));
        } catch (IOException e) {
            Bind.shutdown(loop);
            throw e;
        }
    }

    /** Goes on with a socket that is bound and listens already, and that workers accept from. */
    SharedAcceptor(EpollServerSocketChannel bound) throws IOException {
        bound.config().setAutoRead(false);
        listener = bound;
        try {
            Bind.await(loop.register(bound));
        } catch (IOException e) {
            Bind.shutdown(loop);
            throw e;
        }
    }

    /** Takes over the descriptor of a socket that is bound and listens already. */
    SharedAcceptor(int descriptor) throws IOException {
        this(new EpollServerSocketChannel(descriptor));
    }

    @Override
    public OptionalInt descriptor() {
        return OptionalInt.of(((EpollServerSocketChannel) listener).fd().intValue());
    }

    @Override
    public InetSocketAddress address() {
        return (InetSocketAddress) listener.localAddress();
    }

    @Override
    public AcceptMode mode() {
        return AcceptMode.SHARED;
    }

    /** A worker connects and writes any byte; the answer is the descriptor. */
    @Override
    public void start(Path listeners) throws IOException {
        Bind.await(new ServerBootstrap()
                .group(loop)
                .channel(EpollServerDomainSocketChannel.class)
                .childHandler(new ChannelInitializer<EpollDomainSocketChannel>() {
                    @Override
                    protected void initChannel(EpollDomainSocketChannel worker) {
                        worker.pipeline().addLast(new HandOut());
                    }
                })
                .bind(new DomainSocketAddress(listeners.toFile())));
    }

    @Override
    public void ready(List<WorkerIntake> workers) {
        // Workers take connections by themselves.
    }

    @Override
    public void stop() {
        listener.close().awaitUninterruptibly();
    }

    @Override
    public void close() {
        stop();
        Bind.shutdown(loop);
    }

    private final class HandOut extends SimpleChannelInboundHandler<Object> {
        @Override
        protected void channelRead0(ChannelHandlerContext worker, Object request) {
            worker.writeAndFlush(((EpollServerSocketChannel) listener).fd());
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext worker, Throwable cause) {
            worker.close();
        }
    }
}
