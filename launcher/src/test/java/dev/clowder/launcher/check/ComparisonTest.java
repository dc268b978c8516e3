package dev.clowder.launcher.check;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** One page that counts: 1 in the first pass, then 2 and 3, then 4, and 1 for the other user. */
class ComparisonTest {
    private static final List<Step> JOURNEY = List.of(Step.get("/count"));

    private static final Replay.Position RELOADED = Replay.middle(0, JOURNEY);
    private static final Replay.Position KILLED = Replay.middle(1, JOURNEY);

    private final Findings findings = new Findings();
    private Comparison comparison;

    private static List<Answer> answers(int... numbers) {
        List<Answer> answers = new ArrayList<>();
        for (int number : numbers) {
            answers.add(new Answer(200, Map.of(), "number " + number));
        }
        return answers;
    }

    @BeforeEach
    void expectation() {
        List<Answer> single = answers(1, 2, 3, 4, 1);
        comparison = new Comparison(JOURNEY, new Expectation(Replay.positions(JOURNEY), single, single), findings);
    }

    private List<String> keys() {
        return findings.list().stream().map(Finding::key).toList();
    }

    @Test
    void theSameAnswersAreNoFinding() {
        comparison.spread(answers(1, 2, 3, 4, 1), Map.of());
        comparison.together(answers(1, 2, 3, 4, 1), Map.of());
        comparison.unkind(answers(1, 2, 3, 4, 1), Map.of(), RELOADED, KILLED);
        assertThat(keys()).isEmpty();
    }

    @Test
    void aPageThatGrowsWithEachReplayIsNotComparedAndNotOk() {
        List<Answer> longer = answers(1, 2, 3, 4, 1).stream()
                .map(answer -> new Answer(200, Map.of(), answer.body() + " and more"))
                .toList();
        Expectation growing = new Expectation(Replay.positions(JOURNEY), answers(1, 2, 3, 4, 1), longer);
        List<String> leftOut = new ArrayList<>();
        new Comparison(JOURNEY, growing, findings).obstacles(leftOut);
        assertThat(leftOut).containsExactly("GET /count: not compared, two single workers answer at different length");
        assertThat(findings.verdict(Rule.ANSWER_DIFFERS)).isEqualTo(Findings.Verdict.NOT_LOOKED_AT);
    }

    @Test
    void whereASingleWorkerGivesNoAnswerNothingIsCompared() {
        List<Answer> none = answers(1, 2, 3, 4, 1).stream()
                .map(any -> Answer.none("closed"))
                .toList();
        Comparison silent = new Comparison(JOURNEY, new Expectation(Replay.positions(JOURNEY), none, none), findings);
        silent.spread(answers(1, 2, 3, 4, 1), Map.of());
        silent.obstacles(new ArrayList<>());
        assertThat(keys()).isEmpty();
        assertThat(findings.verdict(Rule.LOST_BY_RELOAD)).isEqualTo(Findings.Verdict.NOT_LOOKED_AT);
    }

    @Test
    void whatCanBeComparedIsNotLeftOut() {
        List<String> leftOut = new ArrayList<>();
        comparison.obstacles(leftOut);
        assertThat(leftOut).isEmpty();
        assertThat(findings.verdict(Rule.ANSWER_DIFFERS)).isEqualTo(Findings.Verdict.OK);
    }

    @Test
    void aDifferenceIsOneFindingHoweverOftenItIsSeen() {
        comparison.spread(answers(1, 1, 2, 2, 3), Map.of());
        comparison.unkind(answers(1, 1, 2, 2, 3), Map.of(), RELOADED, KILLED);
        assertThat(keys()).containsExactly("answer-differs GET /count");
    }

    @Test
    void ofTwoRequestsAtOnceEitherMayBeTheFirst() {
        comparison.together(answers(1, 3, 2, 4, 1), Map.of());
        assertThat(keys()).isEmpty();
        comparison.together(answers(1, 2, 2, 3, 1), Map.of());
        assertThat(keys()).containsExactly("together GET /count");
    }

    @Test
    void whatIsLostByTheReloadIsNotBlamedOnTheKill() {
        comparison.unkind(answers(1, 1, 2, 1, 1), Map.of(), RELOADED, KILLED);
        assertThat(keys()).containsExactly("lost-by-reload GET /count");
    }

    @Test
    void whatIsLostOnlyAfterTheKillIsBlamedOnIt() {
        comparison.unkind(answers(1, 2, 3, 1, 1), Map.of(), RELOADED, KILLED);
        assertThat(keys()).containsExactly("lost-with-worker GET /count");
    }

    @Test
    void aSingleRequestIsReplayedBeforeAndAfterEach() {
        assertThat(RELOADED).isEqualTo(new Replay.Position(1, 0, 0));
        assertThat(KILLED).isEqualTo(new Replay.Position(2, 0, 0));
    }

    /** Its user logs in, is known, and is not known any more when the worker dies in between. */
    @Test
    void whatIsLostBetweenTwoRequestsIsSeenInTheSamePass() {
        List<Step> journey = List.of(Step.get("/login"), Step.get("/account"));
        Replay.Position reloaded = Replay.middle(0, journey);
        Replay.Position killed = Replay.middle(1, journey);
        assertThat(List.of(reloaded, killed))
                .containsExactly(new Replay.Position(0, 1, 0), new Replay.Position(1, 1, 0));
        List<Replay.Position> positions = Replay.positions(journey);
        List<Answer> single = positions.stream()
                .map(position -> new Answer(200, Map.of(), "fine"))
                .toList();
        List<Answer> lost = positions.stream()
                .map(position -> new Answer(
                        position.pass() == killed.pass() && position.step() == killed.step() ? 401 : 200,
                        Map.of(),
                        "fine"))
                .toList();
        new Comparison(journey, new Expectation(positions, single, single), findings)
                .unkind(lost, Map.of(), reloaded, killed);
        assertThat(keys()).containsExactly("lost-with-worker GET /account");
    }

    @Test
    void whatAValueInMemoryExplainsIsEvidenceOfIt() {
        Finding counter = findings.of(Rule.MEMORY_DIFFERS, "Shop.count");
        comparison.spread(answers(1, 1, 2, 2, 3), Map.of("Shop.count", Set.of("GET /count")));
        assertThat(keys()).containsExactly("memory-differs Shop.count");
        assertThat(counter.evidence()).anyMatch(line -> line.contains("instead of"));
    }

    @Test
    void anAttributeThatCanNotBeSerialisedExplainsWhatAReloadLoses() {
        findings.of(Rule.SESSION_NOT_SERIALISABLE, "attribute basket");
        comparison.unkind(answers(1, 1, 2, 1, 1), Map.of(), RELOADED, KILLED);
        assertThat(keys()).containsExactly("session-not-serialisable attribute basket");
    }
}
