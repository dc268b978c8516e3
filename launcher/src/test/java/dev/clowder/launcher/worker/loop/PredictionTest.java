package dev.clowder.launcher.worker.loop;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import org.apache.tomcat.util.buf.MessageBytes;
import org.junit.jupiter.api.Test;

class PredictionTest {
    private static final long SLOW = 5_000_000;
    private static final long FAST = 20_000;

    private final Prediction prediction = new Prediction();

    private static int places(String path) {
        byte[] bytes = path.getBytes(StandardCharsets.US_ASCII);
        MessageBytes text = MessageBytes.newInstance();
        text.setBytes(bytes, 0, bytes.length);
        return Prediction.places(text);
    }

    private void learn(String path, long nanos, int times) {
        for (int i = 0; i < times; i++) {
            prediction.learn(places(path), prediction.isSlow(places(path)), nanos);
        }
    }

    @Test
    void aPathThatWasSlowTwiceIsExpectedToBeSlow() {
        learn("/app/report", SLOW, 1);
        assertThat(prediction.isSlow(places("/app/report"))).isFalse();
        learn("/app/report", SLOW, 1);
        assertThat(prediction.isSlow(places("/app/report"))).isTrue();
    }

    @Test
    void codeThatTheJvmHadNotCompiledYetIsForgiven() {
        learn("/app/hello", SLOW, 10);
        learn("/app/hello", FAST, 127);
        assertThat(prediction.isSlow(places("/app/hello"))).isTrue();
        learn("/app/hello", FAST, 1);
        assertThat(prediction.isSlow(places("/app/hello"))).isFalse();
    }

    @Test
    void oneInAHundredSlowOnesChangesNothing() {
        for (int i = 0; i < 100; i++) {
            learn("/app/hello", SLOW, 1);
            learn("/app/hello", FAST, 99);
        }
        assertThat(prediction.isSlow(places("/app/hello"))).isFalse();
    }

    @Test
    void onlyTheFirstTwoSegmentsCountAndNoParameter() {
        assertThat(places("/orders/list/17")).isEqualTo(places("/orders/list/18"));
        assertThat(places("/orders/list;jsessionid=1")).isEqualTo(places("/orders/list"));
        assertThat(places("/orders/list")).isNotEqualTo(places("/orders/find"));
    }

    @Test
    void aPathThatNobodyAskedForIsExpectedToBeAsItsNeighbours() {
        learn("/orders/1", SLOW, 1);
        learn("/orders/2", SLOW, 1);
        assertThat(prediction.isSlow(places("/orders/3"))).isTrue();
        assertThat(prediction.isSlow(places("/items/3"))).isFalse();
    }

    @Test
    void whereMoreThanHalfIsSlowItIsTheRuleUntilLessThanAThirdIs() {
        window(128);
        assertThat(prediction.isSlownessTheRule()).isFalse();
        window(129);
        assertThat(prediction.isSlownessTheRule()).isTrue();
        window(86);
        assertThat(prediction.isSlownessTheRule()).isTrue();
        window(84);
        assertThat(prediction.isSlownessTheRule()).isFalse();
    }

    private void window(int slow) {
        for (int i = 0; i < 256; i++) {
            prediction.learn(places(i < slow ? "/slow" : "/fast"), i < slow, FAST);
        }
    }

    @Test
    void aPathThatIsNoBytesIsNoError() {
        MessageBytes text = MessageBytes.newInstance();
        text.setString("/text");
        assertThat(prediction.isSlow(Prediction.places(text))).isFalse();
        assertThat(prediction.isSlow(Prediction.places(MessageBytes.newInstance())))
                .isFalse();
        assertThat(prediction.isSlow(places(""))).isFalse();
    }
}
