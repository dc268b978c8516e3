package dev.clowder.arquillian;

import java.io.IOException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.catalina.LifecycleEvent;
import org.apache.catalina.LifecycleListener;

/**
 * Ends the Tomcat of a test when its standard input ends: a pipe from the test's JVM, which the system closes however that
 * JVM dies. Runs inside Tomcat, from a jar of its own in {@code lib/}.
 */
public final class EndOfInput implements LifecycleListener {
    private final AtomicBoolean watching = new AtomicBoolean();

    @Override
    public void lifecycleEvent(LifecycleEvent event) {
        if (watching.compareAndSet(false, true)) {
            Thread thread = new Thread(EndOfInput::watch, "end-of-input");
            thread.setDaemon(true);
            thread.start();
        }
    }

    private static void watch() {
        try {
            while (System.in.read() >= 0) {
                // Nobody writes; only the end counts.
            }
        } catch (IOException e) {
            // No input is the end of it too.
        }
        Runtime.getRuntime().halt(1);
    }
}
