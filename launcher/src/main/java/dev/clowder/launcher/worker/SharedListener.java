package dev.clowder.launcher.worker;

import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.epoll.EpollChannelOption;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.channel.unix.DomainSocketReadMode;
import io.netty.channel.unix.FileDescriptor;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Receives the supervisor's listening socket over a Unix socket and makes a channel of it, and gives it back to the next
 * supervisor. Linux.
 */
@SuppressWarnings("FutureReturnValueIgnored") // Netty reports a failure to the channel's handlers.
final class SharedListener {
    private static final long TIMEOUT_SECONDS = 10;

    private SharedListener() {}

    /** Asks at the given Unix socket. The channel is this process's own copy: closing it leaves the others alone. */
    static ServerSocketChannel receive(Path listeners) throws IOException, InterruptedException {
        EventLoopGroup loop = new MultiThreadIoEventLoopGroup(
                1, new DefaultThreadFactory("listener", true), EpollIoHandler.newFactory());
        CompletableFuture<FileDescriptor> received = new CompletableFuture<>();
        try {
            new Bootstrap()
                    .group(loop)
                    .channel(EpollDomainSocketChannel.class)
                    .option(EpollChannelOption.DOMAIN_SOCKET_READ_MODE, DomainSocketReadMode.FILE_DESCRIPTORS)
                    .handler(new ChannelInitializer<EpollDomainSocketChannel>() {
                        @Override
                        protected void initChannel(EpollDomainSocketChannel channel) {
                            channel.pipeline().addLast(new Receiver(received));
                        }
                    })
                    .connect(new DomainSocketAddress(listeners.toFile()));
            return wrap(received.get(TIMEOUT_SECONDS, TimeUnit.SECONDS).intValue());
        } catch (ExecutionException | TimeoutException e) {
            throw new IOException("no listening socket from the supervisor", e);
        } finally {
            loop.shutdownGracefully(0, TIMEOUT_SECONDS, TimeUnit.SECONDS);
        }
    }

    /**
     * Gives the listening socket to a supervisor that waits for it at the given Unix socket; this process keeps its own
     * copy. Returns when it was sent, or nobody took it.
     */
    static void offer(ServerSocketChannel listener, Path orphans) throws IOException, InterruptedException {
        int descriptor = new Descriptors().of(listener);
        EventLoopGroup loop = new MultiThreadIoEventLoopGroup(
                1, new DefaultThreadFactory("listener", true), EpollIoHandler.newFactory());
        try {
            Channel supervisor = new Bootstrap()
                    .group(loop)
                    .channel(EpollDomainSocketChannel.class)
                    .handler(new ChannelInboundHandlerAdapter())
                    .connect(new DomainSocketAddress(orphans.toFile()))
                    .await()
                    .channel();
            supervisor.writeAndFlush(new FileDescriptor(descriptor)).await();
            // The other side closes when it has taken it.
            supervisor.closeFuture().await(TIMEOUT_SECONDS, TimeUnit.SECONDS);
        } finally {
            loop.shutdownGracefully(0, TIMEOUT_SECONDS, TimeUnit.SECONDS);
        }
    }

    private static ServerSocketChannel wrap(int descriptor) throws IOException {
        ServerSocketChannel channel = new Descriptors().listening(descriptor);
        // O_NONBLOCK is shared by all processes, and Netty has set it. The channel believes that it is blocking, so
        // that
        // only a real change clears the flag. A blocking accept is woken first come, first served: that balances
        // workers.
        channel.configureBlocking(false);
        channel.configureBlocking(true);
        return channel;
    }

    private static final class Receiver extends SimpleChannelInboundHandler<FileDescriptor> {
        private final CompletableFuture<FileDescriptor> received;

        Receiver(CompletableFuture<FileDescriptor> received) {
            this.received = received;
        }

        @Override
        public void channelActive(ChannelHandlerContext supervisor) {
            supervisor.writeAndFlush(Unpooled.wrappedBuffer(new byte[] {1}));
        }

        @Override
        protected void channelRead0(ChannelHandlerContext supervisor, FileDescriptor descriptor) {
            received.complete(descriptor);
            supervisor.close();
        }

        @Override
        public void channelInactive(ChannelHandlerContext supervisor) {
            received.completeExceptionally(new IOException("closed"));
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext supervisor, Throwable cause) {
            received.completeExceptionally(cause);
        }
    }
}
