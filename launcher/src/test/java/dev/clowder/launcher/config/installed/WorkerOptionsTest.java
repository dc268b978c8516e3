package dev.clowder.launcher.config.installed;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.ServerSocket;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

@DisplayName("behaviour 50: ports of debuggers and JMX are given per worker")
class WorkerOptionsTest {
    @Test
    void eachSlotHasItsOwnPort() throws Exception {
        int port = freePort();
        List<String> options = List.of(
                "-Xmx1g",
                "-Dcom.sun.management.jmxremote.port=" + port,
                "-agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=*:" + port);
        assertThat(WorkerOptions.of(options, 1)).isEqualTo(options);
        assertThat(WorkerOptions.of(options, 3))
                .containsExactly(
                        "-Xmx1g",
                        "-Dcom.sun.management.jmxremote.port=" + (port + 2),
                        "-agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=*:" + (port + 2));
        assertThat(WorkerOptions.changes(options)).hasSize(2);
    }

    @Test
    void aPortInUseIsLeftToItsOwner() throws Exception {
        try (ServerSocket predecessor = new ServerSocket(0)) {
            int port = predecessor.getLocalPort();
            assertThat(WorkerOptions.of(List.of("-Dcom.sun.management.jmxremote.rmi.port=" + port), 1))
                    .containsExactly("-Dcom.sun.management.jmxremote.rmi.port=" + (port + 100));
        }
    }

    @Test
    void anythingElseIsLeftAlone() {
        List<String> options = List.of("-Dport=1", "-agentlib:hprof", "-Dcom.sun.management.jmxremote.port=0");
        assertThat(WorkerOptions.of(options, 2)).isEqualTo(options);
        assertThat(WorkerOptions.changes(options)).isEmpty();
    }

    /** Free, as the one two above it. */
    private static int freePort() throws Exception {
        for (int port = 20_000; port < 60_000; port += 7) {
            try (ServerSocket first = new ServerSocket(port);
                    ServerSocket third = new ServerSocket(port + 2)) {
                assertThat(third.getLocalPort()).isEqualTo(port + 2);
                return first.getLocalPort();
            } catch (java.io.IOException e) {
                // Taken.
            }
        }
        throw new IllegalStateException("no free ports");
    }
}
