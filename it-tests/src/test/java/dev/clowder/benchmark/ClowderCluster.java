package dev.clowder.benchmark;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.clowder.arquillian.Launcher;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** {@code clowder.jar run} with two workers that share the kernel's queue, and the flags it chooses for them. */
final class ClowderCluster implements Contender {
    private static final Duration COMMAND = Duration.ofMinutes(3);
    private static final long AGAIN_MILLIS = 200;

    private final Launcher launcher;
    private final ProcessBuilder run;
    private final Path runDir;
    private final Path log;
    private final int port;
    private final int tlsPort;
    private @Nullable Process supervisor;

    ClowderCluster(Site site, int heap) throws IOException {
        int[] ports = Site.freePorts(2);
        port = ports[0];
        tlsPort = ports[1];
        launcher = site.launcher();
        runDir = site.directory("run");
        log = runDir.resolveSibling(runDir.getFileName() + ".log");
        List<String> command = new ArrayList<>(List.of(
                launcher.javaHome().resolve("bin/java").toString(),
                "-jar",
                launcher.jar().toString(),
                "run"));
        command.addAll(List.of("--port", String.valueOf(port), "--address", "127.0.0.1"));
        command.addAll(List.of("--workers", String.valueOf(WORKERS), "--accept", "shared"));
        command.addAll(List.of("--run-dir", runDir.toString(), "--stop-on-eof"));
        command.addAll(site.tls().options(tlsPort));
        if (Runtime.getRuntime().availableProcessors() < WORKERS) {
            command.add("--oversubscribe");
        }
        if (heap > 0) {
            command.add("--worker-opts=-Xmx" + heap + "m");
        }
        command.addAll(site.clowderOptions());
        command.add("/=" + site.war());
        run = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
    }

    @Override
    public void start() throws IOException {
        supervisor = run.start();
    }

    private Process started() {
        if (supervisor == null) {
            throw new IllegalStateException("not started");
        }
        return supervisor;
    }

    /** Until all are READY and no class archive is being made. */
    @Override
    public void awaitReady(Duration atMost) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + atMost.toNanos();
        while (System.nanoTime() - deadline < 0 && started().isAlive()) {
            Launcher.Result result = launcher.run(COMMAND, List.of("status", "--json", "--run-dir", runDir.toString()));
            if (result.exitCode() == 0 && isReady(new ObjectMapper().readTree(result.output()))) {
                return;
            }
            TimeUnit.MILLISECONDS.sleep(AGAIN_MILLIS);
        }
        throw new IOException("Clowder is not ready:\n" + Files.readString(log));
    }

    private static boolean isReady(JsonNode status) {
        int ready = 0;
        for (JsonNode worker : status.path("workers")) {
            ready += "READY".equals(worker.path("state").asText()) ? 1 : 0;
        }
        return ready == WORKERS
                && !"making".equals(status.at("/supervisor/classArchive/state").asText());
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
                "supervisor", List.of(started().toHandle()),
                "workers", started().descendants().toList());
    }

    @Override
    public void close() {
        if (supervisor != null) {
            NodeCluster.end(supervisor);
        }
    }
}
