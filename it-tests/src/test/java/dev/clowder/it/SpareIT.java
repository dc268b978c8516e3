package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.ClusterStatus;
import dev.clowder.arquillian.Running;
import dev.clowder.it.HttpConnection.Response;
import dev.clowder.it.HttpConnection.Worker;
import dev.clowder.it.app.CountServlet;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** {@code --spare 1}: a booted worker waits, and takes the slot of one that dies. */
@Tag("once")
@EnabledOnOs(value = OS.LINUX, disabledReason = "workers are killed by signals")
class SpareIT {
    private static final Duration SOON = Duration.ofSeconds(90);
    private static final String COUNT = "/count";

    @TempDir
    private Path files;

    private Path runDir;
    private Succession cluster;

    @BeforeEach
    void prepare() {
        runDir = files.resolve("run");
        Path war = Apps.write(Apps.probe("probe.war").addClass(CountServlet.class), files);
        cluster = new Succession(
                runDir,
                () -> ClowderProcess.builder()
                        .root(files)
                        .arguments("--spare", "1", "--oversubscribe")
                        .application("/", war));
    }

    @AfterEach
    void close() throws IOException {
        cluster.close();
    }

    /** Everybody serves, and a worker other than those waits. */
    private ClusterStatus.Worker awaitSpare(int after) throws IOException, InterruptedException {
        cluster.current().awaitReady(SOON);
        await("a spare that waits")
                .atMost(SOON)
                .ignoreExceptions()
                .until(() -> status().spare().isReady() && status().spare().id() > after);
        return status().spare();
    }

    private ClusterStatus status() throws IOException, InterruptedException {
        return cluster.current().status();
    }

    private void kill(ClusterStatus.Worker worker) {
        ProcessHandle.of(worker.pid()).orElseThrow().destroyForcibly();
    }

    @Test
    @DisplayName("kill -9: the spare serves in the dead worker's slot under the id that it had, in its session ids, in"
            + " its log and to its application; nobody else's client notices, and the next spare boots")
    void itTakesTheSlotOfADeadWorker() throws Exception {
        cluster.start();
        ClusterStatus.Worker spare = awaitSpare(0);
        int port = cluster.current().port();
        assertThat(spare.slot()).isZero();
        SessionUser other = SessionUser.in(2, port, COUNT);
        Worker victim = new Worker(1, status().worker(1).id());
        ClusterStatus.Worker next;
        try (Load load = Load.start(port, "/worker", 2, 4)) {
            await("both have clients")
                    .atMost(SOON)
                    .until(() -> load.answersOf(victim) > 20 && load.workers().size() == 2);
            long killedAt = System.nanoTime();
            kill(status().worker(1));
            await("the spare serves there").atMost(SOON).until(() -> load.answersOf(new Worker(1, spare.id())) > 20);
            Load.Death death = new Load.Death(victim, killedAt, System.nanoTime());
            next = awaitSpare(spare.id());
            load.stop();
            assertThat(load.failures()).allMatch(death::explains);
            assertThat(load.workers()).doesNotContain(new Worker(0, spare.id()));
        }
        ClusterStatus.Worker heir = status().worker(1);
        assertThat(heir.id()).isEqualTo(spare.id());
        assertThat(heir.pid()).isEqualTo(spare.pid());
        assertThat(heir.generation()).isEqualTo(1);
        assertThat(heir.restarts()).isEqualTo(1);
        assertThat(heir.lastExit().signal()).isEqualTo("SIGKILL");
        assertThat(next.id()).isEqualTo(spare.id() + 1);
        assertThat(other.get(COUNT).body()).isEqualTo("2");
        SessionUser user = SessionUser.in(1, port, COUNT);
        Response again = user.get(COUNT);
        assertThat(again.body()).isEqualTo("2");
        assertThat(again.worker()).isEqualTo(new Worker(1, spare.id()));
        assertThat(answerOf(1, port)).isEqualTo("1/" + spare.id() + " of 2");
        assertThat(Files.readString(runDir.resolve("logs/slot-1.log")))
                .contains("worker 1/" + spare.id() + " was the spare");

        kill(next);
        ClusterStatus.Worker afterNext = awaitSpare(next.id());
        assertThat(status().worker(1).id()).isEqualTo(spare.id());
        List<ProcessHandle> all = cluster.current().children();
        cluster.current().terminate();
        assertThat(cluster.current().awaitExit(SOON)).isZero();
        assertThat(all).extracting(ProcessHandle::pid).contains(afterNext.pid());
        assertThat(all).noneMatch(Running::is);
        assertThat(runDir).doesNotExist();
    }

    private static String answerOf(int slot, int port) {
        return await("slot " + slot + " answers")
                .atMost(SOON)
                .until(
                        () -> HttpConnection.fresh(port, "/worker"),
                        one -> one.worker().slot() == slot)
                .body();
    }

    @Test
    @Tag("slow")
    @DisplayName(
            "a reload, a scale, an upgrade and a kill -9 of the supervisor: there is always a spare of what runs in"
                    + " the end, and no request is lost")
    void itFollowsEveryChange() throws Exception {
        cluster.start();
        int first = awaitSpare(0).id();
        try (Load load = Load.start(cluster.current().port(), "/worker", 2, 4)) {
            assertThat(cluster.current().command(SOON, "reload").exitCode()).isZero();
            assertThat(status().supervisor().generation()).isEqualTo(2);
            ClusterStatus.Worker second = awaitSpare(first);
            assertThat(second.generation()).isEqualTo(2);

            assertThat(cluster.current().command(SOON, "scale", "3").exitCode()).isZero();
            assertThat(status().worker(3).id()).isEqualTo(second.id());
            ClusterStatus.Worker third = awaitSpare(second.id());

            assertThat(cluster.current().command(SOON, "upgrade").exitCode()).isZero();
            ClusterStatus.Worker fourth = awaitSpare(third.id());

            cluster.kill();
            cluster.start();
            ClusterStatus.Worker fifth = awaitSpare(fourth.id());
            assertThat(ProcessHandle.of(fourth.pid()).filter(Running::is)).isEmpty();
            load.stop();
            assertThat(load.failures()).isEmpty();
            assertThat(status().workers()).extracting(ClusterStatus.Worker::id).doesNotContain(fifth.id());
        }
    }
}
