package dev.clowder.launcher.supervisor;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.clowder.launcher.config.App;
import dev.clowder.launcher.config.ConfigReader;
import dev.clowder.launcher.wire.Message;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** What the next supervisor knows, and whom it may signal (cluster.md, failures 1 and 22), with real processes. */
@EnabledOnOs(value = OS.LINUX, disabledReason = "processes are told apart through /proc")
class RegisterTest {
    @TempDir
    Path temporary;

    private Process process;

    @BeforeEach
    void start() throws IOException {
        process = new ProcessBuilder("sleep", "600").start();
    }

    @AfterEach
    void end() throws InterruptedException {
        process.destroyForcibly().waitFor();
    }

    @Test
    void aLivingWorkerIsKnownAndADeadOneIsNot() throws Exception {
        Register register = new Register(temporary);
        register.reserve(7);
        register.started(2, 7, process.pid(), 3);
        assertThat(register.living()).singleElement().satisfies(survivor -> {
            assertThat(survivor.slot()).isEqualTo(2);
            assertThat(survivor.id()).isEqualTo(7);
            assertThat(survivor.pid()).isEqualTo(process.pid());
            assertThat(survivor.generation()).isEqualTo(3);
        });
        process.destroyForcibly().waitFor();
        assertThat(register.living()).isEmpty();
        assertThat(register.lastId()).as("ids are not used again").isEqualTo(7);
    }

    @Test
    void aProcessThatGotThePidOfADeadWorkerIsNobodysWorkerAndIsNotKilled() throws Exception {
        Register register = new Register(temporary);
        register.started(1, 1, process.pid(), 1);
        Path file = temporary.resolve("worker-1.json");
        String forged = Files.readString(file).replaceFirst("\"started\":\"\\d+", "\"started\":\"1");
        Files.writeString(file, forged);
        assertThat(register.living()).isEmpty();

        Survivor stranger = new ObjectMapper().readValue(forged, Survivor.class);
        RunDirectory directory = RunDirectory.open(temporary.resolve("run"));
        Logs logs = Logs.open(directory.root(), null, 1, new Output(new ByteArrayOutputStream()), line -> {});
        JvmHost host = new JvmHost(
                ConfigReader.read(temporary.toString()), directory, logs, 17, new ClassArchive(new LogLines()), null);
        BlockingQueue<Event> events = new LinkedBlockingQueue<>();
        host.reportTo(events::add);
        host.adopt(stranger);
        host.kill(1);
        assertThat(events.poll(60, TimeUnit.SECONDS)).isEqualTo(new Event.Exited(1, Posix.UNKNOWN_EXIT));
        host.close();
        logs.close();
        directory.close();
        assertThat(process.isAlive()).isTrue();
    }

    @Test
    void aFileThatIsNotOursMakesNobodyAWorker() throws Exception {
        Register register = new Register(temporary);
        Files.writeString(temporary.resolve("worker-1.json"), "{\"slot\":1,\"id\":1,");
        Files.writeString(temporary.resolve("worker-2.json"), "[]");
        Files.writeString(temporary.resolve("worker-3.json"), "");
        Files.writeString(temporary.resolve("worker-4.json"), "{\"pid\":" + process.pid() + "}");
        Files.writeString(temporary.resolve("cluster.json"), "nonsense");
        Files.writeString(temporary.resolve("last-id.json"), "\"nonsense\"");
        assertThat(register.living()).isEmpty();
        assertThat(register.plan()).isNull();
        assertThat(register.lastId()).isZero();
    }

    @Test
    void thePlanIsReadAsItWasWritten() throws Exception {
        Register register = new Register(temporary);
        Generation generation = new Generation(
                4,
                List.of(new App("/shop", temporary.resolve("shop.war"))),
                List.of(new Message.Mount("/shop", temporary.toString())));
        Register.Plan plan = new Register.Plan(
                List.of(new Register.Port("::", "0:0:0:0:0:0:0:0", 8080), new Register.Port("::1", "::1", 8443)),
                "apps\n",
                "options\n",
                2,
                3,
                "1.0",
                generation);
        register.scaled(2, 4);
        assertThat(register.plan()).isNull();
        register.plan(plan);
        assertThat(register.plan()).isEqualTo(plan);
        register.scaled(5, 4);
        assertThat(register.plan()).isEqualTo(plan.withWorkers(5, 4));
        Path file = temporary.resolve("cluster.json");
        Files.writeString(file, Files.readString(file).replaceFirst("\\{", "{\"later\":{},"));
        assertThat(register.plan()).as("of a later version").isEqualTo(plan.withWorkers(5, 4));
        Files.writeString(file, Files.readString(file).replaceFirst("\"asked\":5,\"workers\":4,", ""));
        assertThat(register.plan()).as("of an earlier version").isEqualTo(plan.withWorkers(0, 0));
    }

    @Test
    void whatALivingWorkerNeedsIsKeptAndNothingElse() throws Exception {
        Path path = temporary.resolve("run");
        RunDirectory first = RunDirectory.open(path);
        first.register().started(1, 4, process.pid(), 2);
        for (Path needed : needed(first)) {
            Files.createDirectories(needed.getParent());
            Files.createFile(needed);
        }
        Files.createFile(first.intake(3, 1));
        Files.createDirectories(first.generation(1));
        Files.createDirectories(first.worker(3));
        Files.createFile(first.control());
        first.close();

        RunDirectory next = RunDirectory.open(path);
        assertThat(next.register().living()).hasSize(1);
        assertThat(needed(next)).allSatisfy(file -> assertThat(file).exists());
        assertThat(List.of(next.intake(3, 1), next.generation(1), next.worker(3), next.control()))
                .allSatisfy(file -> assertThat(file).doesNotExist());
        process.destroyForcibly().waitFor();
        next.close();
        assertThat(path).doesNotExist();
    }

    private static List<Path> needed(RunDirectory directory) {
        return List.of(
                directory.intake(4, 0),
                directory.intake(4, 1),
                directory.generation(2).resolve("index.html"),
                directory.worker(4).resolve("tmp"));
    }
}
