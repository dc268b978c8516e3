package dev.clowder.it.app;

import jakarta.servlet.ServletContextEvent;
import jakarta.servlet.ServletContextListener;
import jakarta.servlet.annotation.WebListener;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/**
 * Holds up the end of its application, when Tomcat has ended the sessions already: makes the file that the parameter
 * {@code gate} names with {@code .in}, and goes on when there is one of this name.
 */
@WebListener
public class GateListener implements ServletContextListener {
    @Override
    public void contextDestroyed(ServletContextEvent event) {
        Path gate = Path.of(event.getServletContext().getInitParameter("gate"));
        try {
            Files.writeString(Path.of(gate + ".in"), "");
            while (!Files.exists(gate)) {
                TimeUnit.MILLISECONDS.sleep(10);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
