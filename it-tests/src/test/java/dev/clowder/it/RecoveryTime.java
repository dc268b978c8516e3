package dev.clowder.it;

import static org.awaitility.Awaitility.await;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.it.HttpConnection.Worker;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Measures how long it takes from the SIGKILL of one of two workers until the next one answers its first request: of
 * Clowder with a small application, of Node's own {@code cluster} and of PM2, by turns in one run, without other load. Not
 * a test; run it on a calm machine. Arguments: rounds, {@code node-cluster.js}, and the {@code pm2} command if there is one.
 */
final class RecoveryTime {
    private static final Duration SOON = Duration.ofSeconds(60);
    /** One that dies sooner than 10 s after it was ready is not replaced at once. */
    private static final long STABLE_SECONDS = 11;

    private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(2);

    private RecoveryTime() {}

    /** One that is measured. */
    private interface Contender extends AutoCloseable {
        int port();

        /** Of the process that is this worker. */
        long pid(Worker worker) throws Exception;

        @Override
        void close() throws IOException;
    }

    public static void main(String[] arguments) throws Exception {
        int rounds = Integer.parseInt(arguments[0]);
        Path files = Files.createTempDirectory("recovery-time");
        List<String> names = new ArrayList<>(List.of("clowder", "node cluster"));
        List<Contender> contenders = new ArrayList<>();
        try {
            contenders.add(new Clowder(files));
            contenders.add(new Node(arguments[1]));
            if (arguments.length > 2) {
                names.add("pm2");
                contenders.add(new Pm2(arguments[2], arguments[1], files));
            }
            double[][] seconds = new double[contenders.size()][rounds];
            for (int round = 0; round < rounds; round++) {
                TimeUnit.SECONDS.sleep(STABLE_SECONDS);
                for (int c = 0; c < contenders.size(); c++) {
                    seconds[c][round] = recover(contenders.get(c));
                }
            }
            for (int c = 0; c < contenders.size(); c++) {
                Arrays.sort(seconds[c]);
                System.out.printf(
                        Locale.ROOT,
                        "%-13s kill -9 to first answer of the next worker: median of %d %.3f s (%.3f to %.3f)%n",
                        names.get(c),
                        rounds,
                        seconds[c][rounds / 2],
                        seconds[c][0],
                        seconds[c][rounds - 1]);
            }
        } finally {
            for (Contender contender : contenders) {
                contender.close();
            }
        }
    }

    private static double recover(Contender contender) throws Exception {
        Set<Worker> known = new HashSet<>();
        await("both serve").pollDelay(Duration.ZERO).atMost(SOON).until(() -> {
            known.add(ask(contender));
            return known.size() >= 2;
        });
        Worker victim = ask(contender);
        ProcessHandle process = ProcessHandle.of(contender.pid(victim)).orElseThrow();
        long killed = System.nanoTime();
        process.destroyForcibly();
        while (System.nanoTime() - killed < SOON.toNanos()) {
            try {
                if (!known.contains(ask(contender))) {
                    return (System.nanoTime() - killed) / 1e9;
                }
            } catch (IOException e) {
                // The victim had this connection.
            }
            LockSupport.parkNanos(PAUSE_NANOS);
        }
        throw new IOException("no new worker within " + SOON.toSeconds() + " s");
    }

    private static Worker ask(Contender contender) throws IOException {
        return HttpConnection.fresh(contender.port(), "/worker", "Connection: close")
                .worker();
    }

    private static final class Clowder implements Contender {
        private final ClowderProcess cluster;

        Clowder(Path files) throws IOException, InterruptedException {
            Path war = Apps.write(Apps.probe("probe.war"), files);
            cluster = ClowderProcess.builder().application("/", war).root(files).start();
            cluster.awaitReady(SOON);
        }

        @Override
        public int port() {
            return cluster.port();
        }

        @Override
        public long pid(Worker worker) throws IOException, InterruptedException {
            return cluster.status().worker(worker.slot()).pid();
        }

        @Override
        public void close() {
            cluster.close();
        }
    }

    private static final class Node implements Contender {
        private final int port = freePort();
        private final Process process;

        Node(String script) throws IOException {
            process = quietly(new ProcessBuilder("node", script, String.valueOf(port)))
                    .start();
            awaitAnswer(this);
        }

        @Override
        public int port() {
            return port;
        }

        @Override
        public long pid(Worker worker) {
            return worker.id();
        }

        @Override
        public void close() {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
        }
    }

    /** A daemon of its own, with its files in our directory. */
    private static final class Pm2 implements Contender {
        private final int port = freePort();
        private final String command;
        private final Path home;

        Pm2(String command, String script, Path files) throws IOException, InterruptedException {
            this.command = command;
            home = Files.createDirectory(files.resolve("pm2"));
            run("start", script, "-i", "2", "--", String.valueOf(port));
            awaitAnswer(this);
        }

        private void run(String... arguments) throws IOException, InterruptedException {
            List<String> all = new ArrayList<>(List.of(command));
            all.addAll(List.of(arguments));
            ProcessBuilder builder = quietly(new ProcessBuilder(all));
            builder.environment().putAll(Map.of("PM2_HOME", home.toString(), "PM2_DISABLE_VERSION_CHECK", "true"));
            if (builder.start().waitFor() != 0) {
                throw new IOException("pm2 " + arguments[0] + " failed");
            }
        }

        @Override
        public int port() {
            return port;
        }

        @Override
        public long pid(Worker worker) {
            return worker.id();
        }

        @Override
        public void close() throws IOException {
            try {
                run("kill");
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private static ProcessBuilder quietly(ProcessBuilder builder) {
        return builder.redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.DISCARD);
    }

    private static void awaitAnswer(Contender contender) {
        await("an answer").atMost(SOON).ignoreExceptions().until(() -> ask(contender) != null);
    }

    private static int freePort() {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }
}
