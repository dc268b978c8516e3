package dev.clowder.launcher.supervisor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.launcher.wire.Message;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Reload, deploy, restart and scale, decided on paper. */
class ReplacementTest {
    @TempDir
    Path temporary;

    private PaperCluster cluster;
    private FakeHost host;

    @BeforeEach
    void start() throws Exception {
        cluster = new PaperCluster(temporary);
        host = cluster.host;
    }

    @AfterEach
    void end() throws Exception {
        cluster.close();
    }

    @Test
    void reloadReplacesOneWorkerAfterTheOtherAndAnswersWhenAllAreNew() throws Exception {
        cluster.bothReady();
        CompletableFuture<Message.Reply> reload = cluster.ask("reload");
        assertThat(host.take()).containsExactly("prepare 2", "spawn 1/3");
        cluster.ready(3);
        assertThat(cluster.status()).containsExactly("1/1 READY 1", "1/3 READY 2", "2/2 READY 1");

        cluster.pass(4);
        assertThat(cluster.states()).as("not yet proven").containsExactly("READY", "READY", "READY");
        cluster.pass(1);
        assertThat(cluster.status()).containsExactly("1/3 READY 2", "1/1 DRAINING 1", "2/2 READY 1");
        assertThat(host.take()).as("one extra worker, not two").isEmpty();

        cluster.exited(1, 0);
        assertThat(host.take()).containsExactly("spawn 2/4");
        cluster.ready(4);
        cluster.pass(5);
        assertThat(reload).isNotDone();
        cluster.exited(2, 0);
        assertThat(reload.join()).isEqualTo(new Message.Reply(0, "done, 2 workers"));
        assertThat(cluster.status()).containsExactly("1/3 READY 2", "2/4 READY 2");
        assertThat(host.take()).containsExactly("discard 1");
        assertThat(cluster.supervisor.status(host.now).supervisor().generation())
                .isEqualTo(2);
    }

    @Test
    void oldWorkersLeaveIdleConnectionsOpenAsLongAsTheyMayDrain() throws Exception {
        cluster.bothReady();
        assertThat(cluster.ask("restart", "1")).isNotDone();
        cluster.ready(3);
        cluster.pass(5);
        assertThat(cluster.workers.get(1).receive()).isInstanceOf(Message.Start.class);
        assertThat(cluster.workers.get(1).receive()).isEqualTo(new Message.Stop(30_000, 30_000));
    }

    @Test
    void aNewWorkerThatDiesBeforeItIsReadyStopsTheReloadAndTheOldOnesStay() throws Exception {
        cluster.bothReady();
        CompletableFuture<Message.Reply> reload = cluster.ask("reload");
        cluster.hello(3);
        cluster.said(3, new Message.Failed("application / did not start"));
        cluster.exited(3, 78);
        assertThat(reload.join().exitCode()).isEqualTo(4);
        assertThat(reload.join().text()).contains("application / did not start");
        assertThat(cluster.status()).containsExactly("1/1 READY 1", "2/2 READY 1");
        assertThat(host.take()).contains("discard 2").doesNotContain("kill 1", "kill 2", "terminate 1");
    }

    @Test
    void aNewWorkerThatDiesOnItsFirstRequestsStopsTheReload() throws Exception {
        cluster.bothReady();
        CompletableFuture<Message.Reply> reload = cluster.ask("reload");
        cluster.ready(3);
        cluster.pass(3);
        cluster.exited(3, 1);
        assertThat(reload.join().exitCode()).isEqualTo(4);
        assertThat(cluster.status()).containsExactly("1/1 READY 1", "2/2 READY 1");
    }

    @Test
    void aNewWorkerThatSomebodyElseTellsToLeaveStopsTheReload() throws Exception {
        cluster.bothReady();
        CompletableFuture<Message.Reply> reload = cluster.ask("reload");
        cluster.ready(3);
        cluster.pass(3);
        cluster.said(3, new Message.Leaving(30_000));
        cluster.pass(3);
        assertThat(cluster.step()).isGreaterThan(cluster.host.now);
        assertThat(reload.join().exitCode()).isEqualTo(4);
        assertThat(reload.join().text()).contains("was ready and then told to leave");
        assertThat(host.take()).as("it finishes what it has").doesNotContain("kill 3");
        assertThat(cluster.status()).containsExactly("1/1 READY 1", "1/3 DRAINING 2", "2/2 READY 1");
    }

