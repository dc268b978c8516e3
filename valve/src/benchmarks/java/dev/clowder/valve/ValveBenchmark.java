package dev.clowder.valve;

import java.io.IOException;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import jakarta.servlet.ServletException;
import org.apache.catalina.LifecycleException;
import org.apache.catalina.Valve;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.startup.Tomcat;
import org.apache.catalina.valves.RemoteIpValve;
import org.apache.catalina.valves.ValveBase;
import org.apache.coyote.ActionHook;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What a valve adds to a request. Each call also makes the request ready, as the connector does; the valve {@code none}
 * shows what that alone costs and is to be taken off.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 4, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class ValveBenchmark {

    @Param({"none", "RemoteIpValve", "ForwardedValve", "inPlaceOfRemoteIpValve"})
    String valve;

    /** Members of X-Forwarded-For; -1 for a peer that is not trusted and sends one. */
    @Param({"0", "1", "3", "-1"})
    int members;

    private final org.apache.coyote.Request coyote = new org.apache.coyote.Request();
    private final byte[][] headers = {
        bytes("Host"), bytes("app.example"),
        bytes("User-Agent"), bytes("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
        bytes("Accept"), bytes("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
        bytes("Accept-Language"), bytes("en-US,en;q=0.5"),
        bytes("Accept-Encoding"), bytes("gzip, deflate, br"),
        bytes("Cookie"), bytes("JSESSIONID=0123456789ABCDEF0123456789ABCDEF"),
        bytes("Connection"), bytes("keep-alive"),
    };
    private final byte[] name = bytes("X-Forwarded-For");
    private byte[] chain;
    private String peer;
    private Request request;
    private Valve subject;

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }

    @Setup
    public void start() throws LifecycleException, ReflectiveOperationException {
        Connector connector = new Connector();
        Method setHook = org.apache.coyote.Request.class.getDeclaredMethod("setHook", ActionHook.class);
        setHook.setAccessible(true);
        setHook.invoke(coyote, (ActionHook) (action, parameter) -> {});
        request = new Request(connector, coyote);
        subject = switch (valve) {
            case "RemoteIpValve" -> new RemoteIpValve();
            case "ForwardedValve" -> forwarded("loopback, linklocal, uniquelocal, 100.64.0.0/10");
            case "inPlaceOfRemoteIpValve" -> forwarded(null);
            default -> null;
        };
        Valve last = new Last();
        if (subject == null) {
            subject = last;
        } else {
            ((ValveBase) subject).setContainer(new Tomcat().getHost());
            ((ValveBase) subject).start();
            subject.setNext(last);
        }
        chain = switch (members) {
            case 1, -1 -> bytes("203.0.113.7");
            case 3 -> bytes("203.0.113.7, 10.1.1.1, 10.1.1.2");
            default -> null;
        };
        peer = members < 0 ? "198.51.100.9" : "127.0.0.1";
    }

    private static ForwardedValve forwarded(String trust) {
        ForwardedValve valve = new ForwardedValve();
        if (trust == null) {
            valve.setRemoteIpHeader("X-Forwarded-For");
        } else {
            valve.setTrust(trust);
        }
        return valve;
    }

    @Benchmark
    public Request request() throws IOException, ServletException {
        request.recycle();
        coyote.recycle();
        for (int i = 0; i < headers.length; i += 2) {
            add(headers[i], headers[i + 1]);
        }
        if (chain != null) {
            add(name, chain);
        }
        coyote.scheme().setString("http");
        coyote.serverName().setBytes(headers[1], 0, headers[1].length);
        coyote.setServerPort(80);
        request.setRemoteAddr(peer);
        subject.invoke(request, null);
        return request;
    }

    private void add(byte[] header, byte[] value) {
        coyote.getMimeHeaders().addValue(header, 0, header.length).setBytes(value, 0, value.length);
    }

    private static final class Last extends ValveBase {
        @Override
        public void invoke(Request request, Response response) {}
    }
}
