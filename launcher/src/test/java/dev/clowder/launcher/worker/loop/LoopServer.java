package dev.clowder.launcher.worker.loop;

import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.valve.ProxyHttp11NioProtocol;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.nio.channels.SelectionKey;
import java.nio.file.Path;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.SSLEngine;
import org.apache.catalina.Context;
import org.apache.catalina.LifecycleException;
import org.apache.catalina.Wrapper;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.servlets.DefaultServlet;
import org.apache.catalina.startup.Tomcat;
import org.apache.coyote.Adapter;
import org.apache.coyote.http2.Http2Protocol;
import org.apache.tomcat.util.net.NioChannel;
import org.apache.tomcat.util.net.SSLHostConfig;
import org.apache.tomcat.util.net.SSLHostConfigCertificate;
import org.apache.tomcat.util.net.SocketEvent;
import org.apache.tomcat.util.net.SocketWrapperBase;
import org.apache.tomcat.util.net.openssl.ciphers.Cipher;
import org.apache.tomcat.util.net.openssl.ciphers.Group;
import org.apache.tomcat.util.net.openssl.ciphers.SignatureScheme;
import org.jspecify.annotations.Nullable;

/** A real Tomcat on a free port whose requests run where they are polled. */
final class LoopServer implements AutoCloseable {
    private static final long NEVER = 3_600_000_000_000L;
    private static final long PATIENCE_MILLIS = 60_000;

    /** What is seen then needed no watchdog: it has doubts for an hour, also about what its first look shows. */
    static final Watchdog.Ticks BLIND = new Watchdog.Ticks(NEVER, NEVER, NEVER);

    private final Tomcat tomcat = new Tomcat();
    private final Context context;
    private final Connector connector;
    final WatchedEndpoint endpoint;

    /** What a path does. */
    interface Page {
        void answer(HttpServletRequest request, HttpServletResponse response) throws IOException;
    }

    /** Knows who shakes hands, and looks at what must be so when a request runs on the loop. */
    static final class WatchedEndpoint extends LoopEndpoint {
        private final Queue<String> handshakes = new ConcurrentLinkedQueue<>();
        private final Queue<String> mistakes = new ConcurrentLinkedQueue<>();
        private final AtomicInteger looks = new AtomicInteger();
        private final AtomicInteger failures = new AtomicInteger();

        WatchedEndpoint(Watchdog.Ticks ticks, @Nullable Prediction prediction) {
            super(ticks, prediction);
        }

        @Override
        public boolean processSocket(SocketWrapperBase<NioChannel> connection, SocketEvent event, boolean dispatch) {
            if (Thread.currentThread() instanceof LoopThread me) {
                if (dispatch && me.polling) {
                    if (failures.getAndUpdate(left -> Math.max(0, left - 1)) > 0) {
                        throw new OutOfMemoryError("of the test");
                    }
                    if (Leadership.isRunning(me.leadership.look())) {
                        mistakes.add("a request runs while its key is processed");
                    }
                } else if (!dispatch && me.ticket != 0) {
                    looks.incrementAndGet();
                    SelectionKey key = connection
                            .getSocket()
                            .getIOChannel()
                            .keyFor(getPoller().getSelector());
                    if (key != null && key.isValid() && (key.interestOps() & SelectionKey.OP_READ) != 0) {
                        mistakes.add("the next leader would find the key of a request that runs");
                    }
                }
            }
            return super.processSocket(connection, event, dispatch);
        }

        @Override
        protected SSLEngine createSSLEngine(
                String name,
                List<Cipher> ciphers,
                List<String> protocols,
                List<String> versions,
                List<Group> groups,
                List<SignatureScheme> signatures) {
            handshakes.add(threadName());
            return super.createSSLEngine(name, ciphers, protocols, versions, groups, signatures);
        }
    }

    private static final class LoopProtocol extends ProxyHttp11NioProtocol {
        private final LoopEndpoint endpoint;

        LoopProtocol(LoopEndpoint endpoint) {
            super(endpoint);
            this.endpoint = endpoint;
        }

        @Override
        protected Adapter front(Adapter adapter) {
            return endpoint.looping(adapter);
        }
    }