    @Test
    void workersThatWereReplacedGoBackWhenALaterOneFails() throws Exception {
        cluster.bothReady();
        CompletableFuture<Message.Reply> reload = cluster.ask("reload");
        cluster.ready(3);
        cluster.pass(5);
        cluster.exited(1, 0);
        cluster.hello(4);
        cluster.exited(4, 1);
        assertThat(cluster.status()).containsExactly("1/3 READY 2", "1/5 STARTING 1", "2/2 READY 1");
        cluster.ready(5);
        cluster.pass(5);
        assertThat(reload).isNotDone();
        cluster.exited(3, 0);
        assertThat(reload.join().exitCode()).isEqualTo(4);
        assertThat(cluster.status()).containsExactly("1/5 READY 1", "2/2 READY 1");
        assertThat(host.take()).contains("discard 2");
    }

    @Test
    void aNewWorkerThatAnswersItsHealthPathBadlyStopsTheReloadAndDrainsForItHasClients() throws Exception {
        withHealthPath();
        CompletableFuture<Message.Reply> reload = cluster.ask("reload");
        cluster.ready(3);
        cluster.sick.add(3);
        host.take();
        cluster.pass(15);
        cluster.step();
        assertThat(reload).isDone();
        assertThat(reload.join().exitCode()).isEqualTo(4);
        assertThat(reload.join().text())
                .doesNotContain("\n")
                .contains("3 probes in a row failed (/health answered with status 503)");
        assertThat(cluster.status()).containsExactly("1/1 READY 1", "1/3 DRAINING 2", "2/2 READY 1");
        assertThat(host.take()).isEmpty();
    }

    @Test
    void aNewWorkerIsProvenOnlyByAGoodAnswerOfItsHealthPath() throws Exception {
        withHealthPath();
        CompletableFuture<Message.Reply> restart = cluster.ask("restart", "1");
        cluster.ready(3);
        cluster.sick.add(3);
        cluster.pass(9);
        assertThat(cluster.status())
                .as("it may still warm up")
                .containsExactly("1/1 READY 1", "1/3 READY 1", "2/2 READY 1");
        cluster.sick.clear();
        cluster.pass(1);
        assertThat(cluster.status()).containsExactly("1/3 READY 1", "1/1 DRAINING 1", "2/2 READY 1");
        cluster.exited(1, 0);
        assertThat(restart).isDone();
        assertThat(restart.join().exitCode()).isZero();
    }

    @Test
    void aNewWorkerThatIsTooBusyToAnswerItsHealthPathIsNotWaitedForForEver() throws Exception {
        withHealthPath();
        CompletableFuture<Message.Reply> reload = cluster.ask("reload");
        cluster.ready(3);
        cluster.stuck.add(3);
        for (int i = 0; i < 61; i++) {
            cluster.pass(1);
            cluster.said(3, new Message.Load(10, host.now, 10, 0, 0, null));
        }
        assertThat(reload).isDone();
        assertThat(reload.join().exitCode()).isEqualTo(4);
        assertThat(reload.join().text()).contains("gave no good answer to /health within 60.0 s");
        assertThat(cluster.status()).containsExactly("1/1 READY 1", "1/3 DRAINING 2", "2/2 READY 1");
    }

    /** Its first probe is due when it has been well for long enough, which may be more than it had for its start. */
    @Test
    void aNewWorkerIsAskedBeforeItIsBlamed() throws Exception {
        withHealthPath(Duration.ofSeconds(1));
        CompletableFuture<Message.Reply> restart = cluster.ask("restart", "1");
        cluster.ready(3);
        cluster.pass(6);
        cluster.exited(1, 0);
        assertThat(restart).isDone();
        assertThat(restart.join().exitCode()).as(restart.join().text()).isZero();
    }

    @Test
    void aNewWorkerIsNotBlamedForTheTimeInWhichTheSupervisorWasAway() throws Exception {
        withHealthPath();
        CompletableFuture<Message.Reply> restart = cluster.ask("restart", "1");
        cluster.ready(3);
        cluster.pass(2);
        host.now += 600 * PaperCluster.SECOND;
        cluster.step();
        assertThat(restart).isNotDone();
        cluster.pass(6);
        cluster.exited(1, 0);
        assertThat(restart).isDone();
        assertThat(restart.join().exitCode()).as(restart.join().text()).isZero();
    }

