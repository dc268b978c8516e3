package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.clowder.arquillian.Launcher;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** The launcher as the first process of a container, which is pid 1 in a namespace of its own. */
@Tag("once")
@EnabledOnOs(value = OS.LINUX, disabledReason = "namespaces of pids are Linux'")
class FirstProcessIT {
    private static final Duration SOON = Duration.ofSeconds(90);
    private static final List<String> UNSHARE =
            List.of("unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc", "--kill-child");

    @TempDir
    private Path files;

    @Test
    @DisplayName("failure 21, behaviour 61: as pid 1 it reaps processes that nobody else does, and stops with code 0")
    void asTheFirstProcessItReapsOrphans() throws Exception {
        assumeTrue(allowed(), "this user may not make a namespace of pids (unshare --user --pid)");
        int port = freePort();
        Process unshare = new ProcessBuilder(command(port))
                .redirectErrorStream(true)
                .redirectOutput(files.resolve("output").toFile())
                .start();
        try {
            await("it serves").atMost(SOON).until(() -> answers(port));
            long first = unshare.children().findFirst().orElseThrow().pid();
            assertThat(children(first)).as("the worker").hasSize(1);
            HttpConnection.fresh(port, "/orphan");
            await("it is a child of pid 1")
                    .atMost(SOON)
                    .until(() -> children(first).size() > 1);
            await("nothing but the worker is left")
                    .atMost(SOON)
                    .until(() -> children(first).size() == 1);
            // What --stop-on-eof is for.
            unshare.getOutputStream().close();
            assertThat(unshare.waitFor()).isZero();
        } finally {
            unshare.descendants().forEach(ProcessHandle::destroyForcibly);
            unshare.destroyForcibly();
        }
    }

    private List<String> command(int port) {
        Launcher launcher = Launcher.ofThisBuild();
        List<String> command = new ArrayList<>(UNSHARE);
        command.add(launcher.javaHome().resolve("bin").resolve("java").toString());
        command.addAll(List.of("-XX:TieredStopAtLevel=1", "-jar", launcher.jar().toString(), "run", "--stop-on-eof"));
        command.addAll(List.of("--port", String.valueOf(port), "--address", "127.0.0.1", "--workers", "1"));
        command.addAll(List.of("--run-dir", files.resolve("run").toString(), "--expose-worker"));
        // Its making would be one more child.
        command.addAll(List.of("--class-archive", "off"));
        command.add(Apps.write(Apps.probe("probe.war"), files).toString());
        return command;
    }

    private static boolean allowed() throws InterruptedException {
        List<String> trial = new ArrayList<>(UNSHARE);
        trial.add("true");
        try {
            return new ProcessBuilder(trial).start().waitFor() == 0;
        } catch (IOException e) {
            return false;
        }
    }

    private static boolean answers(int port) {
        try {
            return HttpConnection.fresh(port, "/worker").status() == 200;
        } catch (IOException e) {
            return false;
        }
    }

    /** Pids of the children of a process, dead ones too. */
    private static List<Long> children(long pid) throws IOException {
        List<Long> children = new ArrayList<>();
        try (var processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
            for (Path process : processes) {
                if (parent(process) == pid) {
                    children.add(Long.valueOf(process.getFileName().toString()));
                }
            }
        }
        return children;
    }

    private static long parent(Path process) {
        try {
            String stat = Files.readString(process.resolve("stat"));
            return Long.parseLong(stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1)[1]);
        } catch (IOException e) {
            // It ended in between.
            return 0;
        }
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }
}
