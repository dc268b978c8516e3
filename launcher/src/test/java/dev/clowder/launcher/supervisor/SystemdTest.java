package dev.clowder.launcher.supervisor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.clowder.launcher.config.ConfigException;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What systemd is told, at a real datagram socket, and what is taken from its variables. */
@EnabledOnOs(OS.LINUX)
class SystemdTest {
    private static final long PID = ProcessHandle.current().pid();

    @TempDir
    Path temporary;

    private final Recorder recorder = new Recorder();

    @ParameterizedTest
    @ValueSource(strings = {"path", "abstract"})
    void aClusterIsReadyWithItsFirstWorkerAndSaysEachChangeOnce(String kind) {
        String address = kind.equals("path") ? temporary.resolve("notify").toString() : "@clowder-" + UUID.randomUUID();
        try (NotifyReceiver receiver = new NotifyReceiver(address);
                Systemd systemd = new Systemd(Map.of("NOTIFY_SOCKET", address), PID, recorder)) {
            systemd.state(Observer.State.STARTING, 0, 2);
            systemd.state(Observer.State.STARTING, 0, 2);
            systemd.state(Observer.State.RUNNING, 1, 2);
            systemd.state(Observer.State.RUNNING, 2, 2);
            systemd.state(Observer.State.RELOADING, 2, 2);
            systemd.state(Observer.State.RUNNING, 2, 2);
            systemd.state(Observer.State.STOPPING, 0, 2);
            receiver.await("STOPPING=1");
            String reloading = receiver.received().get(3);
            assertThat(receiver.received())
                    .containsExactly(
                            "STATUS=starting, 0 of 2 workers ready",
                            "READY=1\nSTATUS=running, 1 of 2 workers ready",
                            "STATUS=running, 2 of 2 workers ready",
                            reloading,
                            "READY=1\nSTATUS=running, 2 of 2 workers ready",
                            "STOPPING=1\nSTATUS=stopping, 0 of 2 workers ready");
            assertThat(reloading)
                    .matches("RELOADING=1\nMONOTONIC_USEC=[1-9]\\d*\nSTATUS=reloading, 2 of 2 workers ready");
        }
        assertThat(recorder.lines).isEmpty();
    }

    @Test
    void theWatchdogIsFedAtHalfOfItsTimeAndByTheSupervisorsLoopOnly() {
        Path address = temporary.resolve("notify");
        Map<String, String> environment =
                Map.of("NOTIFY_SOCKET", address.toString(), "WATCHDOG_USEC", "30000000", "WATCHDOG_PID", "" + PID);
        try (NotifyReceiver receiver = new NotifyReceiver(address.toString());
                Systemd systemd = new Systemd(environment, PID, recorder)) {
            assertThat(systemd.awake(0)).isEqualTo(TimeUnit.SECONDS.toNanos(15));
            assertThat(systemd.awake(TimeUnit.SECONDS.toNanos(14))).isEqualTo(TimeUnit.SECONDS.toNanos(15));
            assertThat(systemd.awake(TimeUnit.SECONDS.toNanos(16))).isEqualTo(TimeUnit.SECONDS.toNanos(31));
            systemd.state(Observer.State.STOPPING, 0, 1);
            receiver.await("STOPPING=1");
            assertThat(receiver.received()).filteredOn("WATCHDOG=1"::equals).hasSize(2);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"WATCHDOG_PID=1", "WATCHDOG_USEC=0", "WATCHDOG_USEC=soon"})
    void aWatchdogForSomebodyElseOrWithoutATimeIsNotFed(String variable) {
        Map<String, String> environment = new HashMap<>(Map.of("WATCHDOG_USEC", "1000"));
        environment.put("NOTIFY_SOCKET", temporary.resolve("notify").toString());
        int equals = variable.indexOf('=');
        environment.put(variable.substring(0, equals), variable.substring(equals + 1));
        try (Systemd systemd = new Systemd(environment, PID, recorder)) {
            assertThat(systemd.awake(0)).isEqualTo(Long.MAX_VALUE);
        }
    }

    @Test
    void whatSystemdCouldNotTakeIsToldAgainAndTheOperatorOnce() {
        Path address = temporary.resolve("notify");
        try (Systemd systemd = new Systemd(Map.of("NOTIFY_SOCKET", address.toString()), PID, recorder)) {
            systemd.state(Observer.State.RUNNING, 1, 1);
            systemd.state(Observer.State.RUNNING, 1, 1);
            assertThat(recorder.lines).singleElement().asString().contains("can't tell systemd", "READY=1");
            assertThat(systemd.awake(0)).isLessThan(TimeUnit.SECONDS.toNanos(1));
            try (NotifyReceiver receiver = new NotifyReceiver(address.toString())) {
                systemd.state(Observer.State.RUNNING, 1, 1);
                receiver.await("READY=1");
            }
            assertThat(systemd.awake(0)).isEqualTo(Long.MAX_VALUE);
        }
    }

