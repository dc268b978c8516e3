package dev.clowder.benchmark;

import dev.clowder.arquillian.Running;
import dev.clowder.arquillian.TomcatProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/**
 * A Tomcat as its makers distribute it, by {@code catalina.sh run}, with the JVM's own flags. It has another connector, for
 * TLS, and writes no access log, as none of the others does.
 */
final class TomcatServer implements Contender {
    private final Ports ports = Ports.free();
    private final TomcatProcess tomcat;

    TomcatServer(Site site, int heap) throws IOException {
        tomcat = new TomcatProcess(site.tomcat(), site.valve())
                // What it says is looked for in English.
                .jvmOptions("-Duser.language=en" + (heap == 0 ? "" : " -Xmx" + heap + "m"));
        try {
            tomcat.edit("<Connector port=\"0\"", "<Connector port=\"" + ports.plain() + "\"");
            String log = "<Valve className=\"org.apache.catalina.valves.AccessLogValve\"";
            tomcat.edit(log, log + " enabled=\"false\"");
            String engine = "<Engine name=\"Catalina\" defaultHost=\"localhost\">";
            tomcat.edit(engine, """
                    <Connector port="%d" address="127.0.0.1" SSLEnabled="true" scheme="https" secure="true">
                      <UpgradeProtocol className="org.apache.coyote.http2.Http2Protocol"/>
                      <SSLHostConfig>
                        <Certificate certificateFile="%s" certificateKeyFile="%s"/>
                      </SSLHostConfig>
                    </Connector>
                    %s""".formatted(
                            ports.tls(), site.tls().chain(), site.tls().key(), engine));
            Files.copy(site.war(), tomcat.home().resolve("webapps/ROOT.war"));
        } catch (IOException | RuntimeException e) {
            tomcat.close();
            throw e;
        }
    }

    @Override
    public void start() throws IOException {
        tomcat.start();
    }

    @Override
    public void awaitReady(Duration atMost) throws IOException, InterruptedException {
        tomcat.awaitStart(atMost);
    }

    @Override
    public void restart() throws IOException {
        tomcat.start();
    }

    @Override
    public boolean isAlive() {
        return Running.is(tomcat.handle());
    }

    @Override
    public Ports ports() {
        return ports;
    }

    @Override
    public Map<String, List<ProcessHandle>> processes() {
        return Map.of("Tomcat", List.of(tomcat.handle()));
    }

    @Override
    public void close() {
        tomcat.close();
    }
}
