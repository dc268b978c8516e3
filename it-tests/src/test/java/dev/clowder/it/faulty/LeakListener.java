package dev.clowder.it.faulty;

import jakarta.servlet.ServletContextEvent;
import jakarta.servlet.ServletContextListener;
import jakarta.servlet.annotation.WebListener;
import java.util.concurrent.CountDownLatch;

/** Its fault: a thread that nobody stops. */
@WebListener
public class LeakListener implements ServletContextListener {
    private final CountDownLatch never = new CountDownLatch(1);

    @Override
    public void contextInitialized(ServletContextEvent event) {
        Thread thread = new Thread(this::work, "left behind");
        thread.setDaemon(true);
        thread.start();
    }

    private void work() {
        try {
            never.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
