package dev.clowder.valve;

import static dev.clowder.valve.LiveServer.valve;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.management.ThreadMXBean;
import dev.clowder.valve.LiveServer.Level;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.reflect.Method;
import java.util.Collections;
import java.util.List;
import org.apache.catalina.Context;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.connector.CoyoteAdapter;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.core.StandardEngine;
import org.apache.catalina.startup.Tomcat;
import org.apache.catalina.valves.ValveBase;
import org.apache.coyote.ActionCode;
import org.apache.coyote.ActionHook;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The attribute {@code forwarded} is one like any other, wherever it is kept, and costs nothing where that is our request. */
class ForwardedRequestTest {

    private static final String PROXY = "127.0.0.1";

    @ParameterizedTest
    @EnumSource(Level.class)
    void anApplicationFindsReplacesAndRemovesIt(Level level) throws Exception {
        LiveServer server = new LiveServer();
        server.add(level, valve("trust", PROXY));
        Context root = (Context) server.container(Level.CONTEXT, "");
        Tomcat.addServlet(root, "attributes", new AttributesServlet()).addMapping("/attributes");
        server.start();
        try (server;
                RawClient client = new RawClient(PROXY, server.port())) {
            for (int i = 0; i < 3; i++) {
                RawClient.Reply reply = client.get("/attributes", "X-Forwarded-For: 203.0.113." + i);

                assertThat(reply.seen("named")).isEqualTo("1");
                assertThat(reply.seen("found")).isEqualTo("203.0.113." + i);
                assertThat(reply.seen("replaced")).isEqualTo("mine 1");
                assertThat(reply.seen("removed")).isEqualTo("null 0");
                assertThat(reply.seen("nulled")).isEqualTo("null 0");
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Level.class)
    void whatAnApplicationMadeOfItIsNotThereInTheNextRequest(Level level) throws Exception {
        LiveServer server = new LiveServer();
        server.add(level, valve("trust", PROXY));
        Context root = (Context) server.container(Level.CONTEXT, "");
        HttpServlet replacing = new HttpServlet() {
            private static final long serialVersionUID = 1;

            @Override
            protected void service(HttpServletRequest request, HttpServletResponse response) {
                request.setAttribute(Forwarded.ATTRIBUTE, "mine");
            }
        };
        Tomcat.addServlet(root, "replacing", replacing).addMapping("/replacing");
        server.start();
        try (server;
                RawClient client = new RawClient(PROXY, server.port())) {
            client.get("/replacing", "X-Forwarded-For: 203.0.113.7");
            assertThat(client.get("/").seen("forwarded.reason")).isEqualTo("NO_HEADER");
            assertThat(client.get("/", "X-Forwarded-For: 203.0.113.8").seen("forwarded.ip"))
                    .isEqualTo("203.0.113.8");
        }
    }

    @Test
    void aConnectorOfAClassOfItsOwnKeepsItsRequests() throws Exception {
        assumeTrue(TomcatLineTest.line().equals("11.0"), "requests of our own are there in 11.0 only");
        org.apache.coyote.Request coyote = new org.apache.coyote.Request();
        org.apache.coyote.Response coyoteResponse = new org.apache.coyote.Response();
        ForwardedRequest.make(new Connector() {}, coyote, coyoteResponse);
        assertThat(coyote.getNote(CoyoteAdapter.ADAPTER_NOTES)).isNull();
        ForwardedRequest.make(new Connector(), coyote, coyoteResponse);
        assertThat(coyote.getNote(CoyoteAdapter.ADAPTER_NOTES)).isInstanceOf(ForwardedRequest.class);
        // Up to 11.0.22 nobody else says so.
        org.apache.coyote.Request latin = new org.apache.coyote.Request();
        Connector latinConnector = new Connector();
        latinConnector.setURIEncoding("ISO-8859-1");
        ForwardedRequest.make(latinConnector, latin, new org.apache.coyote.Response());
        latin.queryString().setString("q=%E9");
        latin.getParameters().handleQueryParameters();
        assertThat(latin.getParameters().getParameter("q")).isEqualTo("é");
        Object first = coyote.getNote(CoyoteAdapter.ADAPTER_NOTES);
        ForwardedRequest.make(new Connector(), coyote, coyoteResponse);
        assertThat(coyote.getNote(CoyoteAdapter.ADAPTER_NOTES)).isSameAs(first);
    }

    @Test
    void requestsAndResponsesKnowEachOtherAsThoseThatTomcatMakes() throws Exception {
        try (LiveServer server = new LiveServer()) {
            Seen seen = new Seen();
            server.add(Level.ENGINE, valve("trust", PROXY));
            server.add(Level.ENGINE, seen);
            server.start();
            try (RawClient client = new RawClient(PROXY, server.port())) {
                client.get("/");
            }
            assertThat(seen.request).isNotNull();
            assertThat(seen.request instanceof ForwardedRequest)
                    .isEqualTo(TomcatLineTest.line().equals("11.0"));
            assertThat(seen.linked).isTrue();
        }
    }

    /** The whole way through adapter and valve; what Tomcat itself needs for each request is not in it. */
    @Test
    void aRequestWithoutAHeaderOrFromAnUntrustedPeerCostsNoByte() throws Exception {
        assumeTrue(TomcatLineTest.line().equals("11.0"), "the entry of Tomcat's map costs 32 bytes in 10.1");
        assertThat(bytes(true, PROXY)).isEqualTo(bytes(false, PROXY));
        String[] header = {"x-forwarded-for", "203.0.113.7"};
        assertThat(bytes(true, "192.0.2.1", header)).isEqualTo(bytes(false, "192.0.2.1", header));
    }

    private static long bytes(boolean judged, String peer, String... header) throws Exception {
        org.apache.coyote.Request coyote = new org.apache.coyote.Request();
        org.apache.coyote.Response coyoteResponse = new org.apache.coyote.Response();
        coyote.setResponse(coyoteResponse);
        ActionHook hook = (action, parameter) -> {
            if (action == ActionCode.REQ_HOST_ADDR_ATTRIBUTE) {
                coyote.remoteAddr().setString(peer);
            }
        };
        Method setHook = org.apache.coyote.Request.class.getDeclaredMethod("setHook", ActionHook.class);
        setHook.setAccessible(true);
        setHook.invoke(coyote, hook);
        ForwardedValve valve = valve("trust", PROXY);
        valve.setContainer(new StandardEngine());
        valve.start();
        Seen last = new Seen();
        valve.setNext(last);
        Connector connector = new Connector();
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long thread = Thread.currentThread().getId();
        int requests = 10_000;
        long allocated = 0;
        for (int round = 0; round < 3; round++) {
            long before = threads.getThreadAllocatedBytes(thread);
            for (int i = 0; i < requests; i++) {
                coyote.serverName().setString("app.internal");
                for (int at = 0; at < header.length; at += 2) {
                    coyote.getMimeHeaders().addValue(header[at]).setString(header[at + 1]);
                }
                ForwardedRequest.make(connector, coyote, coyoteResponse);
                Request request = (Request) coyote.getNote(CoyoteAdapter.ADAPTER_NOTES);
                if (judged) {
                    valve.judgeBeforeMapping(coyote, connector);
                    valve.invoke(request, request.getResponse());
                } else {
                    last.invoke(request, request.getResponse());
                }
                request.recycle();
                coyote.recycle();
            }
            allocated = threads.getThreadAllocatedBytes(thread) - before;
        }
        valve.stop();
        assertThat(last.request).isNotNull();
        return allocated / requests;
    }

    /** Keeps what it has seen last. */
    private static final class Seen extends ValveBase {
        private volatile Request request;
        private volatile boolean linked;

        Seen() {
            super(true);
        }

        @Override
        public void invoke(Request seen, Response response) throws IOException, jakarta.servlet.ServletException {
            request = seen;
            linked = response == seen.getResponse() && response.getRequest() == seen;
            if (getNext() != null) {
                getNext().invoke(seen, response);
            }
        }
    }

    /** Tells of the attribute before and after it changes it. */
    private static final class AttributesServlet extends HttpServlet {
        private static final long serialVersionUID = 1;

        @Override
        protected void service(HttpServletRequest request, HttpServletResponse response) throws IOException {
            Forwarded forwarded = (Forwarded) request.getAttribute(Forwarded.ATTRIBUTE);
            StringBuilder told = new StringBuilder("named=" + named(request) + "\n");
            told.append("found=").append(forwarded.getIp()).append('\n');
            request.setAttribute(Forwarded.ATTRIBUTE, "mine");
            told.append("replaced=").append(seen(request)).append('\n');
            request.removeAttribute(Forwarded.ATTRIBUTE);
            told.append("removed=").append(seen(request)).append('\n');
            request.setAttribute(Forwarded.ATTRIBUTE, forwarded);
            request.setAttribute(Forwarded.ATTRIBUTE, null);
            told.append("nulled=").append(seen(request)).append('\n');
            response.getWriter().print(told);
        }

        private static String seen(HttpServletRequest request) {
            return request.getAttribute(Forwarded.ATTRIBUTE) + " " + named(request);
        }

        private static long named(HttpServletRequest request) {
            List<String> names = Collections.list(request.getAttributeNames());
            return names.stream().filter(Forwarded.ATTRIBUTE::equals).count();
        }
    }
}
