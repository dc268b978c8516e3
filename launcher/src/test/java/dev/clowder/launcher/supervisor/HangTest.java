package dev.clowder.launcher.supervisor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.launcher.wire.Message;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is a hang and what is not, decided on paper. */
class HangTest {
    @TempDir
    Path temporary;

    private PaperCluster cluster;
    private FakeHost host;

    @BeforeEach
    void start() throws Exception {
        cluster = new PaperCluster(temporary);
        host = cluster.host;
        cluster.bothReady();
    }

    @AfterEach
    void end() throws Exception {
        cluster.close();
    }

    @Test
    void aWorkerWithoutBeatsIsSuspectThenDumpsItsThreadsThenIsKilledAndReplaced() {
        cluster.silent.add(1);
        cluster.pass(6);
        assertThat(cluster.states()).containsExactly("SUSPECT", "READY");
        assertThat(host.take()).isEmpty();
        cluster.pass(24);
        assertThat(host.take()).containsExactly("dump 1");
        cluster.pass(5);
        assertThat(host.take()).containsExactly("kill 1");
        cluster.exited(1, 137);
        assertThat(host.take()).containsExactly("spawn 1/3");
        assertThat(cluster.supervisor
                        .status(host.now)
                        .workers()
                        .get(0)
                        .lastExit()
                        .reason())
                .startsWith("hung: no beat for");
    }

    @Test
    void aSuspectDoesNotKeepTheSupervisorAwake() throws Exception {
        cluster.silent.add(1);
        cluster.pass(7);
        for (int second = 0; second < 20; second++) {
            assertThat(cluster.step()).isGreaterThan(host.now);
            cluster.pass(1);
        }
        assertThat(cluster.states()).containsExactly("SUSPECT", "READY");
    }

    @Test
    void aSuspectThatIsHeardOfAgainIsReady() {
        cluster.silent.add(1);
        cluster.pass(20);
        assertThat(cluster.states()).containsExactly("SUSPECT", "READY");
        cluster.silent.clear();
        cluster.pass(6);
        assertThat(cluster.states()).containsExactly("READY", "READY");
        cluster.pass(60);
        assertThat(host.take()).isEmpty();
    }

    @Test
    void aWorkerThatBeatsAndAnswersNoProbeHangs() {
        cluster.stuck.add(2);
        cluster.pass(14);
        assertThat(cluster.states()).containsExactly("READY", "READY");
        cluster.pass(2);
        assertThat(cluster.states()).containsExactly("READY", "SUSPECT");
        cluster.pass(28);
        assertThat(host.take()).containsExactly("dump 2", "kill 2");
    }

    @Test
    void aWorkerThatFinishesRequestsIsBusyAndNotHung() {
        cluster.stuck.add(2);
        for (int i = 1; i <= 60; i++) {
            cluster.pass(1);
            cluster.said(2, new Message.Load(10, i, 10, 0, 0, null));
        }
        assertThat(cluster.states()).containsExactly("READY", "READY");
        assertThat(host.take()).isEmpty();
    }

    @Test
    void aWorkerThatAnswersItsHealthPathBadlyIsReplacedHoweverManyRequestsItFinishes() {
        cluster.sick.add(2);
        passWithRequestsOf(2, 14);
        assertThat(cluster.states()).containsExactly("READY", "READY");
        passWithRequestsOf(2, 2);
        assertThat(cluster.states()).containsExactly("READY", "SUSPECT");
        assertThat(cluster.log)
                .anyMatch(line -> line.endsWith("3 probes in a row failed (/health answered with status 503)"));
        passWithRequestsOf(2, 28);
        assertThat(host.take()).containsExactly("dump 2", "kill 2");
    }

    @Test
    void silenceBetweenBadAnswersIsNoRecoveryAndAGoodAnswerIs() {
        cluster.sick.add(2);
        cluster.pass(10);
        cluster.stuck.add(2);
        passWithRequestsOf(2, 5);
        cluster.stuck.clear();
        passWithRequestsOf(2, 5);
        assertThat(cluster.states()).containsExactly("READY", "SUSPECT");
        cluster.sick.clear();
        cluster.pass(6);
        assertThat(cluster.states()).containsExactly("READY", "READY");
        cluster.sick.add(2);
        cluster.pass(10);
        assertThat(cluster.states()).as("counted from one again").containsExactly("READY", "READY");
    }

    @Test
    void anApplicationThatIsSickEverywhereDoesNotEndAllWorkersAtOnce() {
        cluster.sick.add(1);
        cluster.sick.add(2);
        passWithRequestsOf(2, 44);
        assertThat(host.take()).containsExactly("dump 1", "kill 1");
        passWithRequestsOf(2, 10);
        assertThat(host.take()).contains("dump 2");
    }

    /** Time in which a worker finishes more and more requests. */
    private void passWithRequestsOf(int id, int seconds) {
        for (int i = 0; i < seconds; i++) {
            cluster.pass(1);
            cluster.said(id, new Message.Load(10, host.now, 10, 0, 0, null));
        }
    }

