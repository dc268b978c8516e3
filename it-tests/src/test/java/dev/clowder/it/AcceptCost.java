package dev.clowder.it;

import dev.clowder.arquillian.ClowderProcess;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Measures what a connection costs in each accept mode: processor time of the supervisor and all workers (utime and stime
 * of {@code /proc/PID/stat}) for one request over a fresh connection, modes by turns in one run. Not a test; run it on a
 * calm machine. Arguments: clients, connections a round, rounds, modes. The first mode is what the others are compared
 * with.
 */
final class AcceptCost {
    private static final Duration SOON = Duration.ofSeconds(60);
    /** Of Linux on all platforms that matter (USER_HZ). */
    private static final double TICK_MICROS = 10_000;

    private static final int WARM_UP_ROUNDS = 3;

    private AcceptCost() {}

    public static void main(String[] arguments) throws Exception {
        int clients = Integer.parseInt(arguments[0]);
        int connections = Integer.parseInt(arguments[1]);
        int rounds = Integer.parseInt(arguments[2]);
        List<String> modes = Arrays.asList(arguments).subList(3, arguments.length);
        Path files = Files.createTempDirectory("accept-cost");
        Path war = Apps.write(Apps.probe("probe.war"), files);
        List<ClowderProcess> clusters = new ArrayList<>();
        try {
            for (String mode : modes) {
                clusters.add(ClowderProcess.builder()
                        .application("/", war)
                        .root(files)
                        .workers(2)
                        .arguments("--accept", mode)
                        .start());
            }
            for (ClowderProcess cluster : clusters) {
                cluster.awaitReady(SOON);
            }
            measure(clusters, modes, clients, connections, rounds);
        } finally {
            clusters.forEach(ClowderProcess::close);
        }
    }

    private static void measure(
            List<ClowderProcess> clusters, List<String> modes, int clients, int connections, int rounds)
            throws IOException, InterruptedException {
        double[][] cost = new double[modes.size()][rounds];
        for (int round = -WARM_UP_ROUNDS; round < rounds; round++) {
            for (int m = 0; m < modes.size(); m++) {
                ClowderProcess cluster = clusters.get(m);
                long before = ticks(cluster);
                load(cluster.port(), clients, connections);
                double micros = (ticks(cluster) - before) * TICK_MICROS / connections;
                if (round >= 0) {
                    cost[m][round] = micros;
                }
            }
        }
        for (int m = 0; m < modes.size(); m++) {
            double[] ratios = new double[rounds];
            for (int round = 0; round < rounds; round++) {
                ratios[round] = cost[m][round] / cost[0][round];
            }
            System.out.printf(
                    Locale.ROOT,
                    "%-18s %6.1f us a connection (median of %d), %.2f times %s (rounds: %.2f to %.2f)%n",
                    modes.get(m),
                    median(cost[m]),
                    rounds,
                    median(ratios),
                    modes.get(0),
                    Arrays.stream(ratios).min().orElse(0),
                    Arrays.stream(ratios).max().orElse(0));
        }
    }

    private static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return sorted[sorted.length / 2];
    }

    private static long ticks(ClowderProcess cluster) throws IOException {
        long ticks = ticks(cluster.handle());
        for (ProcessHandle worker : cluster.children()) {
            ticks += ticks(worker);
        }
        return ticks;
    }

    private static long ticks(ProcessHandle process) throws IOException {
        String stat = Files.readString(Path.of("/proc", String.valueOf(process.pid()), "stat"));
        // Behind the name, which may hold anything: utime and stime are fields 14 and 15.
        String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
        return Long.parseLong(fields[11]) + Long.parseLong(fields[12]);
    }

    private static void load(int port, int clients, int connections) throws IOException, InterruptedException {
        AtomicInteger left = new AtomicInteger(connections);
        AtomicInteger failed = new AtomicInteger();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < clients; i++) {
            // Enough local ports for many rounds.
            InetAddress from = InetAddress.getByName("127.0.0." + (2 + i));
            Thread client = new Thread(() -> {
                while (left.getAndDecrement() > 0) {
                    try {
                        ask(from, port);
                    } catch (IOException e) {
                        failed.incrementAndGet();
                    }
                }
            });
            client.start();
            threads.add(client);
        }
        for (Thread client : threads) {
            client.join();
        }
        if (failed.get() > 0) {
            throw new IOException(failed + " requests failed");
        }
    }

    private static void ask(InetAddress from, int port) throws IOException {
        try (Socket socket = new Socket()) {
            socket.bind(new InetSocketAddress(from, 0));
            socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
            socket.setSoTimeout((int) SOON.toMillis());
            socket.getOutputStream()
                    .write("GET /worker HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
                            .getBytes(StandardCharsets.US_ASCII));
            byte[] answer = socket.getInputStream().readAllBytes();
            if (!new String(answer, StandardCharsets.US_ASCII).startsWith("HTTP/1.1 200")) {
                throw new IOException("no good answer");
            }
        }
    }
}
