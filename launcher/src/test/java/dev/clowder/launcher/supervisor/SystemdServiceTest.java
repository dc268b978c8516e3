package dev.clowder.launcher.supervisor;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.launcher.Main;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** The launcher as a service: started as systemd would, with real workers. */
@EnabledOnOs(OS.LINUX)
@Tag("once")
class SystemdServiceTest {
    @TempDir
    Path temporary;

    private final List<Process> started = new ArrayList<>();
    private String address;
    private NotifyReceiver systemd;
    private Path app;

    @BeforeEach
    void prepare() throws IOException {
        address = temporary.resolve("notify").toString();
        systemd = new NotifyReceiver(address);
        app = Files.createDirectory(temporary.resolve("app"));
        Files.writeString(app.resolve("index.html"), "hello");
    }

    @AfterEach
    void kill() throws Exception {
        for (Process process : started) {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly().waitFor();
        }
        systemd.close();
    }

    @Test
    void readyMeansServedTheWatchdogIsFedTheSocketIsStoredAndNothingLeaksToWorkers() throws Exception {
        int port = freePort();
        Process service = start(run("--port", String.valueOf(port)));
        NotifyReceiver.Datagram stored = systemd.await("FDSTORE=1");
        assertThat(stored.descriptor()).isNotNegative();
        NotifySocket.closeDescriptor(stored.descriptor());
        systemd.await("READY=1");
        assertThat(get(port)).isEqualTo("hello");
        systemd.await("WATCHDOG=1");
        ProcessHandle worker = service.children().findFirst().orElseThrow();
        assertThat(Files.readString(Path.of("/proc/" + worker.pid() + "/environ"), ISO_8859_1))
                .doesNotContain("NOTIFY_SOCKET", "WATCHDOG_USEC");
        service.toHandle().destroy();
        systemd.await("STOPPING=1");
        assertThat(service.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(service.exitValue()).isZero();
    }

    @Test
    void behaviour38TheSocketThatSystemdPassedIsTheOneThatIsServed() throws Exception {
        int port = freePort();
        Process service = start(passed(port, "shop.socket", run()));
        systemd.await("READY=1");
        assertThat(systemd.received()).noneMatch(text -> text.contains("FDSTORE"));
        assertThat(get(port)).isEqualTo("hello");
        ProcessHandle worker = service.children().findFirst().orElseThrow();
        assertThat(Files.readString(Path.of("/proc/" + worker.pid() + "/environ"), ISO_8859_1))
                .doesNotContain("LISTEN_");
        service.toHandle().destroy();
        assertThat(service.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(service.exitValue()).isZero();
    }

    @Test
    void behaviour38APortThatIsNotThatOfThePassedSocketIsRefusedWithBoth() throws Exception {
        int port = freePort();
        int other = freePort();
        Process service = start(passed(port, "shop.socket", run("--port", String.valueOf(other))));
        assertThat(service.waitFor(60, TimeUnit.SECONDS)).isTrue();
        String text = Files.readString(temporary.resolve("output"));
        assertThat(service.exitValue()).as(text).isEqualTo(2);
        assertThat(text).contains("--port " + other, "port " + port, "shop.socket");
    }

    @Test
    void behaviour38ASocketForWhichThereIsNoListenerIsRefusedByName() throws Exception {
        int port = freePort();
        int other = freePort();
        List<String> command = run("--port", String.valueOf(port));
        Process service = start(passed(List.of(port, other), "shop.socket:admin.socket", command));
        assertThat(service.waitFor(60, TimeUnit.SECONDS)).isTrue();
        String text = Files.readString(temporary.resolve("output"));
        assertThat(service.exitValue()).as(text).isEqualTo(2);
        assertThat(text).contains("admin.socket", "port " + other, "--port " + port);
    }

    @Test
    void aStoredSocketOfAnEarlierLifeWithAnotherPortIsGivenUp() throws Exception {
        int port = freePort();
        int earlier = freePort();
        Process service = start(passed(earlier, Systemd.STORED, run("--port", String.valueOf(port))));
        systemd.await("FDSTOREREMOVE=1");
        NotifySocket.closeDescriptor(systemd.await("FDSTORE=1").descriptor());
        systemd.await("READY=1");
        assertThat(get(port)).isEqualTo("hello");
        new ServerSocket(earlier).close();
        service.toHandle().destroy();
        assertThat(service.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(service.exitValue()).isZero();
    }

    private List<String> run(String... options) {
        List<String> command = java(Main.class);
        command.addAll(List.of("run", "--address", "127.0.0.1", "--workers", "1", "--stop-on-eof"));
        command.addAll(List.of("--run-dir", temporary.resolve("run").toString()));
        command.addAll(List.of(options));
        command.add(app.toString());
        return command;
    }

    private static List<String> passed(int port, String name, List<String> service) {
        return passed(List.of(port), name, service);
    }

    private static List<String> passed(List<Integer> ports, String names, List<String> service) {
        List<String> command = java(PassedSocket.class);
        command.add(String.join(":", ports.stream().map(String::valueOf).toList()));
        command.add(names);
        command.addAll(service);
        return command;
    }

    private static List<String> java(Class<?> main) {
        return new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                main.getName()));
    }

    private Process start(List<String> command) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(temporary.resolve("output").toFile());
        builder.environment().put("NOTIFY_SOCKET", address);
        builder.environment().put("WATCHDOG_USEC", "1000000");
        Process process = builder.start();
        started.add(process);
        return process;
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        }
    }

    private static String get(int port) throws Exception {
        URI uri = URI.create("http://127.0.0.1:" + port + "/index.html");
        return HttpClient.newHttpClient()
                .send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString())
                .body();
    }
}
