package dev.clowder.arquillian;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What the tests behind real proxies rely on. */
@Tag("once")
class RealProxyIT {
    @Test
    @DisplayName("a program that is not installed is named, with the command that installs it")
    void aProgramThatIsMissingIsNamedWithTheCommandThatInstallsIt() {
        assertThatThrownBy(() -> RealProxy.find("no-such-proxy"))
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining("no-such-proxy")
                .hasMessageContaining(RealProxy.INSTALL);
    }

    @Test
    @DisplayName("the end of this JVM, which closes the pipe, ends the proxy and whatever watches it")
    void aProxyEndsWithTheJvmThatStartedIt() throws Exception {
        Map<String, ?> values = Map.of("plain", 1, "proxied", 1, "stream-module", RealProxy.nginxStreams());
        try (RealProxy proxy = RealProxy.start(RealProxy.Program.NGINX, "nginx.conf", values)) {
            List<ProcessHandle> processes = proxy.processes();
            assertThat(processes).hasSizeGreaterThan(1).allMatch(ProcessHandle::isAlive);
            proxy.endInput();
            await("all are dead")
                    .atMost(Duration.ofMinutes(1))
                    .until(() -> processes.stream().noneMatch(Running::is));
        }
    }

    @Test
    @DisplayName("a configuration that the proxy refuses fails the test with the words of the proxy")
    void aRefusedConfigurationIsShown() {
        Map<String, ?> wrong = Map.of("plain", 1, "proxied", 1, "stream-module", "cats on;");
        assertThatThrownBy(() -> RealProxy.start(RealProxy.Program.NGINX, "nginx.conf", wrong))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("unknown directive \"cats\"");
    }
}