    @Test
    void aSilentWorkerThatUsesTheProcessorHasTwiceTheTime() {
        cluster.silent.add(1);
        for (int i = 0; i < 45; i++) {
            cluster.pass(1);
            host.processorTime += PaperCluster.SECOND;
        }
        assertThat(host.take()).isEmpty();
        for (int i = 0; i < 16; i++) {
            cluster.pass(1);
            host.processorTime += PaperCluster.SECOND;
        }
        assertThat(host.take()).containsExactly("dump 1");
    }

    @Test
    void afterTheSupervisorItselfWasAwayNobodyIsKilled() {
        host.now += 600 * PaperCluster.SECOND;
        cluster.step();
        assertThat(cluster.states()).containsExactly("READY", "READY");
        cluster.pass(60);
        assertThat(host.take()).isEmpty();
        assertThat(cluster.log).anyMatch(line -> line.contains("was away"));
    }

    @Test
    void hungWorkersAreNotAllKilledAtOnce() {
        cluster.silent.add(1);
        cluster.silent.add(2);
        cluster.pass(37);
        assertThat(host.take()).containsExactly("dump 1", "kill 1");
        cluster.pass(10);
        assertThat(host.take()).contains("dump 2");
    }

    @Test
    void aWorkerThatNeverSaysHelloIsKilledLongBeforeTheBootTimeout() throws Exception {
        cluster.exited(1, 137);
        host.take();
        cluster.pass(16);
        assertThat(host.take()).containsExactly("kill 3");
        assertThat(cluster.log).anyMatch(line -> line.contains("said nothing within 16.0 s"));
    }

    @Test
    void aCrashLoopEndsInQuarantineAndTheSlotIsTriedEveryHalfMinute() throws Exception {
        for (int i = 0; i < 5; i++) {
            while (!cluster.states().get(0).matches("STARTING|READY")) {
                cluster.pass(1);
            }
            int id = cluster.supervisor.status(host.now).workers().get(0).id();
            cluster.exited(id, 1);
        }
        assertThat(cluster.states().get(0)).isEqualTo("QUARANTINED");
        host.take();
        cluster.pass(29);
        assertThat(host.take()).isEmpty();
        cluster.pass(1);
        assertThat(host.take()).hasSize(1).allMatch(order -> order.startsWith("spawn 1/"));
    }

    @Test
    void threadsAreToldByTheWorkerOrElseGoToItsLog() throws Exception {
        CompletableFuture<Message.Reply> told = cluster.ask("threads", "1");
        assertThat(told).isNotDone();
        cluster.said(1, new Message.Dumped("\"main\" waiting"));
        assertThat(told.join()).isEqualTo(new Message.Reply(0, "\"main\" waiting"));

        CompletableFuture<Message.Reply> silent = cluster.ask("threads", "2");
        cluster.pass(2);
        assertThat(host.take()).containsExactly("dump 2");
        assertThat(silent.join().text()).contains("does not answer");
    }

    @Test
    void onABusyMachineAProcessThatStillLoadsHasTimeUntilTheBootTimeout() {
        cluster.exited(1, 137);
        host.take();
        for (int i = 0; i < 59; i++) {
            host.processorTime += Worker.LEAST_PROGRESS / 10;
            cluster.pass(1);
        }
        assertThat(host.take()).isEmpty();
        cluster.pass(1);
        assertThat(host.take()).containsExactly("kill 3");
        assertThat(cluster.log).anyMatch(line -> line.endsWith("is killed: not ready within 60.0 s"));
    }

    @Test
    void theTimeInWhichTheSupervisorWasAwayIsNoSilence() {
        cluster.exited(1, 137);
        host.take();
        host.now += 60 * PaperCluster.SECOND;
        cluster.step();
        cluster.pass(14);
        assertThat(host.take()).isEmpty();
        cluster.pass(2);
        assertThat(host.take()).containsExactly("kill 3");
    }

    @Test
    @DisplayName("failure 20: the clock of the machine jumps by a day, forth and back, and nobody notices")
    void timeOfDayMayJumpAndDecidesNothing() throws Exception {
        host.timeOfDay = Instant.EPOCH.plus(Duration.ofDays(1));
        cluster.pass(60);
        host.timeOfDay = Instant.EPOCH.minus(Duration.ofDays(1));
        cluster.pass(60);
        assertThat(cluster.states()).containsExactly("READY", "READY");
        assertThat(host.take()).isEmpty();

        // A delay is not cut short by it either.
        cluster.exited(1, 137);
        cluster.exited(3, 1);
        assertThat(host.take()).containsExactly("spawn 1/3");
        host.timeOfDay = Instant.EPOCH.plus(Duration.ofDays(1));
        cluster.step();
        assertThat(host.take()).isEmpty();
        assertThat(cluster.supervisor
                        .status(host.now)
                        .workers()
                        .get(0)
                        .lastExit()
                        .at())
                .as("for people")
                .isEqualTo("1969-12-31T00:00:00Z");
    }
}