    private void withHealthPath() throws Exception {
        withHealthPath(Duration.ofSeconds(60));
    }

    private void withHealthPath(Duration boot) throws Exception {
        cluster.close();
        cluster = new PaperCluster(temporary.resolve("other"), 1, 0, 0, "/health", boot);
        host = cluster.host;
        cluster.bothReady();
    }

    @Test
    void aWorkerThatIsNotReadyInTimeStopsTheReload() throws Exception {
        cluster.bothReady();
        CompletableFuture<Message.Reply> reload = cluster.ask("reload");
        cluster.hello(3);
        cluster.pass(60);
        assertThat(host.take()).contains("kill 3");
        cluster.exited(3, 137);
        assertThat(reload.join().exitCode()).isEqualTo(4);
        assertThat(reload.join().text()).contains("not ready within 60.0 s");
    }

    @Test
    void anOldWorkerThatDiesWhileItsSuccessorBootsIsNotReplacedTwice() throws Exception {
        cluster.bothReady();
        CompletableFuture<Message.Reply> reload = cluster.ask("reload");
        cluster.hello(3);
        host.take();
        cluster.exited(1, 137);
        assertThat(host.take()).isEmpty();
        cluster.said(3, new Message.Ready());
        cluster.alive.add(3);
        cluster.pass(5);
        assertThat(cluster.status()).contains("1/3 READY 2");
        cluster.ready(4);
        cluster.pass(5);
        cluster.exited(2, 0);
        assertThat(reload.join().exitCode()).isZero();
    }

    @Test
    void anOldWorkerThatDiesWhileItsSuccessorFailsIsReplacedByTheOldGeneration() throws Exception {
        cluster.bothReady();
        CompletableFuture<Message.Reply> reload = cluster.ask("reload");
        cluster.hello(3);
        cluster.exited(1, 137);
        cluster.exited(3, 1);
        assertThat(reload.join().exitCode()).isEqualTo(4);
        cluster.step();
        assertThat(cluster.status()).containsExactly("1/4 STARTING 1", "2/2 READY 1");
    }

    @Test
    void withoutSurgeTheOldWorkerLeavesFirst() throws Exception {
        cluster.close();
        cluster = new PaperCluster(temporary.resolve("other"), 0, 0);
        host = cluster.host;
        cluster.bothReady();
        CompletableFuture<Message.Reply> restart = cluster.ask("restart", "2");
        assertThat(host.take()).isEmpty();
        assertThat(cluster.states()).containsExactly("READY", "DRAINING");
        cluster.exited(2, 0);
        assertThat(host.take()).containsExactly("spawn 2/3");
        cluster.ready(3);
        cluster.pass(5);
        assertThat(restart.join().exitCode()).isZero();
    }

    @Test
    void withoutSurgeAFailureBringsTheOldGenerationBack() throws Exception {
        cluster.close();
        cluster = new PaperCluster(temporary.resolve("other"), 0, 0);
        host = cluster.host;
        cluster.bothReady();
        CompletableFuture<Message.Reply> reload = cluster.ask("reload");
        cluster.exited(1, 0);
        cluster.hello(3);
        cluster.exited(3, 1);
        assertThat(reload.join().exitCode()).isEqualTo(4);
        cluster.step();
        assertThat(cluster.status()).containsExactly("1/4 STARTING 1", "2/2 READY 1");
    }

    @Test
    void aSecondChangeIsRefusedWithTheNameAndStartOfTheFirst() throws Exception {
        cluster.bothReady();
        assertThat(cluster.ask("reload")).isNotDone();
        for (String other : new String[] {"reload", "scale", "restart", "deploy"}) {
            Message.Reply refused = cluster.ask(other, "1").join();
            assertThat(refused.exitCode()).isEqualTo(6);
            assertThat(refused.text()).contains("reload is in progress since 1970-01-01T00:00:00Z");
        }
    }

    @Test
    void aChangeDuringTheStartIsRefusedWithTheTimeOfTheStart() throws Exception {
        Message.Reply refused = cluster.ask("scale", "3").join();
        assertThat(refused.exitCode()).isEqualTo(6);
        assertThat(refused.text())
                .isEqualTo(
                        "scale refused: the start is in progress since 1970-01-01T00:00:00Z, no worker is ready yet");
    }

