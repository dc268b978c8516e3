package dev.clowder.launcher.acceptor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.launcher.config.AcceptMode;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class BalancerTest {
    private static final long START = TimeUnit.SECONDS.toNanos(100);
    private static final long WARM = START + TimeUnit.SECONDS.toNanos(Balancer.RAMP_SECONDS);

    private static Balancer balancer(AcceptMode policy, int... ids) {
        Balancer balancer = new Balancer(policy, true);
        List<Integer> ready = new ArrayList<>();
        for (int id : ids) {
            balancer.connected(id);
            ready.add(id);
        }
        balancer.ready(ready, START);
        return balancer;
    }

    private static List<Integer> next(Balancer balancer, int times) {
        List<Integer> chosen = new ArrayList<>();
        for (int i = 0; i < times; i++) {
            chosen.add(balancer.next(WARM));
        }
        return chosen;
    }

    /** As a worker answers that keeps everything it gets. */
    private static int nextTaken(Balancer balancer, long now, int[] connections) {
        int id = balancer.next(now);
        balancer.taken(id, ++connections[id]);
        return id;
    }

    @Test
    void idleWorkersAreServedFirstComeFirstServed() {
        Balancer balancer = balancer(AcceptMode.ROUND_ROBIN, 1, 2, 3);
        assertThat(next(balancer, 3)).containsExactly(1, 2, 3);
        balancer.taken(3, 1);
        balancer.taken(1, 1);
        assertThat(next(balancer, 2)).as("in the order of their answers").containsExactly(3, 1);
    }

    @Test
    void aWorkerThatDoesNotAnswerGetsMoreOnlyWhenTheOthersHaveAsMuchToAnswer() {
        Balancer balancer = balancer(AcceptMode.ROUND_ROBIN, 1, 2);
        assertThat(next(balancer, 2)).containsExactly(1, 2);
        int[] connections = new int[3];
        for (int i = 0; i < 20; i++) {
            balancer.taken(2, ++connections[2]);
            assertThat(balancer.next(WARM)).isEqualTo(2);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"ROUND_ROBIN", "LEAST_CONNECTIONS"})
    void failure32UnansweredHandoversAreBoundedAndAnAnswerMakesRoom(AcceptMode policy) {
        Balancer balancer = balancer(policy, 1, 2);
        assertThat(next(balancer, 2 * Balancer.MOST_UNACKNOWLEDGED)).doesNotContain(Balancer.NOBODY);
        assertThat(balancer.canChoose()).isFalse();
        assertThat(balancer.next(WARM)).isEqualTo(Balancer.NOBODY);
        balancer.taken(2, 1);
        assertThat(balancer.canChoose()).isTrue();
        assertThat(next(balancer, 2)).containsExactly(2, Balancer.NOBODY);
    }

    @ParameterizedTest
    @EnumSource(names = {"ROUND_ROBIN", "LEAST_CONNECTIONS"})
    void behaviours42And44AWorkerThatGaveBackGetsNothingUntilItHasRoom(AcceptMode policy) {
        Balancer balancer = balancer(policy, 1, 2);
        int refusing = balancer.next(WARM);
        int other = 3 - refusing;
        balancer.givenBack(refusing);
        assertThat(next(balancer, 3)).containsOnly(other);
        balancer.disconnected(other);
        assertThat(balancer.canChoose()).isFalse();
        balancer.room(refusing, 0);
        assertThat(next(balancer, 2)).containsOnly(refusing);
    }

    @ParameterizedTest
    @EnumSource(names = {"ROUND_ROBIN", "LEAST_CONNECTIONS"})
    void onlyWorkersThatAreReadyAndConnectedAreChosen(AcceptMode policy) {
        Balancer balancer = new Balancer(policy, true);
        balancer.ready(List.of(1, 2), START);
        assertThat(balancer.canChoose()).as("ready, not connected").isFalse();
        balancer.connected(1);
        balancer.connected(3);
        assertThat(next(balancer, 3)).as("3 is connected, not ready").containsOnly(1);
        balancer.ready(List.of(2, 3), START);
        assertThat(next(balancer, 3)).containsOnly(3);
        balancer.disconnected(3);
        assertThat(balancer.next(WARM)).isEqualTo(Balancer.NOBODY);
    }

    @Test
    void theFewestConnectionsWinAndAmongEqualsTheLongestWithout() {
        Balancer balancer = balancer(AcceptMode.LEAST_CONNECTIONS, 1, 2);
        int[] connections = new int[3];
        balancer.room(1, 3);
        connections[1] = 3;
        List<Integer> chosen = new ArrayList<>();
        for (int i = 0; i < 7; i++) {
            chosen.add(nextTaken(balancer, WARM, connections));
        }
        assertThat(chosen).containsExactly(2, 2, 2, 1, 2, 1, 2);
    }

    @Test
    void behaviour55WithOneSlowConnectionTheFastOnesAllGoToTheOther() {
        Balancer balancer = balancer(AcceptMode.LEAST_CONNECTIONS, 1, 2);
        int busy = balancer.next(WARM);
        balancer.taken(busy, 1);
        for (int i = 0; i < 8; i++) {
            int id = balancer.next(WARM);
            assertThat(id).isNotEqualTo(busy);
            // It was the only one there, and has ended.
            balancer.taken(id, 1);
            balancer.room(id, 0);
        }
    }

    @Test
    void aColdWorkersShareGrowsFromATenthToAWholeOne() {
        Balancer balancer = balancer(AcceptMode.ROUND_ROBIN, 1);
        balancer.connected(2);
        balancer.ready(List.of(1, 2), WARM);
        assertThat(sharesOf2(balancer, WARM)).isEqualTo(18); // 0.1 against 1
        assertThat(sharesOf2(balancer, WARM + TimeUnit.SECONDS.toNanos(5))).isBetween(66, 67); // 0.5 against 1
        assertThat(sharesOf2(balancer, WARM + TimeUnit.SECONDS.toNanos(10))).isEqualTo(100);
        assertThat(sharesOf2(balancer, WARM + TimeUnit.SECONDS.toNanos(99))).isEqualTo(100);
    }

    /** Of 200 connections. */
    private static int sharesOf2(Balancer balancer, long now) {
        int[] connections = new int[3];
        for (int i = 0; i < 200; i++) {
            nextTaken(balancer, now, connections);
        }
        return connections[2];
    }

    @Test
    void aColdWorkerWithoutConnectionsIsNotFloodedByAllNewOnes() {
        Balancer balancer = balancer(AcceptMode.LEAST_CONNECTIONS, 1);
        balancer.room(1, 100);
        balancer.connected(2);
        balancer.ready(List.of(1, 2), WARM);
        int[] connections = {0, 100, 0};
        for (int i = 0; i < 30; i++) {
            nextTaken(balancer, WARM, connections);
        }
        assertThat(connections[2]).as("one in ten").isEqualTo(3);
        assertThat(connections[1]).isEqualTo(127);
    }

    @Test
    void withoutARampTurnsAreEqualHoweverColdAWorkerIs() {
        Balancer balancer = new Balancer(AcceptMode.ROUND_ROBIN, false);
        balancer.connected(1);
        balancer.ready(List.of(1), START);
        balancer.connected(2);
        balancer.ready(List.of(1, 2), WARM);
        assertThat(sharesOf2(balancer, WARM)).isEqualTo(100);
    }

    @Test
    void workersThatAreAllColdShareEqually() {
        Balancer balancer = balancer(AcceptMode.ROUND_ROBIN, 1, 2);
        int[] connections = new int[3];
        for (int i = 0; i < 40; i++) {
            nextTaken(balancer, START, connections);
        }
        assertThat(connections[1]).isEqualTo(20);
    }
}
