package dev.clowder.valve;

import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import org.apache.catalina.LifecycleException;
import org.apache.catalina.Valve;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.connector.CoyoteAdapter;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.core.StandardEngine;
import org.apache.catalina.valves.ValveBase;
import org.apache.coyote.ActionCode;
import org.apache.coyote.ActionHook;
import org.apache.coyote.Adapter;
import org.apache.tomcat.util.http.MimeHeaders;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.CompilerControl;
import org.openjdk.jmh.annotations.CompilerControl.Mode;

/**
 * A kept-alive connection without its socket: one pair of Tomcat's request objects, filled and recycled for each
 * request as the protocol layer and the adapter of a connector do it, and handed to one valve of an engine. Header
 * names are in lower case and all header bytes in one buffer, as Tomcat's parser leaves them.
 *
 * <p>What is Tomcat's part is compiled apart from the valve, as it is in Tomcat: a compiler that puts all of it into one
 * method runs out of room there and leaves out other parts for each valve, and then {@code none} could not be taken off.
 */
final class Connection {

    private static final String[] BROWSER = {
        "host", "app.example",
        "user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "accept-language", "en-US,en;q=0.5",
        "accept-encoding", "gzip, deflate, br",
        "cookie", "JSESSIONID=0123456789ABCDEF0123456789ABCDEF",
        "connection", "keep-alive",
    };
    private static final int BROWSER_LINES = BROWSER.length / 2;

    private final org.apache.coyote.Request coyote = new org.apache.coyote.Request();
    private final org.apache.coyote.Response coyoteResponse = new org.apache.coyote.Response();
    private final Connector connector = new Connector();
    private final Adapter adapter;
    private final char[] host = BROWSER[1].toCharArray();
    private final byte[] buffer = new byte[1024];
    private final int[] ends = new int[BROWSER.length];

    /** @param valve what is measured; null for the request alone */
    Connection(String peer, @Nullable ValveBase valve) throws LifecycleException, ReflectiveOperationException {
        ActionHook hook = (action, parameter) -> {
            if (action == ActionCode.REQ_HOST_ADDR_ATTRIBUTE) {
                coyote.remoteAddr().setString(peer);
            } else if (action == ActionCode.REQ_LOCALPORT_ATTRIBUTE) {
                coyote.setLocalPort(8080);
            }
        };
        Method setHook = org.apache.coyote.Request.class.getDeclaredMethod("setHook", ActionHook.class);
        setHook.setAccessible(true);
        setHook.invoke(coyote, hook);
        coyote.setResponse(coyoteResponse);
        connector.getProtocolHandler().setAdapter(new Pipeline(connector, first(valve)));
        if (valve instanceof ForwardedValve forwarded) {
            ForwardingAdapter.install(connector, forwarded);
        }
        adapter = connector.getProtocolHandler().getAdapter();
        int end = 0;
        for (int i = 0; i < BROWSER.length; i++) {
            byte[] text = bytes(BROWSER[i]);
            System.arraycopy(text, 0, buffer, end, text.length);
            end += text.length;
            ends[i] = end;
        }
    }

    private static Valve first(@Nullable ValveBase valve) throws LifecycleException {
        Valve last = new Last();
        if (valve == null) {
            return last;
        }
        valve.setContainer(new StandardEngine());
        valve.start();
        valve.setNext(last);
        return valve;
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }

    /** A request with the headers of a browser and, behind them, those given as names and values in turn. */
    Request serve(byte[]... more) throws Exception {
        fill(more);
        adapter.service(coyote, coyoteResponse);
        return recycle();
    }

    @CompilerControl(Mode.DONT_INLINE)
    private void fill(byte[]... more) {
        MimeHeaders headers = coyote.getMimeHeaders();
        int from = 0;
        for (int i = 0; i < BROWSER_LINES; i++) {
            int middle = ends[2 * i];
            int end = ends[2 * i + 1];
            headers.addValue(buffer, from, middle - from).setBytes(buffer, middle, end - middle);
            from = end;
        }
        for (int i = 0; i < more.length; i += 2) {
            int middle = from + more[i].length;
            int length = more[i + 1].length;
            System.arraycopy(more[i], 0, buffer, from, more[i].length);
            System.arraycopy(more[i + 1], 0, buffer, middle, length);
            headers.addValue(buffer, from, middle - from).setBytes(buffer, middle, length);
            from = middle + length;
        }
        coyote.serverName().setChars(host, 0, host.length);
        coyote.setServerPort(80);
        coyote.protocol().setString("HTTP/1.1");
    }

    @CompilerControl(Mode.DONT_INLINE)
    private Request recycle() {
        Request request = (Request) coyote.getNote(CoyoteAdapter.ADAPTER_NOTES);
        request.recycle();
        coyote.recycle();
        return request;
    }

    /** In place of Tomcat's adapter: what it tells the request before the first valve, without any mapping. */
    private static final class Pipeline extends CoyoteAdapter {

        private final Connector connector;
        private final String scheme;
        private final Valve first;

        Pipeline(Connector connector, Valve first) {
            super(connector);
            this.connector = connector;
            this.scheme = connector.getScheme();
            this.first = first;
        }

        @Override
        @CompilerControl(Mode.DONT_INLINE)
        public void service(org.apache.coyote.Request coyote, org.apache.coyote.Response response) throws Exception {
            Request request = (Request) coyote.getNote(ADAPTER_NOTES);
            if (request == null) {
                request = connector.createRequest(coyote);
                coyote.setNote(ADAPTER_NOTES, request);
            }
            if (coyote.scheme().isNull()) {
                coyote.scheme().setString(scheme);
            } else {
                request.setSecure(coyote.scheme().equals("https"));
            }
            first.invoke(request, null);
        }
    }

    /** In place of the application: asks whom every access log asks. */
    private static final class Last extends ValveBase {

        @Override
        public void invoke(Request request, Response response) {
            if (request.getRemoteAddr() == null) {
                throw new IllegalStateException("no client");
            }
        }
    }
}
