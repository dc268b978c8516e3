package dev.clowder.launcher.check;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.function.IntUnaryOperator;

/**
 * Walks through a journey in four passes: a first user once; the same user again, each request twice in a row; once more;
 * and a second user. Always the same requests in the same order, so that the answers of two replays can be compared one
 * by one.
 */
final class Replay {
    static final int PASSES = 4;
    private static final int DOUBLED = 1;
    private static final int OTHER_USER = 3;

    private final CheckedCluster cluster;
    private final List<Step> journey;
    private final List<String> headers;
    private IntUnaryOperator slot = request -> 1;
    private boolean together;
    private Before before = position -> {};
    private After after = (pass, step) -> {};
    private boolean session;

    /** What happens before a request. */
    interface Before {
        void request(Position position) throws IOException, CheckedCluster.NotStartedException;
    }

    /** What happens after a request. */
    interface After {
        void step(int pass, Step step) throws IOException;
    }

    /** Where a request stands in a replay. */
    record Position(int pass, int step, int repetition) {}

    /**
     * Makes a replay in which every request reaches slot 1.
     *
     * @param headers more header lines for each request
     */
    Replay(CheckedCluster cluster, List<Step> journey, String... headers) {
        this.cluster = cluster;
        this.journey = journey;
        this.headers = List.of(headers);
    }

    /** From the number of a request, counted from 0, to the slot whose worker accepts its connection. */
    Replay to(IntUnaryOperator chosen) {
        slot = chosen;
        return this;
    }

    /** The doubled requests are sent at the same moment, the second one to the next slot. */
    Replay together() {
        together = true;
        return this;
    }

    /** Not before the second one of a pair. */
    Replay before(Before action) {
        before = action;
        return this;
    }

    Replay after(After action) {
        after = action;
        return this;
    }

    /** All positions of a replay, in order. */
    static List<Position> positions(List<Step> journey) {
        List<Position> all = new ArrayList<>();
        for (int pass = 0; pass < PASSES; pass++) {
            for (int step = 0; step < journey.size(); step++) {
                all.add(new Position(pass, step, 0));
                if (pass == DOUBLED) {
                    all.add(new Position(pass, step, 1));
                }
            }
        }
        return all;
    }

    /** In the middle of a pass, between two of its requests: of a single one, behind it. */
    static Position middle(int pass, List<Step> journey) {
        int step = (journey.size() + 1) / 2;
        return step < journey.size() ? new Position(pass, step, 0) : new Position(pass + 1, 0, 0);
    }

    /** The answers, in the order of the positions. */
    List<Answer> run() throws IOException, CheckedCluster.NotStartedException {
        List<Answer> answers = new ArrayList<>();
        User user = new User();
        for (int pass = 0; pass < PASSES; pass++) {
            if (pass == OTHER_USER) {
                session = user.hasSession();
                user = new User();
            }
            for (int number = 0; number < journey.size(); number++) {
                Step step = journey.get(number);
                before.request(new Position(pass, number, 0));
                if (Thread.currentThread().isInterrupted()) {
                    throw new IOException("interrupted");
                }
                if (pass == DOUBLED && together) {
                    answers.addAll(both(step, user, answers.size()));
                } else {
                    answers.add(send(step, user, answers.size()));
                    if (pass == DOUBLED) {
                        answers.add(send(step, user, answers.size()));
                    }
                }
                after.step(pass, step);
            }
        }
        return answers;
    }

    /** Whether the first user got a session. */
    boolean hasSession() {
        return session;
    }

    private Answer send(Step step, User user, int number) {
        try (HttpConnection connection = cluster.connect(slot.applyAsInt(number))) {
            return exchange(connection, step, user);
        } catch (IOException e) {
            return Answer.none(String.valueOf(e.getMessage()));
        }
    }

    private Answer exchange(HttpConnection connection, Step step, User user) {
        List<String> lines = new ArrayList<>(headers);
        if (!user.header().isEmpty()) {
            lines.add(user.header());
        }
        try {
            Answer answer = connection.exchange(step, lines);
            user.take(answer);
            return answer;
        } catch (IOException e) {
            return Answer.none(String.valueOf(e.getMessage()));
        }
    }

    private List<Answer> both(Step step, User user, int number) {
        CountDownLatch start = new CountDownLatch(2);
        try (HttpConnection one = cluster.connect(slot.applyAsInt(number));
                HttpConnection two = cluster.connect(slot.applyAsInt(number + 1))) {
            CompletableFuture<Answer> second = CompletableFuture.supplyAsync(() -> {
                meet(start);
                return exchange(two, step, user);
            });
            meet(start);
            Answer first = exchange(one, step, user);
            return List.of(first, second.join());
        } catch (IOException e) {
            return List.of(Answer.none(String.valueOf(e.getMessage())), Answer.none(String.valueOf(e.getMessage())));
        }
    }

    private static void meet(CountDownLatch start) {
        start.countDown();
        try {
            start.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
