package dev.clowder.valve;

import java.util.concurrent.TimeUnit;
import org.apache.catalina.connector.Request;
import org.apache.catalina.valves.RemoteIpValve;
import org.apache.catalina.valves.ValveBase;
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
 * What a valve adds to a request. Each call also makes the request ready and recycles it; the valve {@code none} shows
 * what that alone costs and is to be taken off. The client is another one with each request, as behind any proxy that
 * keeps its connections, and comes again after 256.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 15, time = 300, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 300, time = 5, timeUnit = TimeUnit.MILLISECONDS)
@Fork(value = 2, jvmArgsAppend = {"-Xbatch", "-Xms512m", "-Xmx512m"})
public class ValveBenchmark {

    private static final int CLIENTS = 256;
    private static final int MANY_CLIENTS = 128 * CLIENTS;

    /** {@code compatible}: ForwardedValve with an attribute of RemoteIpValve, so that it stands in for it. */
    @Param({"none", "RemoteIpValve", "ForwardedValve", "compatible"})
    String valve;

    /** {@code new}: one member as in {@code one}, but each client only once in a while, so that none is a recent one. */
    @Param({"untrusted", "absent", "one", "three", "new"})
    String header;

    private Connection connection;
    private byte[][][] headers;
    private int next;

    @Setup
    public void start() throws Exception {
        connection = new Connection(header.equals("untrusted") ? "198.51.100.9" : "10.1.1.3", valve());
        headers = new byte[header.equals("new") ? MANY_CLIENTS : CLIENTS][][];
        for (int i = 0; i < headers.length; i++) {
            String client = "203." + i / CLIENTS + "." + (100 + i % 13) + "." + i % CLIENTS;
            String chain = header.equals("three") ? client + ", 10.1.1.1, 10.1.1.2" : client;
            headers[i] = header.equals("absent")
                    ? new byte[0][]
                    : new byte[][] {Connection.bytes("x-forwarded-for"), Connection.bytes(chain)};
        }
    }

    /** All of them trust the same addresses: the default of RemoteIpValve. */
    private ValveBase valve() {
        switch (valve) {
            case "RemoteIpValve" -> {
                return new RemoteIpValve();
            }
            case "ForwardedValve" -> {
                ForwardedValve own = new ForwardedValve();
                own.setTrust(RemoteIpRules.INTERNAL_PROXIES);
                return own;
            }
            case "compatible" -> {
                ForwardedValve compatible = new ForwardedValve();
                compatible.setRemoteIpHeader("X-Forwarded-For");
                return compatible;
            }
            default -> {
                return null;
            }
        }
    }

    @Benchmark
    public Request request() throws Exception {
        next = (next + 1) % headers.length;
        return connection.serve(headers[next]);
    }
}
