package dev.clowder.it;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;

/** Sessions in Redis; the second machine has Tomcat 10.1. */
@Tag("once")
class RedisSessionsIT extends EngineSessionsContract {
    @Override
    SessionEngine engine(Path empty) throws IOException, InterruptedException {
        return SessionEngine.redis(empty);
    }

    @Override
    Path installed() {
        return Path.of(System.getProperty("tomcat.10"));
    }
}
