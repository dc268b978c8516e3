package dev.clowder.launcher.supervisor;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.jna.Native;
import java.io.BufferedReader;
import java.time.Duration;
import java.util.Set;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

/**
 * Foreign children (cluster.md, behaviour 61; failure 21). This JVM makes itself what the first process of a container is:
 * whoever loses its parent below it becomes its child.
 */
@EnabledOnOs(OS.LINUX)
class ReaperTest {
    private static final int PR_SET_CHILD_SUBREAPER = 36;
    private static final String WAIT = "(while kill -0 $$; do sleep 0.05; done; ";
    private static final Duration SOON = Duration.ofSeconds(60);

    @BeforeEach
    void adoptOrphans() {
        assertThat(C.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)).isZero();
    }

    @AfterEach
    void adoptNoMore() {
        C.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
    }

    @Test
    void aChildThatNobodyAskedForIsReaped() throws Exception {
        long pid = orphan();
        awaitState(pid, 'Z');
        Reaper reaper = new Reaper(other -> false);
        Set<ProcessStat> zombies = reaper.zombies();
        assertThat(zombies).anyMatch(zombie -> zombie.pid() == pid);
        reaper.reap(zombies);
        assertThat(ProcessStat.of(pid)).isNull();
    }

    @Test
    void aRunningReaperLeavesNoZombie() throws Exception {
        try (Reaper reaper = new Reaper(other -> false)) {
            reaper.start();
            long first = orphan();
            Awaitility.await().atMost(SOON).until(() -> ProcessStat.of(first) == null);
            long second = orphan();
            Awaitility.await().atMost(SOON).until(() -> ProcessStat.of(second) == null);
        }
    }

    @Test
    void aChildOfSomebodyElseInThisProcessIsLeftToThem() throws Exception {
        long pid = orphan();
        awaitState(pid, 'Z');
        assertThat(new Reaper(other -> other == pid).zombies()).noneMatch(zombie -> zombie.pid() == pid);
        assertThat(Posix.reap(pid)).isTrue();
    }

    @Test
    void whatWasNoZombieBeforeIsNotReaped() throws Exception {
        long pid = orphan();
        awaitState(pid, 'Z');
        new Reaper(other -> false).reap(Set.of());
        assertThat(ProcessStat.of(pid)).isNotNull();
        assertThat(Posix.reap(pid)).isTrue();
    }

    @Test
    void theEndOfAnAdoptedChildIsSeenWithItsCode() throws Exception {
        long pid = orphan("exit 42");
        assertThat(Posix.awaitExit(ProcessHandle.of(pid).orElseThrow())).isEqualTo(42);
        long killed = orphan("exec sleep 600");
        ProcessHandle handle = ProcessHandle.of(killed).orElseThrow();
        handle.destroyForcibly();
        assertThat(Posix.awaitExit(handle)).isEqualTo(128 + 9);
        assertThat(ProcessStat.of(killed)).isNull();
    }

    @Test
    void theEndOfAStrangerIsSeenWithoutACode() throws Exception {
        adoptNoMore();
        long pid = orphan("exec sleep 600");
        ProcessHandle handle = ProcessHandle.of(pid).orElseThrow();
        assertThat(ProcessStat.of(pid).parent())
                .isNotEqualTo(ProcessHandle.current().pid());
        handle.destroyForcibly();
        assertThat(Posix.awaitExit(handle)).isEqualTo(Posix.UNKNOWN_EXIT);
    }

    @Test
    void aCommandsNameMayLookLikeTheRestOfTheLine() {
        String line = "7 (a) R 1 (b) Z 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 4711 22 23";
        ProcessStat stat = ProcessStat.parse(7, line);
        assertThat(stat).isEqualTo(new ProcessStat(7, 'Z', 3, 4711));
        assertThat(stat.isDead()).isTrue();
    }

    private static long orphan() throws Exception {
        return orphan("true");
    }

    /** A process whose parent, a shell, is gone: only then it begins, or the shell might still ask for its end. */
    private static long orphan(String command) throws Exception {
        Process shell = new ProcessBuilder("sh", "-c", WAIT + command + ") >/dev/null 2>&1 & echo $!").start();
        try (BufferedReader output = shell.inputReader()) {
            long pid = Long.parseLong(output.readLine());
            shell.waitFor();
            return pid;
        }
    }

    private static void awaitState(long pid, char state) {
        long self = ProcessHandle.current().pid();
        Awaitility.await().atMost(SOON).until(() -> {
            ProcessStat stat = ProcessStat.of(pid);
            return stat != null && stat.state() == state && stat.parent() == self;
        });
    }

    private static final class C {
        static {
            Native.register(C.class, "c");
        }

        static native int prctl(int option, long second, long third, long fourth, long fifth);
    }
}
