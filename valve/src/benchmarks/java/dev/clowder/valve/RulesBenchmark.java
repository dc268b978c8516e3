package dev.clowder.valve;

import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.apache.catalina.connector.Request;
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
 * What many rules cost. Each request comes over two proxies, each covered by another rule than those of the request
 * before: {@code spread} over the whole address space, or {@code dense}, side by side as the machines of one network.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 15, time = 300, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 300, time = 5, timeUnit = TimeUnit.MILLISECONDS)
@Fork(value = 2, jvmArgsAppend = {"-Xbatch", "-Xms512m", "-Xmx512m"})
public class RulesBenchmark {

    private static final int CHAINS = 1024;

    @Param({"10", "100000"})
    int rules;

    @Param({"spread", "dense"})
    String ranges;

    private Connection connection;
    private byte[][][] headers;
    private int next;

    @Setup
    public void start() throws Exception {
        StringBuilder trust = new StringBuilder("127.0.0.1");
        for (int i = 1; i < rules; i++) {
            trust.append(',').append(proxy(i));
        }
        ForwardedValve valve = new ForwardedValve();
        valve.setTrust(trust.toString());
        connection = new Connection("127.0.0.1", valve);
        Random random = new Random(7);
        headers = new byte[CHAINS][][];
        for (int i = 0; i < CHAINS; i++) {
            String chain = "203.0.113." + (1 + i % 254) + ", " + proxy(1 + random.nextInt(rules - 1)) + ", "
                    + proxy(1 + random.nextInt(rules - 1));
            headers[i] = new byte[][] {Connection.bytes("x-forwarded-for"), Connection.bytes(chain)};
        }
    }

    /** The address of a rule; an odd factor makes them all different. */
    private String proxy(int rule) {
        int address = ranges.equals("dense") ? (10 << 24) + 2 * rule : (1 << 24) + (int) (rule * 30011L % (100L << 24));
        return (address >>> 24) + "." + (address >>> 16 & 0xff) + "." + (address >>> 8 & 0xff) + "." + (address & 0xff);
    }

    @Benchmark
    public Request request() throws Exception {
        next = (next + 1) % CHAINS;
        return connection.serve(headers[next]);
    }
}
