package dev.clowder.launcher.admin;

import dev.clowder.launcher.config.Reporting;
import dev.clowder.launcher.supervisor.ClusterEvent;
import dev.clowder.launcher.supervisor.RunningCluster.StartException;
import io.netty.util.NetUtil;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.file.FileSystemOptions;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import java.net.InetSocketAddress;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * The HTTP server behind {@code --admin}: the page, its stream of events, the metrics, and whether the cluster is well. One
 * event loop does all of it, and everything that a client can make it hold is bounded.
 *
 * <p>The supervisor never waits for it: {@link #awake} and {@link #event} only leave something behind, and the state of the
 * cluster is made when somebody looks, once for all. How many pages are open makes no difference to supervisor and workers.
 */
public final class AdminServer implements AutoCloseable {
    /** Connections whose request is not answered yet, and which are no open pages; one more, and the oldest is closed. */
    static final int MAX_SILENT = 128;

    private static final long ANSWERED_WITHIN_MILLIS = 10_000;
    private static final long START_SECONDS = 30;

    private final Vertx vertx;
    private final Context loop;
    private final HttpServer server;
    private final Lookout lookout;
    private final Pages pages;
    private final Guard guard;
    private final Answers answers;
    /** Of the event loop. */
    private final Set<HttpConnection> silent = new LinkedHashSet<>();

    private AdminServer(Vertx vertx, Context loop, Reporting.Admin admin) {
        this.vertx = vertx;
        this.loop = loop;
        lookout = new Lookout(loop);
        pages = new Pages(lookout);
        guard = new Guard(admin.address().getAddress().isLoopbackAddress(), admin.token());
        answers = new Answers(pages, lookout, guard, loop);
        server = vertx.createHttpServer(new HttpServerOptions()
                .setHost(admin.address().getAddress().getHostAddress())
                .setPort(admin.address().getPort())
                .setMaxInitialLineLength(2048)
                .setMaxHeaderSize(16 * 1024)
                // With it a connection is unknown here until its first bytes tell which protocol it speaks.
                .setHttp2ClearTextEnabled(false)
                .setHandle100ContinueAutomatically(false)
                .setCompressionSupported(false));
    }

    /**
     * Takes the port. Until {@link #serve} every command is refused.
     *
     * @throws StartException if the port can't be had
     */
    public static AdminServer open(Reporting.Admin admin) throws StartException {
        Vertx vertx = Vertx.vertx(new VertxOptions()
                .setEventLoopPoolSize(1)
                .setWorkerPoolSize(1)
                .setInternalBlockingPoolSize(1)
                .setFileSystemOptions(new FileSystemOptions()
                        .setClassPathResolvingEnabled(false)
                        .setFileCachingEnabled(false)));
        boolean opened = false;
        try {
            AdminServer server = new AdminServer(vertx, vertx.getOrCreateContext(), admin);
            server.listen(admin.address());
            opened = true;
            return server;
        } finally {
            if (!opened) {
                vertx.close();
            }
        }
    }

    private void listen(InetSocketAddress address) throws StartException {
        server.connectionHandler(this::arrived).requestHandler(this::answer);
        String place = NetUtil.toSocketAddressString(address);
        try {
            server.listen().toCompletionStage().toCompletableFuture().get(START_SECONDS, TimeUnit.SECONDS);
        } catch (ExecutionException e) {
            throw new StartException("--admin " + place + ": can't listen there ("
                    + String.valueOf(
                            e.getCause() == null ? e.getMessage() : e.getCause().getMessage())
                    + "); choose another port or end what uses it");
        } catch (TimeoutException e) {
            throw new StartException("--admin " + place + ": the port did not open within " + START_SECONDS + " s");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new StartException("--admin " + place + ": interrupted");
        }
        vertx.setPeriodic(Pages.EVERY_MILLIS, tick -> pages.tick());
    }

    /** The real port. */
    public int port() {
        return server.actualPort();
    }

    /** From now on this cluster is shown, and commands go to it. */
    public void serve(Commander commander) {
        lookout.serve(commander);
    }

    /** The supervisor's loop turns; it has to say so every few seconds. Any thread; never blocks. */
    public void awake() {
        lookout.awake();
    }

    /** Shows an event. Any thread; never blocks. */
    public void event(ClusterEvent event) {
        if (pages.event(event.json())) {
            loop.runOnContext(none -> pages.tell());
        }
    }

    /** Who has not asked for something within that time, or can't take the answer, has no business here. */
    private void arrived(HttpConnection connection) {
        silent.add(connection);
        long deadline = vertx.setTimer(ANSWERED_WITHIN_MILLIS, over -> {
            if (silent.remove(connection)) {
                connection.close();
            }
        });
        connection.closeHandler(closed -> {
            silent.remove(connection);
            vertx.cancelTimer(deadline);
        });
        if (silent.size() > MAX_SILENT) {
            HttpConnection oldest = silent.iterator().next();
            silent.remove(oldest);
            oldest.close();
        }
    }

    private void answer(HttpServerRequest request) {
        answers.answer(request, () -> silent.remove(request.connection()));
    }

    /** Closes all pages. */
    @Override
    public void close() {
        try {
            vertx.close().toCompletionStage().toCompletableFuture().get(5, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (ExecutionException | TimeoutException e) {
            // The port goes with the process then.
        }
    }
}
