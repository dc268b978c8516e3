package dev.clowder.benchmark;

import dev.clowder.it.SessionEngine;
import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A cluster and the engine that has its sessions, whose work counts as its own. */
final class ClowderWithEngine implements Contender {
    private final SessionEngine engine;
    private final ClowderCluster clowder;

    ClowderWithEngine(Site site, int heap, SessionEngine engine) throws IOException {
        this.engine = engine;
        clowder = new ClowderCluster(site, heap, List.of("--sessions", engine.url()));
    }

    @Override
    public void start() throws IOException {
        engine.start();
        clowder.start();
    }

    @Override
    public void awaitReady(Duration atMost) throws IOException, InterruptedException {
        clowder.awaitReady(atMost);
    }

    @Override
    public Ports ports() {
        return clowder.ports();
    }

    @Override
    public Map<String, List<ProcessHandle>> processes() {
        Map<String, List<ProcessHandle>> all = new HashMap<>(clowder.processes());
        all.put(ENGINE, engine.processes());
        return all;
    }

    @Override
    public boolean isAlive() {
        return clowder.isAlive();
    }

    @Override
    public void close() {
        clowder.close();
        engine.close();
    }
}
