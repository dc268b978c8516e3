package dev.clowder.launcher.acceptor;

import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.EventLoopGroup;
import java.io.IOException;
import java.util.concurrent.TimeUnit;

/** Netty's asynchronous bind and shutdown, for a caller that can only go on when they are done. */
final class Bind {
    private Bind() {}

    static Channel await(ChannelFuture bind) throws IOException {
        bind.awaitUninterruptibly();
        Throwable cause = bind.cause();
        if (cause == null) {
            return bind.channel();
        }
        throw cause instanceof IOException io ? io : new IOException(cause);
    }

    static void shutdown(EventLoopGroup loop) {
        loop.shutdownGracefully(0, 5, TimeUnit.SECONDS).awaitUninterruptibly();
    }
}
