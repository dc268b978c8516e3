package dev.clowder.it;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;

/** Sessions in PostgreSQL; the second machine has Tomcat 11.0. */
@Tag("slow")
class PostgresSessionsIT extends EngineSessionsContract {
    @Override
    SessionEngine engine(Path empty) throws IOException, InterruptedException {
        return SessionEngine.postgres(empty);
    }

    @Override
    Path installed() {
        return Path.of(System.getProperty("tomcat.11"));
    }
}
