package dev.clowder.launcher.worker.relay;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Collections;
import java.util.List;
import org.apache.tomcat.util.http.MimeHeaders;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** An application that wants its connection closed still says where its answer ends: no "close" reaches Tomcat. */
class RelayedAnswerTest {
    private static List<String> connection(String... values) {
        MimeHeaders headers = new MimeHeaders();
        for (String value : values) {
            headers.addValue("Connection").setString(value);
        }
        RelayedAnswer.beforeCommit(headers);
        return Collections.list(headers.values("Connection"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"close", "Close", "foo, close", "close,foo"})
    void closeIsSaidInAnotherWord(String value) {
        assertThat(connection(value)).containsExactly("relayed-close");
        assertThat(connection("foo", value)).containsExactly("relayed-close");
    }

    @Test
    void anythingElseStays() {
        assertThat(connection()).isEmpty();
        assertThat(connection("foo", "closed")).containsExactly("foo", "closed");
    }
}
