package dev.clowder.valve;

import static org.assertj.core.api.Assertions.assertThat;

import org.apache.catalina.util.ServerInfo;
import org.junit.jupiter.api.Test;

/** Proves what the other tests run in. */
class TomcatLineTest {

    /** The line of the Tomcat on the class path, as the build asked for. */
    static String line() {
        return System.getProperty("tomcat.line", "11.0");
    }

    @Test
    void theTestsRunInTheLineThatTheBuildAskedFor() {
        assertThat(ServerInfo.getServerNumber()).startsWith(line() + ".");
    }
}