    @Test
    void theDescriptorStoreGetsACopyOfTheListeningSocket() throws Exception {
        Path address = temporary.resolve("notify");
        try (NotifyReceiver receiver = new NotifyReceiver(address.toString());
                ServerSocket other = new ServerSocket(0);
                Systemd systemd = new Systemd(Map.of("NOTIFY_SOCKET", address.toString()), PID, recorder)) {
            int listener = descriptorOf(other);
            systemd.store(OptionalInt.of(listener));
            NotifyReceiver.Datagram stored = receiver.await("FDSTORE=1");
            assertThat(stored.text()).isEqualTo("FDSTORE=1\nFDNAME=clowder-listener");
            assertThat(stored.descriptor()).isNotIn(-1, listener);
            assertThat(socket(stored.descriptor())).isEqualTo(socket(listener));
            NotifySocket.closeDescriptor(stored.descriptor());
        }
    }

    @Test
    void withoutSystemdNothingIsSentAndNothingTaken() throws Exception {
        Map<String, String> forSomebodyElse = Map.of("LISTEN_PID", "1", "LISTEN_FDS", "1");
        try (Systemd systemd = new Systemd(forSomebodyElse, PID, recorder)) {
            systemd.state(Observer.State.RUNNING, 1, 1);
            systemd.store(OptionalInt.of(0));
            assertThat(systemd.awake(0)).isEqualTo(Long.MAX_VALUE);
            assertThat(systemd.listeners()).isEmpty();
        }
        assertThat(recorder.lines).isEmpty();
    }

    @Test
    void whatIsNoListeningSocketIsRefusedByName() {
        // Whatever this process has under these numbers.
        Map<String, String> two =
                Map.of("LISTEN_PID", "" + PID, "LISTEN_FDS", "2", "LISTEN_FDNAMES", "shop.socket:admin.socket");
        try (Systemd systemd = new Systemd(two, PID, recorder)) {
            assertThatThrownBy(systemd::listeners)
                    .isInstanceOf(ConfigException.class)
                    .hasMessageContaining("shop.socket");
        }
    }

    @Test
    void anAddressThatIsNoUnixSocketIsSaid() {
        try (Systemd systemd = new Systemd(Map.of("NOTIFY_SOCKET", "vsock:2:1"), PID, recorder)) {
            systemd.state(Observer.State.RUNNING, 1, 1);
        }
        assertThat(recorder.lines).singleElement().asString().contains("vsock:2:1");
    }

    @Test
    void workersSeeNothingOfIt() {
        Map<String, String> environment = new HashMap<>(Map.of("PATH", "/bin", "INVOCATION_ID", "1"));
        for (String name : List.of("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_PID", "LISTEN_FDS")) {
            environment.put(name, "1");
        }
        Systemd.hide(environment);
        assertThat(environment).containsOnlyKeys("PATH", "INVOCATION_ID");
    }

    /** The one that this process has and that is a listener on this port. */
    private static int descriptorOf(ServerSocket listener) throws Exception {
        try (var files = Files.list(Path.of("/proc/self/fd"))) {
            String port = String.format(":%04X ", listener.getLocalPort());
            String inode = Files.readAllLines(Path.of("/proc/net/tcp6")).stream()
                    .filter(line -> line.contains(port))
                    .map(line -> line.strip().split("\\s+", -1)[9])
                    .findFirst()
                    .orElseThrow();
            return files.map(file -> Integer.parseInt(file.getFileName().toString()))
                    .filter(fd -> ("socket:[" + inode + "]").equals(socket(fd)))
                    .findFirst()
                    .orElseThrow();
        }
    }

    private static String socket(int descriptor) {
        try {
            return Files.readSymbolicLink(Path.of("/proc/self/fd/" + descriptor))
                    .toString();
        } catch (IOException e) {
            return "";
        }
    }

    static final class Recorder implements Observer {
        final List<String> lines = new ArrayList<>();

        @Override
        public void log(String line) {
            lines.add(line);
        }

        @Override
        public void changed(WorkerEvent event) {
            throw new AssertionError(event);
        }
    }
}
