package dev.clowder.launcher.proxy;

import dev.clowder.valve.ForwardedValve;
import dev.clowder.valve.ProxyHttp11NioProtocol;
import jakarta.servlet.AsyncContext;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import jakarta.websocket.OnMessage;
import jakarta.websocket.server.ServerEndpoint;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Set;
import org.apache.catalina.Context;
import org.apache.catalina.LifecycleException;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.startup.Tomcat;
import org.apache.tomcat.websocket.server.WsSci;

/** A Tomcat with the valve, and with a second connector that takes only connections with a PROXY header. */
final class TargetServer implements AutoCloseable {
    private final Tomcat tomcat = new Tomcat();
    private final Connector plain = new Connector();
    private final Connector proxied = new Connector(new ProxyHttp11NioProtocol());

    TargetServer(Path directory, String headers) throws LifecycleException {
        tomcat.setBaseDir(directory.toString());
        for (Connector connector : new Connector[] {plain, proxied}) {
            connector.setPort(0);
            connector.setProperty("address", "127.0.0.1");
            tomcat.getService().addConnector(connector);
        }
        tomcat.setConnector(plain);
        proxied.setProperty("proxyProtocol", "required");
        ForwardedValve valve = new ForwardedValve();
        valve.setHeaders(headers);
        tomcat.getEngine().getPipeline().addValve(valve);
        Context context = tomcat.addContext("", directory.toString());
        add(context, "details", "/*", new Details());
        add(context, "echo", "/echo", new Echo());
        add(context, "events", "/events", new Events());
        context.addServletContainerInitializer(new WsSci(), Set.of(EchoEndpoint.class));
        tomcat.start();
    }

    private static void add(Context context, String name, String path, HttpServlet servlet) {
        Tomcat.addServlet(context, name, servlet).setAsyncSupported(true);
        context.addServletMapping(path, name);
    }

    InetSocketAddress plain() {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), plain.getLocalPort());
    }

    InetSocketAddress proxied() {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), proxied.getLocalPort());
    }

    @Override
    public void close() throws LifecycleException {
        tomcat.stop();
        tomcat.destroy();
    }

    /** What the application sees. */
    private static final class Details extends HttpServlet {
        private static final long serialVersionUID = 1;

        @Override
        protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
            response.setContentType("text/plain");
            response.getWriter()
                    .printf(
                            "%s %s %s %d%n",
                            request.getRemoteAddr(),
                            request.getScheme(),
                            request.getServerName(),
                            request.getServerPort());
            response.getWriter().println(request.getRemotePort());
            response.getWriter().println(Collections.list(request.getHeaderNames()));
        }
    }

    /** What was sent. */
    private static final class Echo extends HttpServlet {
        private static final long serialVersionUID = 1;

        @Override
        protected void doPost(HttpServletRequest request, HttpServletResponse response) throws IOException {
            request.getInputStream().transferTo(response.getOutputStream());
        }
    }

    /** One event, and then nothing until the request {@code /events?end}. */
    private static final class Events extends HttpServlet {
        private static final long serialVersionUID = 1;
        private transient AsyncContext waiting;

        @Override
        protected synchronized void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
            if (request.getQueryString() != null) {
                waiting.complete();
                return;
            }
            response.setContentType("text/event-stream");
            response.getOutputStream().print("data: one\n\n");
            response.flushBuffer();
            waiting = request.startAsync();
            waiting.setTimeout(0);
        }
    }

    /** Says everything again. */
    @ServerEndpoint("/websocket")
    public static final class EchoEndpoint {
        @OnMessage
        public String echo(String text) {
            return text;
        }
    }
}
