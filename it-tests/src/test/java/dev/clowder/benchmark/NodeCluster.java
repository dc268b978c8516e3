package dev.clowder.benchmark;

import dev.clowder.arquillian.RealProxy;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Node's {@code cluster} with two workers, as Node's documentation shows it. */
final class NodeCluster implements Contender {
    private static final Duration STOPPED_WITHIN = Duration.ofSeconds(30);
    private static final long AGAIN_MILLIS = 20;

    private final ProcessBuilder run;
    private final Path log;
    private final int port;
    private final int tlsPort;
    private @Nullable Process primary;

    NodeCluster(Site site, int heap) throws IOException {
        int[] ports = Site.freePorts(2);
        port = ports[0];
        tlsPort = ports[1];
        log = site.directory("node").resolve("output");
        List<String> command = new ArrayList<>(List.of(RealProxy.find("node")));
        if (heap > 0) {
            command.add("--max-old-space-size=" + heap);
        }
        command.add(site.script().toString());
        command.addAll(List.of(String.valueOf(port), String.valueOf(tlsPort)));
        command.addAll(List.of(site.tls().chain().toString(), site.tls().key().toString()));
        run = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
        run.environment().put("NODE_ENV", "production");
    }

    @Override
    public void start() throws IOException {
        primary = run.start();
    }

    private Process started() {
        if (primary == null) {
            throw new IllegalStateException("not started");
        }
        return primary;
    }

    /** Until there are two; the first answer comes from one that listens, and the second is as far after half a second. */
    @Override
    public void awaitReady(Duration atMost) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + atMost.toNanos();
        while (started().descendants().count() < WORKERS) {
            if (System.nanoTime() - deadline > 0 || !started().isAlive()) {
                throw new IOException("Node is not ready: " + Files.readString(log));
            }
            TimeUnit.MILLISECONDS.sleep(AGAIN_MILLIS);
        }
        TimeUnit.MILLISECONDS.sleep(500);
    }

    @Override
    public int port() {
        return port;
    }

    @Override
    public int tlsPort() {
        return tlsPort;
    }

    @Override
    public Map<String, List<ProcessHandle>> processes() {
        return Map.of(
                "primary", List.of(started().toHandle()),
                "workers", started().descendants().toList());
    }

    @Override
    public void close() {
        if (primary != null) {
            end(primary);
        }
    }

    /** Asks a process to stop, and kills it and its children if it does not. */
    static void end(Process process) {
        List<ProcessHandle> children = process.descendants().toList();
        process.destroy();
        try {
            process.waitFor(STOPPED_WITHIN.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            children.forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
        }
    }
}
