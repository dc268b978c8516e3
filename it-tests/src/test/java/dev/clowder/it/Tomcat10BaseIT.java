package dev.clowder.it;

import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

@EnabledOnOs(value = OS.LINUX, disabledReason = "bin/setenv.sh needs a shell")
@Tag("slow")
class Tomcat10BaseIT extends CatalinaBaseContract {
    @Override
    Path home() {
        return Path.of(System.getProperty("tomcat.10"));
    }

    @Override
    boolean isSplit() {
        return true;
    }
}
