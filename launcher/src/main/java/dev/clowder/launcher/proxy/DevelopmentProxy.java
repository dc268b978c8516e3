package dev.clowder.launcher.proxy;

import dev.clowder.launcher.proxy.ProxySettings.ProxyVersion;
import dev.clowder.valve.ProxyHeaderWriter;
import io.netty.buffer.Unpooled;
import io.netty.util.NetUtil;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.file.FileSystemOptions;
import io.vertx.core.http.HttpClient;
import io.vertx.core.http.HttpClientOptions;
import io.vertx.core.http.HttpClientRequest;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.PoolOptions;
import io.vertx.core.http.RequestOptions;
import io.vertx.core.http.impl.HttpClientConnectionInternal;
import io.vertx.core.net.HostAndPort;
import io.vertx.core.net.SocketAddress;
import io.vertx.httpproxy.Body;
import io.vertx.httpproxy.HttpProxy;
import io.vertx.httpproxy.MediaType;
import io.vertx.httpproxy.ProxyContext;
import io.vertx.httpproxy.ProxyInterceptor;
import io.vertx.httpproxy.ProxyResponse;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.logging.Level;
import java.util.logging.Logger;

/**
 * A reverse proxy for a laptop: HTTP/1.1 and WebSocket to one application, with the forwarding headers and the PROXY
 * header that a proxy in production would add. Prints a line for each request. Copying, framing and upgrades are Vert.x's
 * ({@code vertx-http-proxy}); here is only what is added.
 *
 * <p>Each client connection has a connection of its own to the target, because a PROXY header speaks for a whole
 * connection. Everything happens on the one event loop; {@link #start} and {@link #close} are for any thread.
 */
public final class DevelopmentProxy implements AutoCloseable {
    /** Vert.x logs the failures that have a line here. Held, or the level would be forgotten. */
    private static final Logger QUIET = Logger.getLogger("io.vertx");

    private static final int LONGEST_HEAD = 64 * 1024;
    private static final int CONNECT_MILLIS = 5_000;
    private static final int BAD_GATEWAY = 502;
    private static final int SWITCHING_PROTOCOLS = 101;

    private final ProxySettings settings;
    private final PrintWriter out;
    private final Forwarding forwarding;
    private final SocketAddress target;
    private final Vertx vertx;
    private final HttpServer server;
    /** One for each client connection. Event loop only. */
    private final Map<HttpConnection, HttpClient> clients = new HashMap<>();

    private DevelopmentProxy(ProxySettings settings, PrintWriter out) {
        this.settings = settings;
        this.out = out;
        this.forwarding = new Forwarding(settings);
        this.target = SocketAddress.inetSocketAddress(settings.target());
        this.vertx = Vertx.vertx(new VertxOptions()
                .setEventLoopPoolSize(1)
                .setFileSystemOptions(
                        new FileSystemOptions().setFileCachingEnabled(false).setClassPathResolvingEnabled(false)));
        this.server = vertx.createHttpServer(new HttpServerOptions()
                .setMaxHeaderSize(LONGEST_HEAD)
                .setMaxInitialLineLength(LONGEST_HEAD)
                // A client that waits for "100 Continue" would wait for ever: the library does not pass it on.
                .setHandle100ContinueAutomatically(true));
    }

    /**
     * Begins to listen.
     *
     * @param out gets a line for each request
     * @throws IOException if it can't listen there; the message says why
     */
    public static DevelopmentProxy start(ProxySettings settings, PrintWriter out) throws IOException {
        QUIET.setLevel(Level.OFF);
        DevelopmentProxy proxy = new DevelopmentProxy(settings, out);
        try {
            proxy.listen();
            return proxy;
        } catch (CompletionException e) {
            proxy.close();
            Throwable cause = e.getCause() == null ? e : e.getCause();
            throw new IOException("can't listen on " + text(settings.listen()) + ": " + cause.getMessage(), cause);
        }
    }

    private void listen() {
        // The client of the library's own is never used: see request(ProxyContext).
        HttpProxy proxy = HttpProxy.reverseProxy(vertx.createHttpClient()).origin(this::request);
        proxy.addInterceptor(new Line(), true);
        server.requestHandler(proxy);
        server.connectionHandler(client -> client.closeHandler(end -> forget(client)));
        server.invalidRequestHandler(bad -> {
            HttpServerRequest.DEFAULT_INVALID_REQUEST_HANDLER.handle(bad);
            print(bad.response().getStatusCode() + " for a request that can't be read");
        });
        server.listen(SocketAddress.inetSocketAddress(settings.listen()))
                .toCompletionStage()
                .toCompletableFuture()
                .join();
    }

    /** Where it listens, with the port that it got. */
    public InetSocketAddress address() {
        return new InetSocketAddress(settings.listen().getAddress(), server.actualPort());
    }

    /** Closes all connections and returns when that is done. */
    @Override
    public void close() {
        vertx.close().toCompletionStage().toCompletableFuture().join();
    }

