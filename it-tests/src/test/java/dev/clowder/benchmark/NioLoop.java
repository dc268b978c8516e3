package dev.clowder.benchmark;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/** {@link NioServer}, with as many loops as the others have workers. */
final class NioLoop implements Contender {
    private final Ports ports = Ports.free();
    private final Program java;

    NioLoop(Site site) throws IOException {
        try {
            Path classes = Path.of(NioServer.class
                    .getProtectionDomain()
                    .getCodeSource()
                    .getLocation()
                    .toURI());
            List<String> command = List.of(
                    Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                    "-cp",
                    classes.toString(),
                    NioServer.class.getName(),
                    String.valueOf(ports.plain()),
                    String.valueOf(WORKERS));
            java = new Program(command, site.directory("nio").resolve("output"));
        } catch (URISyntaxException e) {
            throw new IOException(e);
        }
    }

    @Override
    public void start() throws IOException {
        java.start();
    }

    @Override
    public void awaitReady(Duration atMost) {
        // Whoever has had an answer has seen all of it.
    }

    @Override
    public boolean isAlive() {
        return java.isAlive();
    }

    @Override
    public Ports ports() {
        return ports;
    }

    @Override
    public Map<String, List<ProcessHandle>> processes() {
        return Map.of("loop", List.of(java.handle()));
    }

    @Override
    public void close() {
        java.close();
    }
}
