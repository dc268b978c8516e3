package dev.clowder.launcher.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class HandoverAnswerTest {
    @ParameterizedTest
    @EnumSource
    void whatIsSentIsWhatIsRead(HandoverAnswer.Kind kind) {
        for (int connections : new int[] {0, 1, 8192, (1 << 24) - 1}) {
            HandoverAnswer answer = new HandoverAnswer(kind, connections);
            assertThat(HandoverAnswer.decode(answer.encoded())).isEqualTo(answer);
        }
    }

    @Test
    void moreConnectionsThanFitAreToldAsTheMostThatFit() {
        HandoverAnswer answer = new HandoverAnswer(HandoverAnswer.Kind.ROOM, Integer.MAX_VALUE);
        assertThat(HandoverAnswer.decode(answer.encoded()).connections()).isEqualTo((1 << 24) - 1);
    }

    @Test
    void whatNoWorkerSaysIsRefused() {
        assertThatIllegalArgumentException().isThrownBy(() -> HandoverAnswer.decode(0));
        assertThatIllegalArgumentException().isThrownBy(() -> HandoverAnswer.decode(-1));
    }
}
