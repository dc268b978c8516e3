package dev.clowder.it.faulty;

import jakarta.servlet.ServletContextEvent;
import jakarta.servlet.ServletContextListener;
import jakarta.servlet.annotation.WebListener;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Its fault: it does not start where its predecessor of the same slot still runs. */
@WebListener
public class LockFileListener implements ServletContextListener {
    private static Path lock() {
        return Path.of(System.getProperty("shop.locks"), System.getProperty("clowder.worker.slot"));
    }

    @Override
    public void contextInitialized(ServletContextEvent event) {
        try {
            Files.createFile(lock());
        } catch (IOException e) {
            throw new UncheckedIOException("the shop runs already", e);
        }
    }

    @Override
    public void contextDestroyed(ServletContextEvent event) {
        try {
            Files.deleteIfExists(lock());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