    LoopServer(Path directory, Watchdog.Ticks ticks, @Nullable Prediction prediction) {
        endpoint = new WatchedEndpoint(ticks, prediction);
        connector = new Connector(new LoopProtocol(endpoint));
        connector.setPort(0);
        connector.setThrowOnFailure(true);
        connector.setProperty("address", "127.0.0.1");
        connector.setProperty("maxKeepAliveRequests", "-1");
        tomcat.setBaseDir(directory.toString());
        tomcat.setConnector(connector);
        context = tomcat.addContext("", directory.toString());
        Tomcat.addServlet(context, "default", new DefaultServlet()).addMapping("/");
        page("/hello", (request, response) -> response.getWriter().print(threadName()));
    }

    /** Over TLS, and nothing else. */
    LoopServer tls(LoopCertificate made) {
        SSLHostConfig host = new SSLHostConfig();
        SSLHostConfigCertificate certificate =
                new SSLHostConfigCertificate(host, SSLHostConfigCertificate.Type.UNDEFINED);
        certificate.setCertificateKeystoreFile(made.keyStore().toString());
        certificate.setCertificateKeystorePassword(LoopCertificate.PASSWORD);
        host.addCertificate(certificate);
        connector.addSslHostConfig(host);
        connector.setSecure(true);
        connector.setScheme("https");
        return set("SSLEnabled", true);
    }

    /** HTTP/2 too: by ALPN, or by an upgrade in clear text. */
    LoopServer http2() {
        Http2Protocol protocol = new Http2Protocol();
        // Java's client sends small frames at times, for which Tomcat closes a connection however it dispatches.
        // The factor counts for frames of other kinds only.
        protocol.setOverheadCountFactor(0);
        protocol.setOverheadDataThreshold(0);
        protocol.setOverheadWindowUpdateThreshold(0);
        protocol.setOverheadContinuationThreshold(0);
        // A busy machine is slower than its 5 s at times.
        protocol.setReadTimeout(PATIENCE_MILLIS);
        protocol.setWriteTimeout(PATIENCE_MILLIS);
        connector.addUpgradeProtocol(protocol);
        return this;
    }

    /** What was not as it must be when requests ran on the loop, of which there were some. */
    List<String> mistakes() {
        assertThat(endpoint.looks).hasPositiveValue();
        return List.copyOf(endpoint.mistakes);
    }

    /** The next ready keys fail as if there was no memory left, each once. */
    void failWhilePolling(int keys) {
        endpoint.failures.set(keys);
    }

    boolean hasFailures() {
        return endpoint.failures.get() > 0;
    }

    /** The threads that began to shake hands, one for each connection. */
    List<String> handshakes() {
        return List.copyOf(endpoint.handshakes);
    }

    static LoopServer usual(Path directory) {
        return new LoopServer(directory, Watchdog.Ticks.USUAL, new Prediction());
    }

    LoopServer set(String property, Object value) {
        connector.setProperty(property, value.toString());
        return this;
    }

    LoopServer page(String path, Page page) {
        Wrapper wrapper = Tomcat.addServlet(context, path, new HttpServlet() {
            private static final long serialVersionUID = 1;

            @Override
            protected void service(HttpServletRequest request, HttpServletResponse response) throws IOException {
                page.answer(request, response);
            }
        });
        wrapper.setAsyncSupported(true);
        wrapper.addMapping(path);
        return this;
    }

    LoopServer start() throws LifecycleException {
        tomcat.start();
        return this;
    }

    Connector connector() {
        return connector;
    }

    int port() {
        return connector.getLocalPort();
    }

    void stop() throws LifecycleException {
        tomcat.stop();
    }

    Thread watchdog() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().equals(endpoint.getName() + "-LoopWatch"))
                .findAny()
                .orElseThrow();
    }

    /** Those of its threads that live. */
    List<String> threads() {
        return Thread.getAllStackTraces().keySet().stream()
                .map(Thread::getName)
                .filter(name -> name.startsWith(endpoint.getName() + "-"))
                .toList();
    }

    static String threadName() {
        return Thread.currentThread().getName();
    }

    @Override
    public void close() throws LifecycleException {
        if (tomcat.getServer().getState().isAvailable()) {
            tomcat.stop();
        }
        tomcat.destroy();
    }
}
