package dev.clowder.benchmark;

import dev.clowder.arquillian.RealProxy;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A proxy that ends TLS and keeps its connections to two plain Tomcats alive. */
final class ProxiedTomcats implements Contender {
    private final RealProxy.Program program;
    private final List<TomcatServer> tomcats = new ArrayList<>();
    private final Map<String, Object> values = new LinkedHashMap<>();
    private @Nullable RealProxy proxy;

    ProxiedTomcats(Site site, int heap, RealProxy.Program program) throws IOException {
        this.program = program;
        // HAProxy wants both in one file.
        Path pem = site.directory("proxy").resolve("both.pem");
        Files.writeString(
                pem,
                Files.readString(site.tls().chain())
                        + Files.readString(site.tls().key()));
        values.put("pem", pem);
        try {
            for (int i = 1; i <= WORKERS; i++) {
                TomcatServer tomcat = new TomcatServer(site, heap);
                tomcats.add(tomcat);
                values.put("tomcat" + i, tomcat.ports().plain());
            }
        } catch (IOException | RuntimeException e) {
            close();
            throw e;
        }
    }

    @Override
    public void start() throws IOException, InterruptedException {
        for (TomcatServer tomcat : tomcats) {
            tomcat.start();
        }
        String configuration = program == RealProxy.Program.NGINX ? "benchmark-nginx.conf" : "benchmark-haproxy.cfg";
        proxy = RealProxy.start(program, configuration, values);
    }

    private RealProxy started() {
        if (proxy == null) {
            throw new IllegalStateException("not started");
        }
        return proxy;
    }

    @Override
    public void awaitReady(Duration atMost) throws IOException, InterruptedException {
        for (TomcatServer tomcat : tomcats) {
            tomcat.awaitReady(atMost);
        }
    }

    @Override
    public boolean isAlive() {
        return !own().isEmpty() && tomcats.stream().allMatch(TomcatServer::isAlive);
    }

    @Override
    public Ports ports() {
        return new Ports(started().port("http"), started().port("https"));
    }

    @Override
    public Map<String, List<ProcessHandle>> processes() {
        List<ProcessHandle> behind = tomcats.stream()
                .flatMap(tomcat -> tomcat.processes().values().stream())
                .flatMap(List::stream)
                .toList();
        return Map.of(name(), own(), "Tomcats", behind);
    }

    private String name() {
        return program.name().toLowerCase(Locale.ROOT);
    }

    /** Without the shell that watches over the proxy here. */
    private List<ProcessHandle> own() {
        return started().processes().stream()
                .filter(process -> process.info().command().orElse("").endsWith("/" + name()))
                .toList();
    }

    @Override
    public void close() {
        if (proxy != null) {
            proxy.close();
        }
        tomcats.forEach(TomcatServer::close);
    }
}