    @Test
    void aStopEndsAReloadWithAnAnswer() throws Exception {
        cluster.bothReady();
        CompletableFuture<Message.Reply> reload = cluster.ask("reload");
        cluster.supervisor.post(new Event.StopAsked(false));
        cluster.step();
        assertThat(reload.join().exitCode()).isEqualTo(6);
        cluster.exited(1, 0);
        cluster.exited(2, 0);
        cluster.exited(3, 0);
        assertThat(cluster.supervisor.run()).isZero();
    }

    @Test
    void applicationsThatCantBeReadChangeNothing() throws Exception {
        cluster.bothReady();
        host.problemOfApplications = "shop.war: not a valid .war file";
        Message.Reply reply = cluster.ask("reload").join();
        assertThat(reply).isEqualTo(new Message.Reply(2, "shop.war: not a valid .war file"));
        assertThat(cluster.states()).containsExactly("READY", "READY");
        host.problemOfApplications = "";
        assertThat(cluster.ask("deploy", temporary.resolve("nothing.war").toString())
                        .join()
                        .text())
                .contains("no such file");
    }

    @Test
    void scaleUpAnswersWhenTheNewWorkerIsReadyAndScaleDownWhenItIsGone() throws Exception {
        cluster.bothReady();
        CompletableFuture<Message.Reply> up = cluster.ask("scale", "3");
        cluster.step();
        assertThat(host.take()).containsExactly("spawn 3/3");
        assertThat(up).isNotDone();
        cluster.ready(3);
        assertThat(up.join()).isEqualTo(new Message.Reply(0, "done, 3 workers"));

        CompletableFuture<Message.Reply> down = cluster.ask("scale", "-2");
        assertThat(cluster.states()).containsExactly("READY", "DRAINING", "DRAINING");
        cluster.exited(2, 0);
        assertThat(down).isNotDone();
        cluster.exited(3, 0);
        assertThat(down.join().exitCode()).isZero();
        assertThat(cluster.status()).containsExactly("1/1 READY 1");
    }

    @Test
    void aScaleWhoseWorkersCanNotEvenBeStartedIsRefusedAndBlocksNobody() throws Exception {
        cluster.bothReady();
        host.broken = true;
        CompletableFuture<Message.Reply> up = cluster.ask("scale", "3");
        cluster.step();
        assertThat(up.join())
                .isEqualTo(new Message.Reply(4, "refused, back to 2: can't start a worker: no more processes"));
        assertThat(cluster.status()).containsExactly("1/1 READY 1", "2/2 READY 1");
        host.broken = false;
        CompletableFuture<Message.Reply> again = cluster.ask("scale", "3");
        cluster.step();
        cluster.ready(4);
        assertThat(again.join()).isEqualTo(new Message.Reply(0, "done, 3 workers"));
    }

    @Test
    @DisplayName("failure 38: a new worker gets its share of the machine by the number of workers of that moment")
    void sharesOfTheMachineFollowTheNumberOfWorkers() throws Exception {
        cluster.bothReady();
        assertThat(host.sharers).isEqualTo(2);
        CompletableFuture<Message.Reply> up = cluster.ask("scale", "3");
        cluster.step();
        assertThat(host.sharers).isEqualTo(3);
        cluster.ready(3);
        assertThat(up.join().exitCode()).isZero();
        CompletableFuture<Message.Reply> down = cluster.ask("scale", "1");
        cluster.exited(2, 0);
        cluster.exited(3, 0);
        assertThat(down.join().exitCode()).isZero();
        assertThat(cluster.ask("reload")).isNotDone();
        assertThat(host.sharers).isEqualTo(1);
    }

    @Test
    @DisplayName("failure 12: when a new worker dies while the next one proves itself, that one drains: it has clients")
    void aNewWorkerThatServesIsNotKilledForTheDeathOfAnother() throws Exception {
        cluster.bothReady();
        CompletableFuture<Message.Reply> reload = cluster.ask("reload");
        cluster.ready(3);
        cluster.pass(5);
        cluster.exited(1, 0);
        cluster.ready(4);
        cluster.pass(2);
        host.take();
        cluster.exited(3, 137);
        assertThat(host.take()).as("the first slot goes back").containsExactly("spawn 1/5");
        assertThat(cluster.status()).containsExactly("1/5 STARTING 1", "2/2 READY 1", "2/4 DRAINING 2");
        cluster.exited(4, 0);
        cluster.ready(5);
        cluster.pass(5);
        assertThat(reload.join().exitCode()).isEqualTo(4);
        assertThat(cluster.status()).containsExactly("1/5 READY 1", "2/2 READY 1");
    }

