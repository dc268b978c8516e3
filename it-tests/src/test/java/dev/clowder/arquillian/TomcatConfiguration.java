package dev.clowder.arquillian;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.jboss.arquillian.container.spi.ConfigurationException;
import org.jspecify.annotations.Nullable;

/**
 * The properties of a {@code <container>} in {@code arquillian.xml} of these tests: those of {@link TomcatContainer} if
 * {@code distribution} is set, else those of {@link ClowderContainer}.
 */
public class TomcatConfiguration extends ClowderConfiguration {
    private @Nullable String distribution;
    private String valve = "";
    private String engine = "";
    private String connectors = "";
    private String services = "";
    private String accessLogPattern = "common";

    /** Sets the directory of an unpacked Tomcat. */
    public void setDistribution(String directory) {
        distribution = directory;
    }

    /** Sets the jar that is copied to {@code lib/}. */
    public void setValve(String jar) {
        valve = jar;
    }

    /** Sets the resource with XML for the {@code Engine} of {@code server.xml}, before all else in it. */
    public void setEngine(String resource) {
        engine = resource;
    }

    /** Sets the resource with XML for further connectors, after Tomcat's own. */
    public void setConnectors(String resource) {
        connectors = resource;
    }

    /** Sets the resource with XML for further services, after Tomcat's own. */
    public void setServices(String resource) {
        services = resource;
    }

    /** Sets the pattern of the access log, which is written at once to {@code logs/access.txt}. */
    public void setAccessLogPattern(String pattern) {
        accessLogPattern = pattern;
    }

    boolean isTomcat() {
        return distribution != null;
    }

    /** Checks what Clowder needs; whether there is a Tomcat matters only to those who deploy into it. */
    @Override
    public void validate() throws ConfigurationException {
        if (!isTomcat()) {
            super.validate();
        }
    }

    /** Returns a Tomcat that is not started yet. */
    TomcatProcess tomcat() throws IOException {
        TomcatProcess tomcat = new TomcatProcess(Path.of(String.valueOf(distribution)), Path.of(valve));
        try {
            return tomcat.edit(
                            "<Engine name=\"Catalina\" defaultHost=\"localhost\">",
                            read(connectors) + "<Engine name=\"Catalina\" defaultHost=\"localhost\">" + read(engine))
                    .edit("</Server>", read(services) + "</Server>")
                    .edit(
                            "prefix=\"localhost_access_log\" suffix=\".txt\"",
                            "prefix=\"access\" suffix=\".txt\" rotatable=\"false\" buffered=\"false\"")
                    .edit("pattern=\"%h %l %u %t &quot;%r&quot; %s %b\"", "pattern=\"" + accessLogPattern + "\"");
        } catch (IOException | RuntimeException e) {
            tomcat.close();
            throw e;
        }
    }

    private static String read(String resource) throws IOException {
        if (resource.isEmpty()) {
            return "";
        }
        try (InputStream in = TomcatConfiguration.class.getResourceAsStream("/" + resource)) {
            if (in == null) {
                throw new IOException("no resource " + resource);
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }
}
