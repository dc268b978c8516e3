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
 * What many rules cost. Each request comes over two proxies, others than those of the request before: {@code spread} over
 * the address space, or {@code dense}, side by side as the machines of one network; IPv4 addresses, or IPv6 ones. The
 * requests are the same however many rules there are: 100,000 rules name each machine, few name their network and some
 * machines. Without rules there is no valve: what that costs is to be taken off for the valve alone.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 15, time = 300, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 300, time = 5, timeUnit = TimeUnit.MILLISECONDS)
@Fork(value = 2, jvmArgsAppend = {"-Xbatch", "-Xms512m", "-Xmx512m"})
public class RulesBenchmark {

    private static final int CHAINS = 1024;
    private static final int ADDRESSES = 100_000;

    @Param({"0", "10", "100000"})
    int rules;

    @Param({"spread", "dense", "spread6", "dense6"})
    String ranges;

    private Connection connection;
    private byte[][][] headers;
    private int next;

    @Setup
    public void start() throws Exception {
        StringBuilder trust = new StringBuilder("127.0.0.1");
        int named = rules;
        if (rules < ADDRESSES) {
            trust.append(',').append(network());
            named--;
        }
        for (int i = 1; i < named; i++) {
            trust.append(',').append(proxy(i));
        }
        ForwardedValve valve = new ForwardedValve();
        valve.setTrust(trust.toString());
        connection = new Connection("127.0.0.1", rules == 0 ? null : valve);
        Random random = new Random(7);
        headers = new byte[CHAINS][][];
        for (int i = 0; i < CHAINS; i++) {
            String chain = "203.0.113." + (1 + i % 254) + ", " + proxy(1 + random.nextInt(ADDRESSES - 1)) + ", "
                    + proxy(1 + random.nextInt(ADDRESSES - 1));
            headers[i] = new byte[][] {Connection.bytes("x-forwarded-for"), Connection.bytes(chain)};
        }
    }

    /** The address of a rule; an odd factor makes them all different. */
    private String proxy(int rule) {
        return switch (ranges) {
            case "dense" -> v4((10 << 24) + 2 * rule);
            case "dense6" -> "2001:db8::" + Integer.toHexString(rule >> 15) + ":" + Integer.toHexString(2 * rule & 0xffff);
            case "spread6" -> {
                int net = (int) (rule * 30011L % (1L << 28));
                yield "2" + Integer.toHexString(0x1000 + (net >> 16)).substring(1) + ":"
                        + Integer.toHexString(net & 0xffff) + "::1";
            }
            default -> v4((1 << 24) + (int) (rule * 30011L % (100L << 24)));
        };
    }

    /** All of those addresses. */
    private String network() {
        return switch (ranges) {
            case "dense" -> "10.0.0.0/8";
            case "dense6" -> "2001:db8::/32";
            case "spread6" -> "2000::/4";
            default -> "0.0.0.0/1";
        };
    }

    private static String v4(int address) {
        return (address >>> 24) + "." + (address >>> 16 & 0xff) + "." + (address >>> 8 & 0xff) + "." + (address & 0xff);
    }

    @Benchmark
    public Request request() throws Exception {
        next = (next + 1) % CHAINS;
        return connection.serve(headers[next]);
    }
}
