package dev.clowder.valve;

import jakarta.servlet.AsyncContext;
import jakarta.servlet.AsyncEvent;
import jakarta.servlet.AsyncListener;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.CharArrayWriter;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.logging.Logger;
import org.apache.catalina.AccessLog;
import org.apache.catalina.Container;
import org.apache.catalina.Context;
import org.apache.catalina.Globals;
import org.apache.catalina.Host;
import org.apache.catalina.LifecycleException;
import org.apache.catalina.Valve;
import org.apache.catalina.Wrapper;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.core.StandardContext;
import org.apache.catalina.core.StandardHost;
import org.apache.catalina.startup.Tomcat;
import org.apache.catalina.valves.AbstractAccessLogValve;
import org.apache.coyote.ProtocolHandler;
import org.apache.coyote.http2.Http2Protocol;
import org.apache.tomcat.util.descriptor.web.ErrorPage;

/**
 * A real Tomcat in this JVM on a free port: virtual hosts {@code app.internal} (default) and {@code shop.example}, each
 * with a root application and one at {@code /app} that tell what they see.
 */
final class LiveServer implements AutoCloseable {

    /** Where the valve stands. */
    enum Level {
        ENGINE,
        HOST,
        CONTEXT
    }

    private static final Logger TOMCAT_LOG = Logger.getLogger("org.apache");

    final Tomcat tomcat = new Tomcat();
    final List<String> accessLog = new CopyOnWriteArrayList<>();
    final Connector connector;
    private final Path base;

    LiveServer() {
        this(new Connector());
    }

    /** Every connection must begin with a PROXY header. */
    static LiveServer behindBalancer() {
        Connector connector = new Connector(ProxyHttp11NioProtocol.class.getName());
        connector.setProperty("proxyProtocol", "required");
        return new LiveServer(connector);
    }

    /** Speaks what the caller makes of HTTP. */
    static LiveServer over(ProtocolHandler protocol) {
        return new LiveServer(new Connector(protocol));
    }

