package dev.clowder.valve;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.Test;

/** The line in the log that explains a decision. */
class ExplanationLogTest {

    @Test
    void theLoggerOfTheValveSaysItOncePerRequest() throws Exception {
        Logger logger = Logger.getLogger(ForwardedValve.class.getName());
        List<String> lines = new java.util.concurrent.CopyOnWriteArrayList<>();
        Handler handler = new Handler() {
            @Override
            public void publish(LogRecord line) {
                lines.add(line.getMessage());
            }

            @Override
            public void flush() {}

            @Override
            public void close() {}
        };
        for (LiveServer.Level level : LiveServer.Level.values()) {
            lines.clear();
            handler.setLevel(Level.ALL);
            logger.addHandler(handler);
            logger.setUseParentHandlers(false);
            logger.setLevel(Level.FINE);
            try (LiveServer server = LiveServer.with(level, LiveServer.valve("strip", "true"));
                    RawClient client = new RawClient("127.0.0.1", server.port())) {
                client.get("/", "X-Forwarded-For: junk");
                logger.setLevel(Level.INFO);
                client.get("/", "X-Forwarded-For: junk");
            } finally {
                logger.removeHandler(handler);
            }
            assertThat(lines)
                    .containsExactly("127.0.0.1 MALFORMED: peer 127.0.0.1 is trusted by 127.0.0.0/8; "
                            + "X-Forwarded-For from the right: junk is no address");
        }
    }
}