    @Test
    void scaleGoesBackWhenTheNewWorkerCantStart() throws Exception {
        cluster.bothReady();
        CompletableFuture<Message.Reply> up = cluster.ask("scale", "3");
        cluster.step();
        cluster.hello(3);
        cluster.exited(3, 1);
        assertThat(up.join().exitCode()).isEqualTo(4);
        assertThat(cluster.status()).containsExactly("1/1 READY 1", "2/2 READY 1");
    }

    @Test
    void scaleDoesNotWaitForASlotThatWasNotReadyBefore() throws Exception {
        cluster.bothReady();
        quarantine();
        CompletableFuture<Message.Reply> up = cluster.ask("scale", "3");
        cluster.step();
        List<String> orders = host.take();
        int third = Integer.parseInt(orders.get(orders.size() - 1).substring("spawn 3/".length()));
        assertThat(up).isNotDone();
        cluster.ready(third);
        assertThat(up).isDone();
        assertThat(up.join()).isEqualTo(new Message.Reply(0, "done, 3 workers, 2 of them ready"));

        CompletableFuture<Message.Reply> down = cluster.ask("scale", "2");
        assertThat(down).isNotDone();
        cluster.exited(third, 0);
        assertThat(down).isDone();
        assertThat(down.join()).isEqualTo(new Message.Reply(0, "done, 2 workers, 1 of them ready"));
    }

    private void quarantine() throws Exception {
        while (!cluster.states().get(1).equals("QUARANTINED")) {
            while (!cluster.states().get(1).matches("STARTING|READY")) {
                cluster.pass(1);
            }
            cluster.exited(cluster.supervisor.status(host.now).workers().get(1).id(), 1);
        }
        host.take();
    }

    @Test
    void wrongNumbersAreRefused() throws Exception {
        cluster.bothReady();
        assertThat(cluster.ask("scale", "none").join().exitCode()).isEqualTo(2);
        assertThat(cluster.ask("scale", "-2").join().exitCode()).isEqualTo(2);
        assertThat(cluster.ask("restart", "3").join())
                .isEqualTo(new Message.Reply(2, "restart 3: no such slot, use 1 to 2"));
    }

    @Test
    void aWorkerOverItsMemoryLimitIsReplacedOneAtATime() throws Exception {
        cluster.close();
        cluster = new PaperCluster(temporary.resolve("other"), 1, 500L << 20);
        host = cluster.host;
        cluster.bothReady();
        host.residentBytes = 600L << 20;
        cluster.pass(1);
        assertThat(host.take()).containsExactly("spawn 1/3");
        assertThat(cluster.states()).containsExactly("READY", "STARTING", "READY");
        cluster.ready(3);
        cluster.pass(5);
        cluster.exited(1, 0);
        cluster.step();
        assertThat(host.take()).as("then the other slot").containsExactly("spawn 2/4");
        cluster.ready(4);
        cluster.pass(5);
        cluster.exited(2, 0);

        // The limit is below what any worker needs: that must not be a loop.
        cluster.pass(40);
        assertThat(host.take()).isEmpty();
        cluster.pass(20);
        assertThat(host.take()).containsExactly("spawn 1/5");
    }

    @Test
    void whileANewGenerationTakesOverTheClusterIsReloading() throws Exception {
        assertThat(cluster.supervisor.state()).isEqualTo(Observer.State.STARTING);
        cluster.bothReady();
        assertThat(cluster.supervisor.state()).isEqualTo(Observer.State.RUNNING);
        CompletableFuture<Message.Reply> reload = cluster.ask("reload");
        assertThat(cluster.supervisor.state()).isEqualTo(Observer.State.RELOADING);
        cluster.exited(3, 1);
        assertThat(reload.join().exitCode()).isEqualTo(4);
        assertThat(cluster.supervisor.state()).isEqualTo(Observer.State.RUNNING);
    }
}
