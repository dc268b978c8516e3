package dev.clowder.it.faulty;

import jakarta.servlet.ServletContextEvent;
import jakarta.servlet.ServletContextListener;
import jakarta.servlet.annotation.WebListener;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Its fault: it wants to be the only one that has its data. */
@WebListener
public class OnlyOneListener implements ServletContextListener {
    private FileChannel data;

    @Override
    public void contextInitialized(ServletContextEvent event) {
        Path file = Path.of(event.getServletContext().getRealPath("/"))
                .resolve("WEB-INF")
                .resolve("data.lock");
        try {
            data = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            if (data.tryLock() == null) {
                throw new IllegalStateException("the data is in use by another process");
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void contextDestroyed(ServletContextEvent event) {
        try {
            data.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
