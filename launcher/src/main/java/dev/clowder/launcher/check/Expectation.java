package dev.clowder.launcher.check;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What single workers answer. The same replay ran in two of them, each fresh; where their answers differ is noise, and is
 * compared with nothing. Immutable once made.
 */
final class Expectation {
    private static final Pattern TOKEN = Pattern.compile("\\w+|\\s+|[^\\w\\s]");
    private static final String NO_ANSWER = "no answer";
    private static final int AROUND = 6;
    private static final int LONGEST = 60;

    /** What is another one with each request, each second or each process, even if both workers happen to agree. */
    private static final Map<Pattern, String> BY_NATURE = new LinkedHashMap<>();

    static {
        BY_NATURE.put(Pattern.compile("\\b[0-9A-F]{32}(\\.\\d+)?\\b"), "SESSION");
        BY_NATURE.put(Pattern.compile("@[0-9a-f]{5,8}\\b"), "@HASH");
        BY_NATURE.put(Pattern.compile("\\b1\\d{12}\\b"), "MILLISECONDS");
        BY_NATURE.put(Pattern.compile("\\b\\d{1,2}:\\d\\d(:\\d\\d)?([.,]\\d+)?\\b"), "TIME");
        BY_NATURE.put(Pattern.compile("\\b\\d{4}-\\d\\d-\\d\\d\\b"), "DATE");
    }

    private final List<Replay.Position> positions;
    private final List<Seen> first;
    private final List<Seen> second;
    /** By step and number of tokens: those that differ between the two. */
    private final Map<String, BitSet> noise = new HashMap<>();

    /** An answer as it is compared. */
    private record Seen(String head, List<String> body) {
        boolean isAnswer() {
            return !head.equals(NO_ANSWER);
        }
    }

    Expectation(List<Replay.Position> positions, List<Answer> first, List<Answer> second) {
        this.positions = positions;
        this.first = first.stream().map(Expectation::seen).toList();
        this.second = second.stream().map(Expectation::seen).toList();
        for (int i = 0; i < positions.size(); i++) {
            List<String> one = this.first.get(i).body();
            List<String> other = this.second.get(i).body();
            if (one.size() == other.size()) {
                BitSet differing = noise(i, one.size());
                for (int token = 0; token < one.size(); token++) {
                    if (!one.get(token).equals(other.get(token))) {
                        differing.set(token);
                    }
                }
            }
        }
    }

    private BitSet noise(int position, int tokens) {
        return noise.computeIfAbsent(positions.get(position).step() + " " + tokens, any -> new BitSet());
    }

    private static Seen seen(Answer answer) {
        String type = answer.header("content-type").replaceFirst(";.*", "");
        String head = answer.status() == 0
                ? NO_ANSWER
                : natural("status " + answer.status() + " " + answer.header("location") + " " + type)
                        .trim();
        List<String> tokens = new ArrayList<>();
        Matcher token = TOKEN.matcher(answer.status() == 0 ? "" : natural(answer.body()));
        while (token.find()) {
            tokens.add(token.group().isBlank() ? " " : token.group());
        }
        return new Seen(head, List.copyOf(tokens));
    }

    private static String natural(String text) {
        String natural = text;
        for (Map.Entry<Pattern, String> entry : BY_NATURE.entrySet()) {
            natural = entry.getKey().matcher(natural).replaceAll(entry.getValue());
        }
        return natural;
    }

    /** Why only the head of an answer at a position is compared, or nothing of it; null if all is but the noise. */
    @Nullable
    String obstacle(int position) {
        Seen one = first.get(position);
        Seen other = second.get(position);
        if (!one.isAnswer() || !other.isAnswer()) {
            return "a single worker gave no answer";
        }
        if (!one.head().equals(other.head())) {
            return "two single workers answer «" + one.head() + "» and «" + other.head() + "»";
        }
        return one.body().size() == other.body().size() ? null : "two single workers answer at different length";
    }

    /** In words what is wrong with an answer at a position; null if it is as expected. */
    @Nullable
    String difference(int position, Answer answer) {
        Seen expected = first.get(position);
        Seen seen = seen(answer);
        if (!expected.isAnswer() || !expected.head().equals(second.get(position).head())) {
            return null;
        }
        if (!seen.head().equals(expected.head())) {
            return "«" + seen.head() + "» instead of «" + expected.head() + "»";
        }
        if (expected.body().size() != second.get(position).body().size()) {
            return null;
        }
        if (seen.body().size() != expected.body().size()) {
            int at = 0;
            while (at < Math.min(seen.body().size(), expected.body().size())
                    && seen.body().get(at).equals(expected.body().get(at))) {
                at++;
            }
            return words(seen.body(), expected.body(), at);
        }
        BitSet ignored = noise(position, seen.body().size());
        for (int token = 0; token < seen.body().size(); token++) {
            if (!ignored.get(token)
                    && !seen.body().get(token).equals(expected.body().get(token))) {
                return words(seen.body(), expected.body(), token);
            }
        }
        return null;
    }

    private static String words(List<String> seen, List<String> expected, int at) {
        return "«" + around(seen, at) + "» instead of «" + around(expected, at) + "»";
    }

    private static String around(List<String> tokens, int at) {
        String text = String.join("", tokens.subList(Math.max(0, at - AROUND), Math.min(tokens.size(), at + AROUND)))
                .trim();
        return text.length() > LONGEST ? text.substring(0, LONGEST) + "..." : text;
    }
}
