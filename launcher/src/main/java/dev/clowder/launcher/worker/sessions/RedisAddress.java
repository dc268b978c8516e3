package dev.clowder.launcher.worker.sessions;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;
import org.jspecify.annotations.Nullable;
import redis.clients.jedis.DefaultJedisClientConfig;
import redis.clients.jedis.JedisClientConfig;
import redis.clients.jedis.JedisSocketFactory;
import redis.clients.jedis.RedisProtocol;
import redis.clients.jedis.exceptions.JedisConnectionException;

/**
 * What a URL {@code redis://USER:SECRET@HOST:PORT/DB} or {@code rediss://...} says, and connections to there. The name is
 * looked up by {@link #resolve} only, so that no request waits for DNS. Any thread.
 */
final class RedisAddress implements JedisSocketFactory {
    private static final int DEFAULT_PORT = 6379;

    private final String host;
    private final int port;
    private final boolean tls;
    private final JedisClientConfig client;
    private volatile InetAddress @Nullable [] addresses;

    /** @param url checked before */
    RedisAddress(String url) {
        URI uri = URI.create(url);
        host = uri.getHost().replaceAll("[\\[\\]]", "");
        port = uri.getPort() < 0 ? DEFAULT_PORT : uri.getPort();
        tls = uri.getScheme().equalsIgnoreCase("rediss");
        client = client(uri);
    }

    private static JedisClientConfig client(URI uri) {
        DefaultJedisClientConfig.Builder client = DefaultJedisClientConfig.builder()
                .connectionTimeoutMillis(Engine.CONNECT_MILLIS)
                .socketTimeoutMillis(Engine.ANSWER_MILLIS)
                .protocol(RedisProtocol.RESP2)
                .clientName("clowder");
        String user = uri.getRawUserInfo();
        if (user != null) {
            int colon = user.indexOf(':');
            // A secret alone is the one of the default user.
            if (colon > 0) {
                client.user(decoded(user.substring(0, colon)));
            }
            client.password(decoded(user.substring(colon + 1)));
        }
        String database = uri.getPath().replace("/", "");
        return database.isEmpty()
                ? client.build()
                : client.database(Integer.parseInt(database)).build();
    }

    /** As in any part of a URL but a query: a plus is a plus. */
    private static String decoded(String text) {
        return String.valueOf(URI.create("x:///" + text).getPath()).substring(1);
    }

    JedisClientConfig client() {
        return client;
    }

    /** Without what is secret. */
    @Override
    public String toString() {
        return "Redis at " + host + ":" + port;
    }

    /** Looks the name up, which may take its time. */
    void resolve() throws IOException {
        addresses = InetAddress.getAllByName(host);
    }

    @Override
    public Socket createSocket() {
        InetAddress[] known = addresses;
        if (known == null) {
            throw new JedisConnectionException("the name " + host + " is not resolved");
        }
        IOException last = null;
        for (InetAddress address : known) {
            try {
                return connect(new InetSocketAddress(address, port));
            } catch (IOException e) {
                last = e;
            }
        }
        throw new JedisConnectionException(last == null ? "no address" : last.getMessage(), last);
    }

    private Socket connect(InetSocketAddress address) throws IOException {
        Socket socket = new Socket();
        boolean connected = false;
        try {
            socket.setTcpNoDelay(true);
            socket.setKeepAlive(true);
            socket.connect(address, Engine.CONNECT_MILLIS);
            socket.setSoTimeout(Engine.ANSWER_MILLIS);
            Socket usable = tls ? secured(socket) : socket;
            connected = true;
            return usable;
        } finally {
            if (!connected) {
                socket.close();
            }
        }
    }

    /** The certificate must be known to this JVM, and must be that of the host. */
    private Socket secured(Socket socket) throws IOException {
        SSLSocket secured =
                (SSLSocket) ((SSLSocketFactory) SSLSocketFactory.getDefault()).createSocket(socket, host, port, true);
        SSLParameters parameters = secured.getSSLParameters();
        parameters.setEndpointIdentificationAlgorithm("HTTPS");
        secured.setSSLParameters(parameters);
        secured.startHandshake();
        return secured;
    }
}
