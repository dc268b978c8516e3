package dev.clowder.benchmark;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.clowder.arquillian.Launcher;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** {@code clowder.jar run} with two workers that share the kernel's queue, and the flags it chooses for them. */
final class ClowderCluster implements Contender {
    private static final Duration COMMAND = Duration.ofMinutes(3);
    private static final long AGAIN_MILLIS = 200;

    private final Ports ports = Ports.free();
    private final Launcher launcher;
    private final Path runDir;
    private final Program clowder;

    /** @param options further ones of {@code run} */
    ClowderCluster(Site site, int heap, List<String> options) throws IOException {
        launcher = site.launcher();
        runDir = site.directory("run");
        List<String> command = new ArrayList<>(List.of(
                launcher.javaHome().resolve("bin/java").toString(),
                "-jar",
                launcher.jar().toString(),
                "run"));
        command.addAll(List.of("--port", String.valueOf(ports.plain()), "--address", "127.0.0.1"));
        command.addAll(List.of("--workers", String.valueOf(WORKERS)));
        if (!options.contains("--accept") && !site.clowderOptions().contains("--accept")) {
            command.addAll(List.of("--accept", "shared"));
        }
        command.addAll(List.of("--run-dir", runDir.toString(), "--stop-on-eof"));
        command.addAll(site.tls().options(ports.tls()));
        if (Runtime.getRuntime().availableProcessors() < WORKERS && !options.contains("--oversubscribe")) {
            command.add("--oversubscribe");
        }
        if (heap > 0) {
            command.add("--worker-opts=-Xmx" + heap + "m");
        }
        command.addAll(site.clowderOptions());
        command.addAll(options);
        command.add("/=" + site.war());
        clowder = new Program(command, site.directory("clowder").resolve("output"));
    }

    @Override
    public void start() throws IOException {
        clowder.start();
    }

    /** Until all are READY, a spare too, and no class archive is being made. */
    @Override
    public void awaitReady(Duration atMost) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + atMost.toNanos();
        while (System.nanoTime() - deadline < 0 && clowder.isAlive()) {
            Launcher.Result result = launcher.run(COMMAND, List.of("status", "--json", "--run-dir", runDir.toString()));
            if (result.exitCode() == 0 && isReady(new ObjectMapper().readTree(result.output()))) {
                return;
            }
            TimeUnit.MILLISECONDS.sleep(AGAIN_MILLIS);
        }
        throw new IOException("Clowder is not ready:\n" + clowder.output());
    }

    private static boolean isReady(JsonNode status) {
        int ready = 0;
        for (JsonNode worker : status.path("workers")) {
            ready += isReadyWorker(worker) ? 1 : 0;
        }
        JsonNode spare = status.path("spare");
        return ready == WORKERS
                && (spare.isMissingNode() || isReadyWorker(spare))
                && !"making".equals(status.at("/supervisor/classArchive/state").asText());
    }

    private static boolean isReadyWorker(JsonNode worker) {
        return "READY".equals(worker.path("state").asText());
    }

    @Override
    public boolean isAlive() {
        return clowder.isAlive();
    }

    @Override
    public Ports ports() {
        return ports;
    }

    @Override
    public Map<String, List<ProcessHandle>> processes() {
        return Map.of("supervisor", List.of(clowder.handle()), "workers", clowder.others());
    }

    @Override
    public void close() {
        clowder.close();
    }
}