    /** The head of a request to the target, on the connection that belongs to this client. */
    private Future<HttpClientRequest> request(ProxyContext context) {
        HttpServerRequest from = context.request().proxiedRequest();
        HttpClient client = clients.computeIfAbsent(from.connection(), this::client);
        HostAndPort host = from.authority();
        RequestOptions options = new RequestOptions().setServer(target);
        if (host != null) {
            options.setHost(host.host()).setPort(host.port() < 0 ? 80 : host.port());
        }
        return client.request(options);
    }

    private HttpClient client(HttpConnection of) {
        byte[] header = proxyHeader(inet(of.remoteAddress()), inet(of.localAddress()));
        return vertx.httpClientBuilder()
                .with(new HttpClientOptions()
                        .setConnectTimeout(CONNECT_MILLIS)
                        .setMaxHeaderSize(LONGEST_HEAD)
                        .setMaxInitialLineLength(LONGEST_HEAD))
                .with(new PoolOptions().setHttp1MaxSize(1))
                .withConnectHandler(connection -> send(header, connection))
                .build();
    }

    private byte[] proxyHeader(InetSocketAddress client, InetSocketAddress local) {
        return switch (settings.proxyProtocol()) {
            case OFF -> new byte[0];
            case V1 -> ProxyHeaderWriter.v1(forwarding.lastPeer(client), local);
            case V2 -> ProxyHeaderWriter.v2(forwarding.lastPeer(client), local);
        };
    }

    /**
     * Before anything else, and past the HTTP codec. Vert.x reads PROXY headers but writes none, and its public interface
     * has no way to the bytes of an HTTP connection: this is the one place that looks inside.
     */
    @SuppressWarnings("FutureReturnValueIgnored") // What can't be written fails the request that follows it.
    private static void send(byte[] header, HttpConnection to) {
        if (header.length > 0) {
            ((HttpClientConnectionInternal) to)
                    .channelHandlerContext()
                    .pipeline()
                    .firstContext()
                    .writeAndFlush(Unpooled.wrappedBuffer(header));
        }
    }

    private void forget(HttpConnection closed) {
        HttpClient client = clients.remove(closed);
        if (client != null) {
            client.close();
        }
    }

    private void print(String line) {
        // A request line may hold what a terminal obeys.
        out.println(line.replaceAll("[^ -~]", "?"));
        out.flush();
    }

    private static InetSocketAddress inet(SocketAddress address) {
        return new InetSocketAddress(
                NetUtil.createInetAddressFromIpAddressString(address.hostAddress()), address.port());
    }

    private static String text(InetSocketAddress address) {
        return NetUtil.toSocketAddressString(address);
    }

    /** Adds the headers, turns a failure into an answer that explains it, and prints one line when the status is known. */
    private final class Line implements ProxyInterceptor {
        private static final String EXCHANGE = "exchange";

        @Override
        public Future<ProxyResponse> handleProxyRequest(ProxyContext context) {
            HttpServerRequest from = context.request().proxiedRequest();
            InetSocketAddress client = inet(from.remoteAddress());
            Exchange exchange = new Exchange(System.nanoTime(), new ArrayList<>());
            exchange.notes().addAll(forwarding.apply(context.request().headers(), client, from.authority()));
            if (settings.proxyProtocol() != ProxyVersion.OFF) {
                exchange.notes().add("+ PROXY " + settings.proxyProtocol() + " " + text(forwarding.lastPeer(client)));
            }
            context.set(EXCHANGE, exchange);
            return context.sendRequest().recover(failure -> Future.succeededFuture(explain(context, failure)));
        }

        private ProxyResponse explain(ProxyContext context, Throwable failure) {
            Throwable cause =
                    failure instanceof ConnectException && failure.getCause() != null ? failure.getCause() : failure;
            String text = "no answer from " + text(settings.target()) + ": " + cause.getMessage();
            exchange(context).notes().add(text);
            return context.request()
                    .release()
                    .response()
                    .setStatusCode(BAD_GATEWAY)
                    .setBody(Body.body(Buffer.buffer("clowder proxy: " + text + "\n"), MediaType.TEXT_PLAIN));
        }

        @Override
        public Future<Void> handleProxyResponse(ProxyContext context) {
            HttpServerRequest from = context.request().proxiedRequest();
            int status = context.response().getStatusCode();
            Exchange exchange = exchange(context);
            long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - exchange.since());
            String client = text(forwarding.client(inet(from.remoteAddress())));
            print(from.method() + " " + from.uri() + " " + status + ", " + millis + " ms, client " + client
                    + String.join(
                            "",
                            exchange.notes().stream().map(note -> " | " + note).toList()));
            if (context.isWebSocket() && status != SWITCHING_PROTOCOLS) {
                // The library would send the status alone.
                from.resume();
                return context.response().send();
            }
            return context.sendResponse();
        }

        private static Exchange exchange(ProxyContext context) {
            return context.get(EXCHANGE, Exchange.class);
        }
    }

    /**
     * One request on its way.
     *
     * @param since when it came, by {@link System#nanoTime()}
     * @param notes what its line will say
     */
    private record Exchange(long since, List<String> notes) {}
}
