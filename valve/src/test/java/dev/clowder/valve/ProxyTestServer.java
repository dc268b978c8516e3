package dev.clowder.valve;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.stream.Stream;
import org.apache.catalina.LifecycleException;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.startup.Tomcat;
import org.apache.catalina.valves.ValveBase;
import org.apache.coyote.http2.Http2Protocol;
import org.apache.tomcat.util.net.SSLHostConfig;
import org.apache.tomcat.util.net.SSLHostConfigCertificate;

/** A real Tomcat with one connector, which answers each request with what it sees of the client, and its raw clients. */
final class ProxyTestServer implements AutoCloseable {
    static final Duration PATIENCE = Duration.ofSeconds(30);
    static final String GET = "GET / HTTP/1.1\r\nHost: app.example\r\nConnection: close\r\n\r\n";

    /** Held here, or its level would be forgotten with it. */
    private static final Logger TOMCAT = Logger.getLogger("org.apache");

    static {
        TOMCAT.setLevel(Level.WARNING);
    }

    private final Path base;
    private final Tomcat tomcat = new Tomcat();
    private final ProxyNioEndpoint endpoint;
    private final Connector connector;

    ProxyTestServer(Map<String, String> attributes) {
        this(new ProxyNioEndpoint(), attributes);
    }

    ProxyTestServer(ProxyNioEndpoint endpoint, Map<String, String> attributes) {
        this.endpoint = endpoint;
        connector = new Connector(new ProxyHttp11NioProtocol(endpoint));
        try {
            base = Files.createTempDirectory("proxy");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        tomcat.setBaseDir(base.toString());
        connector.setPort(0);
        connector.setProperty("address", "127.0.0.1");
        attributes.forEach((name, value) -> {
            if (!connector.setProperty(name, value)) {
                throw new IllegalArgumentException(name);
            }
        });
        connector.addUpgradeProtocol(new Http2Protocol());
        tomcat.setConnector(connector);
        tomcat.getHost();
        tomcat.getEngine().getPipeline().addValve(new Echo());
    }

    ProxyTestServer tls(File keyStore, String password) {
        SSLHostConfig tls = new SSLHostConfig();
        SSLHostConfigCertificate certificate =
                new SSLHostConfigCertificate(tls, SSLHostConfigCertificate.Type.UNDEFINED);
        certificate.setCertificateKeystoreFile(keyStore.toString());
        certificate.setCertificateKeystorePassword(password);
        tls.addCertificate(certificate);
        connector.addSslHostConfig(tls);
        connector.setProperty("SSLEnabled", "true");
        connector.setSecure(true);
        connector.setScheme("https");
        return this;
    }

    ProxyTestServer start() throws LifecycleException {
        tomcat.start();
        return this;
    }

    InetSocketAddress address() {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), connector.getLocalPort());
    }

    Connector connector() {
        return connector;
    }

    ProxyNioEndpoint endpoint() {
        return endpoint;
    }

    Client connect() {
        return connect("127.0.0.1");
    }

    /** @param from an address of 127.0.0.0/8, all of which Linux lets a client use */
    Client connect(String from) {
        return new Client(from, address());
    }

    /** Waits until {@code condition} holds; fails if it does not within {@link #PATIENCE}. */
    static void await(String what, BooleanSupplier condition) {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - deadline > 0) {
                throw new AssertionError("not within " + PATIENCE + ": " + what);
            }
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1));
        }
    }

    @Override
    public void close() {
        try {
            tomcat.stop();
            tomcat.destroy();
            try (Stream<Path> files = Files.walk(base)) {
                for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(file);
                }
            }
        } catch (LifecycleException | IOException e) {
            throw new AssertionError(e);
        }
    }

    /** Answers in the Engine, so that no application is needed. */
    private static final class Echo extends ValveBase {
        Echo() {
            super(true);
        }

        @Override
        public void invoke(Request request, Response response) throws IOException {
            ProxyProtocol proxied = ProxyProtocol.of(request);
            String text = "[peer " + request.getRemoteAddr() + " " + request.getRemotePort() + "][local "
                    + request.getLocalAddr() + " " + request.getLocalPort() + "][" + request.getScheme() + " "
                    + request.isSecure() + " " + request.getServerPort() + "][" + request.getProtocol() + "][path "
                    + request.getRequestURI() + "][proxied "
                    + (proxied == null ? "not" : proxied.isAnonymous() ? "anonymous" : proxied.getSource())
                    + "][authority " + (proxied == null ? null : proxied.getAuthority()) + "][unix "
                    + ProxyAdapter.isUnix(request.getCoyoteRequest()) + "]\n";
            byte[] body = text.getBytes(StandardCharsets.UTF_8);
            response.setContentType("text/plain");
            response.setContentLength(body.length);
            response.getOutputStream().write(body);
        }
    }

    /** A client that says exactly what it is told, over TCP. */
    static final class Client implements AutoCloseable {
        private final Socket socket = new Socket();

        Client(String from, InetSocketAddress to) {
            try {
                socket.bind(new InetSocketAddress(from, 0));
                socket.setTcpNoDelay(true);
                socket.setSoTimeout((int) PATIENCE.toMillis());
                socket.connect(to);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        Socket socket() {
            return socket;
        }

        int port() {
            return socket.getLocalPort();
        }

        Client send(byte[] bytes) throws IOException {
            socket.getOutputStream().write(bytes);
            return this;
        }

        Client send(String text) throws IOException {
            return send(text.getBytes(StandardCharsets.ISO_8859_1));
        }

        Client sendBytewise(byte[] bytes) throws IOException {
            for (byte one : bytes) {
                socket.getOutputStream().write(one);
            }
            return this;
        }

        /** Everything up to the end of the stream; a reset ends it too. */
        String readAll() throws IOException {
            ByteArrayOutputStream all = new ByteArrayOutputStream();
            InputStream in = socket.getInputStream();
            try {
                for (int one = in.read(); one >= 0; one = in.read()) {
                    all.write(one);
                }
            } catch (SocketException reset) {
                // A server that closes without reading what has come resets the connection.
            }
            return all.toString(StandardCharsets.UTF_8);
        }

        @Override
        public void close() throws IOException {
            socket.close();
        }
    }

    /** The bracketed facts of one answer. */
    static List<String> facts(String answer) {
        return List.of(answer.substring(answer.indexOf('[') + 1, answer.lastIndexOf(']'))
                .split("]\n?[^\\[]*\\[", -1));
    }
}
