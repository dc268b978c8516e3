package dev.clowder.launcher.supervisor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.launcher.wire.Message;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class TicketKeysTest {
    private static final long START = Long.MAX_VALUE - TimeUnit.MINUTES.toNanos(90);

    private final TicketKeys keys = new TicketKeys(true, START);

    private List<Message.TicketKey> at(long now) {
        keys.step(now, List.of());
        return keys.message(now).keys();
    }

    @Test
    void aKeyIsUsedForTwoHoursAndKnownForADayMore() {
        Message.TicketKey first = at(START).get(0);
        assertThat(Base64.getDecoder().decode(first.secret())).hasSize(32);
        assertThat(first.usedMillis()).isEqualTo(TimeUnit.HOURS.toMillis(2));
        assertThat(first.knownMillis()).isEqualTo(TimeUnit.HOURS.toMillis(26));
    }

    @Test
    void eachHourThereIsAnotherOneWhichComesFirst() {
        Message.TicketKey first = at(START).get(0);
        assertThat(keys.next()).isEqualTo(START + TicketKeys.PERIOD);
        assertThat(at(START + TicketKeys.PERIOD - 1)).hasSize(1);

        List<Message.TicketKey> both = at(START + TicketKeys.PERIOD);
        assertThat(both).hasSize(2);
        assertThat(both.get(1).number()).isEqualTo(first.number());
        assertThat(both.get(1).secret()).isEqualTo(first.secret());
        assertThat(both.get(1).usedMillis()).isEqualTo(TimeUnit.HOURS.toMillis(1));
        assertThat(both.get(0).secret()).isNotEqualTo(first.secret());
    }

    @Test
    void aKeyWhoseTicketsAreTooOldIsForgotten() {
        int first = at(START).get(0).number();
        for (int hour = 1; hour < 26; hour++) {
            at(START + hour * TicketKeys.PERIOD);
        }
        assertThat(keys.message(START + 25 * TicketKeys.PERIOD).keys()).hasSize(26);
        assertThat(at(START + TicketKeys.LIFE)).hasSize(26).noneMatch(key -> key.number() == first);
    }

    @Test
    void aSecretIsInNoText() {
        Message.TicketKeys message = keys.message(START);
        assertThat(message.toString()).doesNotContain(message.keys().get(0).secret());
    }
}
