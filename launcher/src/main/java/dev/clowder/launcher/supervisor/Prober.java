package dev.clowder.launcher.supervisor;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import dev.clowder.launcher.supervisor.Event.Probed.Finding;
import dev.clowder.valve.ProxyHeaderWriter;
import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioDomainSocketChannel;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Asks workers for an HTTP answer by the way that clients take: intake, poller, a thread of the pool, processor. One
 * event loop for all; a worker that is stopped or gone costs no more than its time-out. Each probe is reported once
 * at most, and exactly once unless the system has no thread for the loop. Thread-safe.
 */
@SuppressWarnings("FutureReturnValueIgnored") // Netty reports a failure to the channel's handlers.
final class Prober implements AutoCloseable {
    static final long TIMEOUT_MILLIS = 2_000;

    /** Of the body; what is not read would be an error in the application's log. */
    private static final long MAX_ANSWER = 1 << 20;

    private final EventLoopGroup group =
            new MultiThreadIoEventLoopGroup(1, new DefaultThreadFactory("probes", true), NioIoHandler.newFactory());
    private final Set<Integer> running = ConcurrentHashMap.newKeySet();
    private final byte[] request;
    private final String healthPath;
    private final int firstBadStatus;
    private final Consumer<Event> events;

    /** @param healthPath what is asked for and must be answered below 500; empty: any HTTP answer will do */
    Prober(String healthPath, Consumer<Event> events) {
        // Without a path Tomcat answers itself: no application is disturbed, no session made.
        String asked = healthPath.isEmpty() ? "OPTIONS *" : "GET " + healthPath;
        String head = asked + " HTTP/1.1\r\nHost: localhost\r\nUser-Agent: clowder\r\nConnection: close\r\n\r\n";
        request = head.getBytes(ISO_8859_1);
        this.healthPath = healthPath;
        firstBadStatus = healthPath.isEmpty() ? 1000 : 500;
        this.events = events;
    }

    /** Begins a probe, unless one of this worker is under way. Does not block. */
    void probe(int id, Path intake) {
        if (!running.add(id)) {
            return;
        }
        try {
            // The loop gets its thread with the first task. Where the system has none more the next probe tries again.
            group.next().execute(() -> {});
            connect(id, intake);
        } catch (OutOfMemoryError e) {
            running.remove(id);
        }
    }

    private void connect(int id, Path intake) {
        Probe probe = new Probe(id);
        new Bootstrap()
                .group(group)
                .channel(NioDomainSocketChannel.class)
                .handler(new ChannelInitializer<>() {
                    @Override
                    protected void initChannel(Channel worker) {
                        worker.pipeline().addLast(probe);
                        worker.closeFuture().addListener(closed -> running.remove(id));
                        worker.eventLoop().schedule(() -> probe.expire(worker), TIMEOUT_MILLIS, TimeUnit.MILLISECONDS);
                    }
                })
                .connect(UnixDomainSocketAddress.of(intake))
                .addListener((ChannelFutureListener) connected -> {
                    if (!connected.isSuccess()) {
                        probe.silent("can't connect to its intake: "
                                + connected.cause().getMessage());
                        running.remove(id);
                    }
                });
    }

    @Override
    public void close() {
        group.shutdownGracefully(0, TIMEOUT_MILLIS, TimeUnit.MILLISECONDS);
    }

    /** One connection; everything happens on the event loop. */
    private final class Probe extends SimpleChannelInboundHandler<ByteBuf> {
        private static final String VERSION = "HTTP/1.";
        private static final int STATUS_END = "HTTP/1.1 200".length();

        private final int id;
        private final StringBuilder statusLine = new StringBuilder();
        private long answered;
        private boolean reported;

        Probe(int id) {
            this.id = id;
        }

        @Override
        public void channelActive(ChannelHandlerContext worker) {
            worker.writeAndFlush(Unpooled.wrappedBuffer(ProxyHeaderWriter.local(), request));
        }

        @Override
        protected void channelRead0(ChannelHandlerContext worker, ByteBuf bytes) {
            answered += bytes.readableBytes();
            int wanted = Math.min(STATUS_END - statusLine.length(), bytes.readableBytes());
            statusLine.append(bytes.readCharSequence(wanted, ISO_8859_1));
            if (!reported && statusLine.length() == STATUS_END) {
                judge(statusLine.toString());
            }
            if (answered > MAX_ANSWER) {
                worker.close();
            }
        }

        private void judge(String line) {
            int status;
            try {
                status = line.startsWith(VERSION) ? Integer.parseInt(line.substring(line.length() - 3)) : -1;
            } catch (NumberFormatException e) {
                status = -1;
            }
            if (status < 0) {
                report(Finding.ILL, "answered with something else than HTTP");
            } else if (status < firstBadStatus) {
                report(Finding.WELL, "");
            } else {
                report(Finding.ILL, healthPath + " answered with status " + status);
            }
        }

        @Override
        public void channelInactive(ChannelHandlerContext worker) {
            silent("closed the connection without an answer");
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext worker, Throwable cause) {
            silent("the connection was lost: " + cause.getMessage());
            worker.close();
        }

        void expire(Channel worker) {
            silent("gave no answer within " + TIMEOUT_MILLIS / 1000 + " s");
            worker.close();
        }

        void silent(String problem) {
            report(Finding.SILENT, problem);
        }

        /** Only what comes first counts. */
        private void report(Finding finding, String problem) {
            if (!reported) {
                reported = true;
                events.accept(new Event.Probed(id, finding, problem));
            }
        }
    }
}
