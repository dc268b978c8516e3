package dev.clowder.launcher.acceptor;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.ChannelException;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.epoll.EpollChannelOption;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.channel.unix.DomainSocketReadMode;
import io.netty.channel.unix.FileDescriptor;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** The way of a listening socket from a worker to a new supervisor: as it came (SCM_RIGHTS), in the other direction. */
@SuppressWarnings("FutureReturnValueIgnored") // Netty reports a failure to the channel's handlers.
final class OrphanedListener {
    private OrphanedListener() {}

    /** The first socket that is offered at the path and is bound to the address; null if none came in time. */
    static @Nullable EpollServerSocketChannel await(Path socket, InetSocketAddress address, Duration atMost)
            throws IOException, InterruptedException {
        EventLoopGroup loop = new MultiThreadIoEventLoopGroup(
                1, new DefaultThreadFactory("orphans", true), EpollIoHandler.newFactory());
        CompletableFuture<EpollServerSocketChannel> offered = new CompletableFuture<>();
        try {
            Bind.await(new ServerBootstrap()
                    .group(loop)
                    .channel(EpollServerDomainSocketChannel.class)
                    .childOption(EpollChannelOption.DOMAIN_SOCKET_READ_MODE, DomainSocketReadMode.FILE_DESCRIPTORS)
                    .childHandler(new ChannelInitializer<EpollDomainSocketChannel>() {
                        @Override
                        protected void initChannel(EpollDomainSocketChannel worker) {
                            worker.pipeline().addLast(new Taker(address, offered));
                        }
                    })
                    .bind(new DomainSocketAddress(socket.toFile())));
            return offered.get(atMost.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            // An offer that comes now is closed by its taker.
            return offered.cancel(false) ? null : offered.join();
        } catch (ExecutionException e) {
            throw new IOException(e.getCause());
        } finally {
            Bind.shutdown(loop);
            Files.deleteIfExists(socket);
        }
    }

    private static final class Taker extends SimpleChannelInboundHandler<FileDescriptor> {
        private final InetSocketAddress address;
        private final CompletableFuture<EpollServerSocketChannel> offered;

        Taker(InetSocketAddress address, CompletableFuture<EpollServerSocketChannel> offered) {
            this.address = address;
            this.offered = offered;
        }

        @Override
        protected void channelRead0(ChannelHandlerContext worker, FileDescriptor descriptor) throws IOException {
            EpollServerSocketChannel listener = null;
            try {
                listener = new EpollServerSocketChannel(descriptor.intValue());
            } catch (ChannelException e) {
                // Not a socket.
            }
            boolean taken = listener != null && address.equals(listener.localAddress()) && offered.complete(listener);
            if (!taken) {
                descriptor.close();
            }
            worker.close();
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext worker, Throwable cause) {
            worker.close();
        }
    }
}
