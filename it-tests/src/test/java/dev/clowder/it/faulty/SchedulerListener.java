package dev.clowder.it.faulty;

import jakarta.servlet.ServletContextEvent;
import jakarta.servlet.ServletContextListener;
import jakarta.servlet.annotation.WebListener;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/** Its fault: what it does every hour is done by each worker. */
@WebListener
public class SchedulerListener implements ServletContextListener {
    private ScheduledExecutorService scheduler;

    @Override
    @SuppressWarnings("FutureReturnValueIgnored")
    public void contextInitialized(ServletContextEvent event) {
        scheduler = Executors.newSingleThreadScheduledExecutor();
        scheduler.scheduleAtFixedRate(() -> event.getServletContext().log("the newsletter"), 1, 1, TimeUnit.HOURS);
    }

    @Override
    public void contextDestroyed(ServletContextEvent event) {
        scheduler.shutdownNow();
        try {
            if (!scheduler.awaitTermination(1, TimeUnit.MINUTES)) {
                event.getServletContext().log("the scheduler runs on");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