    private LiveServer(Connector connector) {
        this.connector = connector;
        TOMCAT_LOG.setLevel(java.util.logging.Level.SEVERE);
        try {
            base = Files.createTempDirectory("clowder-valve");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        tomcat.setBaseDir(base.toString());
        connector.setPort(0);
        connector.setProperty("address", "0.0.0.0");
        connector.addUpgradeProtocol(new Http2Protocol());
        tomcat.setConnector(connector);
        tomcat.getEngine().setDefaultHost("app.internal");
        addHost("app.internal");
        addHost("shop.example");
    }

    /** Starts it with one valve. */
    static LiveServer with(Level level, Valve valve) throws LifecycleException {
        LiveServer server = new LiveServer();
        server.add(level, valve);
        server.start();
        return server;
    }

    /** What the application sees of a request over a Unix socket, which has no address. */
    static RawClient.Reply overUnixSocket(Valve valve, String line) throws Exception {
        LiveServer server = new LiveServer();
        server.add(Level.ENGINE, valve);
        Path path = server.base().resolve("s");
        Connector unix = new Connector();
        unix.setProperty("unixDomainSocketPath", path.toString());
        server.tomcat.getService().addConnector(unix);
        server.start();
        try (server;
                SocketChannel socket = SocketChannel.open(UnixDomainSocketAddress.of(path))) {
            return RawClient.get(socket, line);
        }
    }

    /** A valve with these attributes, given as server.xml gives them. */
    static ForwardedValve valve(String... namesAndValues) {
        return configured(new ForwardedValve(), namesAndValues);
    }

    static <V extends Valve> V configured(V valve, String... namesAndValues) {
        for (int i = 0; i < namesAndValues.length; i += 2) {
            org.apache.tomcat.util.IntrospectionUtils.setProperty(valve, namesAndValues[i], namesAndValues[i + 1]);
        }
        return valve;
    }

    void add(Level level, Valve valve) {
        container(level, "").getPipeline().addValve(valve);
    }

    /** @param path the application whose context is meant */
    Container container(Level level, String path) {
        Host host = defaultHost();
        return switch (level) {
            case ENGINE -> tomcat.getEngine();
            case HOST -> host;
            case CONTEXT -> host.findChild(path);
        };
    }

    Host defaultHost() {
        return (Host) tomcat.getEngine().findChild("app.internal");
    }

    void start() throws LifecycleException {
        tomcat.start();
    }

    int port() {
        return connector.getLocalPort();
    }

    Path base() {
        return base;
    }

    /** Writes a line for each request with Tomcat's own access log. */
    void logAccess(String pattern, boolean requestAttributes) {
        AbstractAccessLogValve log = new AbstractAccessLogValve() {
            @Override
            protected void log(CharArrayWriter message) {
                accessLog.add(message.toString());
            }
        };
        log.setPattern(pattern);
        log.setRequestAttributesEnabled(requestAttributes);
        ((Host) tomcat.getEngine().findChild("app.internal")).getPipeline().addValve(log);
    }

    private void addHost(String name) {
        StandardHost host = new StandardHost();
        host.setName(name);
        host.setAutoDeploy(false);
        tomcat.getEngine().addChild(host);
        addApplication(host, "");
        addApplication(host, "/app");
    }

    void addApplication(Host host, String path) {
        StandardContext context = (StandardContext) tomcat.addContext(host, path, base.toString());
        context.setClearReferencesRmiTargets(false); // looks into closed packages of the JDK, and says so each time
        context.setClearReferencesThreadLocals(false);
        String name = host.getName() + path;
        add(context, "echo", "/", new HttpServlet() {
            @Override
            protected void service(HttpServletRequest request, HttpServletResponse response) throws IOException {
                String redirect = request.getHeader("X-Test-Redirect");
                if (redirect != null) {
                    response.sendRedirect(redirect);
                    return;
                }
                tell(name, request, response.getWriter());
            }
        });
        add(context, "forward", "/forward", new HttpServlet() {
            @Override
            protected void service(HttpServletRequest request, HttpServletResponse response)
                    throws IOException, jakarta.servlet.ServletException {
                request.getRequestDispatcher("/forwarded-to").forward(request, response);
            }
        });
        add(context, "include", "/include", new HttpServlet() {
            @Override
            protected void service(HttpServletRequest request, HttpServletResponse response)
                    throws IOException, jakarta.servlet.ServletException {
                request.getRequestDispatcher("/included").include(request, response);
            }
        });
        add(context, "error", "/error", new HttpServlet() {
            @Override
            protected void service(HttpServletRequest request, HttpServletResponse response) throws IOException {
                response.sendError(409);
            }
        });
        add(context, "redirect", "/redirect", new HttpServlet() {
            @Override
            protected void service(HttpServletRequest request, HttpServletResponse response) throws IOException {
                response.sendRedirect(request.getContextPath() + "/there");
            }
        });
        add(context, "session", "/session", new HttpServlet() {
            @Override
            protected void service(HttpServletRequest request, HttpServletResponse response) {
                request.getSession(true);
            }
        });
        add(context, "async", "/async", new AsyncServlet());
        add(context, "complete", "/complete", new HttpServlet() {
            @Override
            protected void service(HttpServletRequest request, HttpServletResponse response) {
                AsyncContext async = request.startAsync();
                onThread(() -> tellAndComplete(name, async));
            }
        });
        add(context, "timeout", "/timeout", new HttpServlet() {
            @Override
            protected void service(HttpServletRequest request, HttpServletResponse response) {
                AsyncContext async = request.startAsync();
                async.setTimeout(1);
                async.addListener(new TimeoutListener(() -> tellAndComplete(name, async)));
            }
        });
        ErrorPage page = new ErrorPage();
        page.setErrorCode(409);
        page.setLocation("/error-page");
        context.addErrorPage(page);
    }

    private static void add(Context context, String name, String path, HttpServlet servlet) {
        Wrapper wrapper = Tomcat.addServlet(context, name, servlet);
        wrapper.setAsyncSupported(true);
        wrapper.addMapping(path);
    }

    /** Looks at the request from a thread of its own, then dispatches it to the servlet that tells. */
    private static final class AsyncServlet extends HttpServlet {
        private static final long serialVersionUID = 1;

        @Override
        protected void service(HttpServletRequest request, HttpServletResponse response) {
            AsyncContext async = request.startAsync();
            onThread(() -> {
                request.setAttribute("onThread", request.getRemoteAddr() + ":" + request.getRemotePort());
                async.dispatch("/dispatched-to");
            });
        }
    }

    private static void onThread(Runnable work) {
        Thread thread = new Thread(work);
        thread.setDaemon(true);
        thread.start();
    }

    /** Ends an asynchronous request where it is, without any dispatch. */
    private void tellAndComplete(String application, AsyncContext async) {
        try {
            tell(
                    application,
                    (HttpServletRequest) async.getRequest(),
                    async.getResponse().getWriter());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        async.complete();
    }

    /** Does its work when a request has waited too long. */
    private record TimeoutListener(Runnable work) implements AsyncListener {
        @Override
        public void onTimeout(AsyncEvent event) {
            work.run();
        }

        @Override
        public void onComplete(AsyncEvent event) {}

        @Override
        public void onError(AsyncEvent event) {}

        @Override
        public void onStartAsync(AsyncEvent event) {}
    }

    private void tell(String application, HttpServletRequest request, PrintWriter out) {
        out.println("application=" + application);
        out.println("dispatch=" + request.getDispatcherType());
        out.println("remoteAddr=" + request.getRemoteAddr());
        out.println("remoteHost=" + request.getRemoteHost());
        out.println("remotePort=" + request.getRemotePort());
        out.println("scheme=" + request.getScheme());
        out.println("secure=" + request.isSecure());
        out.println("serverName=" + request.getServerName());
        out.println("serverPort=" + request.getServerPort());
        out.println("url=" + request.getRequestURL());
        out.println("uri=" + request.getRequestURI());
        out.println("contextPath=" + request.getContextPath());
        out.println("protocol=" + request.getProtocol());
        out.println("localName=" + request.getLocalName());
        out.println(
                "localPort=" + (request.getLocalPort() == connector.getLocalPort() ? "own" : request.getLocalPort()));
        for (String attribute : List.of(
                Globals.REQUEST_FORWARDED_ATTRIBUTE,
                Globals.REMOTE_ADDR_ATTRIBUTE,
                AccessLog.REMOTE_ADDR_ATTRIBUTE,
                AccessLog.REMOTE_HOST_ATTRIBUTE,
                AccessLog.PROTOCOL_ATTRIBUTE,
                AccessLog.SERVER_NAME_ATTRIBUTE,
                AccessLog.SERVER_PORT_ATTRIBUTE)) {
            out.println(attribute + "=" + request.getAttribute(attribute));
        }
        out.println("onThread=" + request.getAttribute("onThread"));
        for (String header : Collections.list(request.getHeaderNames())) {
            out.println("header." + header.toLowerCase(java.util.Locale.ROOT) + "="
                    + String.join("|", Collections.list(request.getHeaders(header))));
        }
        Forwarded forwarded = Forwarded.of(request);
        if (forwarded != null) {
            out.println("forwarded.ip=" + forwarded.getIp());
            out.println("forwarded.ips=" + forwarded.getIps());
            out.println("forwarded.peer=" + forwarded.getPeer());
            out.println("forwarded.protocol=" + forwarded.getProtocol());
            out.println("forwarded.secure=" + forwarded.isSecure());
            out.println("forwarded.hostname=" + forwarded.getHostname());
            out.println("forwarded.port=" + forwarded.getPort());
            out.println("forwarded.subdomains=" + forwarded.getSubdomains());
            out.println("forwarded.prefix=" + forwarded.getPrefix());
            out.println("forwarded.host=" + forwarded.getHost());
            out.println("forwarded.reason=" + forwarded.getReason());
        }
    }

    @Override
    public void close() throws LifecycleException {
        tomcat.stop();
        tomcat.destroy();
        org.apache.catalina.startup.ExpandWar.delete(base.toFile());
    }
}
