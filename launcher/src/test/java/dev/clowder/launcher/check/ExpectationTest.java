package dev.clowder.launcher.check;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ExpectationTest {
    private static final List<Step> ONE = List.of(Step.get("/"));

    private static Answer answer(String body) {
        return new Answer(200, Map.of("content-type", List.of("text/plain")), body);
    }

    /** What is said of an answer to the first request, when two single workers gave these to all five. */
    private static @Nullable String difference(String first, String second, String seen) {
        List<Replay.Position> positions = Replay.positions(ONE);
        return new Expectation(
                        positions,
                        positions.stream().map(any -> answer(first)).toList(),
                        positions.stream().map(any -> answer(second)).toList())
                .difference(0, answer(seen));
    }

    @ParameterizedTest
    @CsvSource({
        "visitor 1,            visitor 1,            visitor 1",
        "id 8d7f of 3,         id 77aa of 3,         id 0001 of 3",
        "at 10:11:12,          at 10:11:12,          at 23:59:00.5",
        "2026-01-01,           2026-01-01,           2027-12-31",
        "short,                something much longer,whatever it is",
        "x;jsessionid=0123456789ABCDEF0123456789ABCDEF.1, x;jsessionid=0123456789ABCDEF0123456789ABCDEF.1,"
                + " x;jsessionid=FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF.2"
    })
    void whatDiffersBetweenSingleWorkersOrByNatureIsNoise(String first, String second, String seen) {
        assertThat(difference(first, second, seen)).isNull();
    }

    @Test
    void anyOtherDifferenceIsToldWithItsSurroundings() {
        assertThat(difference("id 8d7f of 3", "id 77aa of 3", "id 0001 of 4"))
                .isEqualTo("«id 0001 of 4» instead of «id 8d7f of 3»");
        assertThat(difference("a b", "a b", "a b c")).contains("instead of");
    }

    @Test
    void statusPlaceAndTypeCount() {
        List<Replay.Position> positions = Replay.positions(ONE);
        List<Answer> good = positions.stream().map(any -> answer("same")).toList();
        Expectation expected = new Expectation(positions, good, good);
        assertThat(expected.difference(0, new Answer(500, Map.of(), "same"))).contains("status 500", "status 200");
        assertThat(expected.difference(0, Answer.none("closed"))).contains("no answer");
        assertThat(expected.difference(0, new Answer(200, Map.of("content-type", List.of("text/html")), "same")))
                .contains("text/html");
    }

    @Test
    void aPlaceThatDiffersOnceIsNoiseInAllAnswersOfItsRequest() {
        List<Replay.Position> positions = Replay.positions(ONE);
        List<Answer> first = positions.stream().map(any -> answer("dice 6")).toList();
        List<Answer> second = positions.stream()
                .map(position -> answer(position.pass() == 3 ? "dice 2" : "dice 6"))
                .toList();
        assertThat(new Expectation(positions, first, second).difference(0, answer("dice 4")))
                .isNull();
    }
}
