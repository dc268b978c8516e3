package dev.clowder.launcher.worker;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class SessionSlotTest {
    private final SessionSlot slot = new SessionSlot();

    @Test
    void nobodyEntersBeforeItIsOpenOrAfterItIsClosed() {
        assertThat(slot.enter()).isFalse();
        slot.open();
        assertThat(slot.enter()).isTrue();
        slot.exit();
        slot.close();
        assertThat(slot.enter()).isFalse();
        assertThat(slot.isQuiet()).isTrue();
    }

    @Test
    void itIsQuietWhenTheLastRequestHasEnded() {
        slot.open();
        slot.enter();
        slot.enter();
        slot.close();
        slot.exit();
        assertThat(slot.isQuiet()).isFalse();
        slot.exit();
        assertThat(slot.isQuiet()).isTrue();
        assertThat(slot.isHere()).isFalse();
    }

    @Test
    void openingAndClosingTwiceChangesNothing() {
        slot.open();
        slot.open();
        slot.enter();
        slot.close();
        slot.close();
        slot.open();
        assertThat(slot.isHere()).isTrue();
        slot.exit();
        slot.close();
        assertThat(slot.isQuiet()).isTrue();
    }
}
