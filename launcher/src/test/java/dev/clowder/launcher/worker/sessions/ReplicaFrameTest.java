package dev.clowder.launcher.worker.sessions;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.Arrays;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ReplicaFrameTest {
    private static final byte[] DATA = {1, -2, 3};
    private static final ReplicaFrame.Entry ENTRY = new ReplicaFrame.Entry(9, 8, 1_700_000_000_000L, 1800, DATA);

    @ParameterizedTest
    @EnumSource(ReplicaFrame.Kind.class)
    void arrivesAsItWasSent(ReplicaFrame.Kind kind) throws IOException {
        ReplicaFrame read = ReplicaFrame.of(new ReplicaFrame(kind, 7, "localhost/shop A", ENTRY).bytes());
        assertThat(read.kind()).isEqualTo(kind);
        assertThat(read.sender()).isEqualTo(7);
        assertThat(read.key()).isEqualTo("localhost/shop A");
        ReplicaFrame.Entry entry = Objects.requireNonNull(read.entry());
        assertThat(entry.version()).isEqualTo(9);
        assertThat(entry.dataVersion()).isEqualTo(8);
        assertThat(entry.accessed()).isEqualTo(1_700_000_000_000L);
        assertThat(entry.inactiveSeconds()).isEqualTo(1800);
        // A touch costs no data.
        assertThat(entry.data()).isEqualTo(kind == ReplicaFrame.Kind.TOUCH ? null : DATA);
    }

    @Test
    void mayBeAboutNoSessionOrOneThatIsGone() throws IOException {
        assertThat(ReplicaFrame.of(new ReplicaFrame(ReplicaFrame.Kind.JOIN, 1, "", null).bytes())
                        .entry())
                .isNull();
        ReplicaFrame.Entry gone = new ReplicaFrame.Entry(2, 2, 5, 0, null);
        assertThat(ReplicaFrame.of(new ReplicaFrame(ReplicaFrame.Kind.COPY, 1, "k", gone).bytes())
                        .entry())
                .isEqualTo(gone);
    }

    @Test
    void cutAnywhereItIsRefused() {
        byte[] whole = new ReplicaFrame(ReplicaFrame.Kind.COPY, 7, "key", ENTRY).bytes();
        for (int length = 0; length < whole.length; length++) {
            byte[] cut = Arrays.copyOf(whole, length);
            assertThatThrownBy(() -> ReplicaFrame.of(cut)).as(length + " bytes").isInstanceOf(IOException.class);
        }
        whole[0] = 99;
        assertThatThrownBy(() -> ReplicaFrame.of(whole)).hasMessageContaining("no kind of frame: 99");
    }
}
