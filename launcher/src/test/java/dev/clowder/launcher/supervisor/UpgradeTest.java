package dev.clowder.launcher.supervisor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.launcher.config.AcceptMode;
import dev.clowder.launcher.wire.Message;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What is said to somebody whose upgrade can't be. */
@Timeout(60)
class UpgradeTest {
    @TempDir
    Path temporary;

    private final CountDownLatch mayGoOn = new CountDownLatch(1);

    @Test
    void aModeThatStandsInTheWayIsNamedAsUsersWriteIt() throws Exception {
        try (PaperCluster cluster = new PaperCluster(temporary)) {
            Message.Reply reply =
                    begin(upgrade(cluster, AcceptMode.ROUND_ROBIN)).join();
            assertThat(reply.exitCode()).isEqualTo(2);
            assertThat(reply.text()).startsWith("can't upgrade: with --accept round-robin connections end");
        }
    }

    @Test
    void aSecondUpgradeIsRefusedWithTheStartOfTheFirst() throws Exception {
        try (PaperCluster cluster = new PaperCluster(temporary)) {
            Upgrade upgrade = upgrade(cluster, AcceptMode.SHARED);
            CompletableFuture<Message.Reply> first = begin(upgrade);
            Message.Reply second = begin(upgrade).join();
            assertThat(second.exitCode()).isEqualTo(6);
            assertThat(second.text()).isEqualTo("upgrade refused: upgrade is in progress since 1970-01-01T00:00:00Z");
            mayGoOn.countDown();
            assertThat(first.join().exitCode()).isEqualTo(4);
        }
    }

    /** One that must fail, for this process is no cluster, but not before it may. */
    private Upgrade upgrade(PaperCluster cluster, AcceptMode mode) {
        Observer patient = new Observer() {
            @Override
            public void log(String line) {
                try {
                    mayGoOn.await();
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            }

            @Override
            public void changed(WorkerEvent event) {}
        };
        return new Upgrade(
                cluster.config, mode, List.of("run", "no such"), event -> {}, () -> cluster.host.timeOfDay, patient);
    }

    private static CompletableFuture<Message.Reply> begin(Upgrade upgrade) {
        CompletableFuture<Message.Reply> answer = new CompletableFuture<>();
        upgrade.begin(new Answer(answer));
        return answer;
    }
}
