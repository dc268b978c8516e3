package dev.clowder.benchmark;

import dev.clowder.arquillian.RealProxy;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Node's {@code cluster} with two workers, as Node's documentation shows it. */
final class NodeCluster implements Contender {
    private static final long AGAIN_MILLIS = 20;
    /** For the second, which was started together with the one that has answered. */
    private static final long SECOND_MILLIS = 500;

    private final Ports ports = Ports.free();
    private final Program node;

    NodeCluster(Site site, int heap) throws IOException {
        List<String> command = new ArrayList<>(List.of(RealProxy.find("node")));
        if (heap > 0) {
            command.add("--max-old-space-size=" + heap);
        }
        command.add(site.script().toString());
        command.addAll(List.of(String.valueOf(ports.plain()), String.valueOf(ports.tls())));
        command.addAll(List.of(site.tls().chain().toString(), site.tls().key().toString()));
        node = new Program(command, site.directory("node").resolve("output"));
    }

    @Override
    public void start() throws IOException {
        node.start();
    }

    @Override
    public void awaitReady(Duration atMost) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + atMost.toNanos();
        while (node.others().size() < WORKERS) {
            if (System.nanoTime() - deadline > 0 || !node.isAlive()) {
                throw new IOException("Node is not ready: " + node.output());
            }
            TimeUnit.MILLISECONDS.sleep(AGAIN_MILLIS);
        }
        TimeUnit.MILLISECONDS.sleep(SECOND_MILLIS);
    }

    @Override
    public boolean isAlive() {
        return node.isAlive();
    }

    @Override
    public Ports ports() {
        return ports;
    }

    @Override
    public Map<String, List<ProcessHandle>> processes() {
        return Map.of("primary", List.of(node.handle()), "workers", node.others());
    }

    @Override
    public void close() {
        node.close();
    }
}
