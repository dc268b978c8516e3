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
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * The way of listening sockets from a worker to a new supervisor: as they came (SCM_RIGHTS), in the other direction. Each
 * comes over a connection of its own and is known by the address to which it is bound. For one {@link #await}.
 */
@SuppressWarnings("FutureReturnValueIgnored") // Netty reports a failure to the channel's handlers.
final class OrphanedListeners {
    private final List<InetSocketAddress> addresses;
    /** Of the event loop, until that has ended. */
    private final Map<InetSocketAddress, EpollServerSocketChannel> taken = new HashMap<>();

    private final CompletableFuture<List<EpollServerSocketChannel>> all = new CompletableFuture<>();

    /** Knows where they must be bound. */
    OrphanedListeners(List<InetSocketAddress> addresses) {
        this.addresses = List.copyOf(addresses);
    }

    /** The first socket for each address that is offered at the path; none if not all came in time. */
    List<EpollServerSocketChannel> await(Path socket, Duration atMost) throws IOException, InterruptedException {
        EventLoopGroup loop = new MultiThreadIoEventLoopGroup(
                1, new DefaultThreadFactory("orphans", true), EpollIoHandler.newFactory());
        try {
            Bind.await(new ServerBootstrap()
                    .group(loop)
                    .channel(EpollServerDomainSocketChannel.class)
                    .childOption(EpollChannelOption.DOMAIN_SOCKET_READ_MODE, DomainSocketReadMode.FILE_DESCRIPTORS)
                    .childHandler(new ChannelInitializer<EpollDomainSocketChannel>() {
                        @Override
                        protected void initChannel(EpollDomainSocketChannel worker) {
                            worker.pipeline().addLast(new Taker());
                        }
                    })
                    .bind(new DomainSocketAddress(socket.toFile())));
            return all.get(atMost.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            return all.cancel(false) ? List.of() : all.join();
        } catch (ExecutionException e) {
            throw new IOException(e.getCause());
        } finally {
            Bind.shutdown(loop);
            if (!all.isDone() || all.isCancelled()) {
                for (EpollServerSocketChannel listener : taken.values()) {
                    listener.fd().close();
                }
            }
            Files.deleteIfExists(socket);
        }
    }

    private final class Taker extends SimpleChannelInboundHandler<FileDescriptor> {
        @Override
        protected void channelRead0(ChannelHandlerContext worker, FileDescriptor descriptor) throws IOException {
            if (!take(descriptor)) {
                descriptor.close();
            }
            worker.close();
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext worker, Throwable cause) {
            worker.close();
        }
    }

    private boolean take(FileDescriptor descriptor) {
        EpollServerSocketChannel listener;
        try {
            listener = new EpollServerSocketChannel(descriptor.intValue());
        } catch (ChannelException e) {
            // Not a socket.
            return false;
        }
        InetSocketAddress address = listener.localAddress();
        if (address == null || !addresses.contains(address) || taken.putIfAbsent(address, listener) != null) {
            return false;
        }
        if (taken.size() == addresses.size()) {
            all.complete(addresses.stream().map(taken::get).toList());
        }
        return true;
    }
}
