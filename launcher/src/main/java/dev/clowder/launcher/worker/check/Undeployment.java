package dev.clowder.launcher.worker.check;

import dev.clowder.launcher.wire.Observed;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.apache.catalina.Context;
import org.apache.catalina.LifecycleException;
import org.apache.catalina.loader.WebappClassLoaderBase;

/** Stops an application and finds what it leaves behind: what Tomcat's own detection says, and its class loader. */
final class Undeployment {
    private static final int COLLECTIONS = 20;
    private static final long BETWEEN_MILLIS = 50;

    private Undeployment() {}

    static List<String> of(Context context) {
        WeakReference<ClassLoader> loader =
                new WeakReference<>(context.getLoader().getClassLoader());
        List<String> leaks = Collections.synchronizedList(new ArrayList<>());
        Logger logger = Logger.getLogger(WebappClassLoaderBase.class.getName());
        Handler handler = new Listener(leaks);
        logger.addHandler(handler);
        try {
            context.stop();
        } catch (LifecycleException e) {
            leaks.add("it can't be stopped: " + e);
        } finally {
            logger.removeHandler(handler);
        }
        if (survives(loader)) {
            leaks.add(Observed.LOADER);
        }
        return List.copyOf(leaks);
    }

    /** Whether repeated collections leave it; the first ones may only have queued what is to be finalised. */
    private static boolean survives(WeakReference<ClassLoader> loader) {
        for (int i = 0; i < COLLECTIONS && loader.get() != null; i++) {
            System.gc();
            try {
                TimeUnit.MILLISECONDS.sleep(BETWEEN_MILLIS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                break;
            }
        }
        return loader.get() != null;
    }

    private static final class Listener extends Handler {
        private final List<String> leaks;

        Listener(List<String> leaks) {
            this.leaks = leaks;
        }

        @Override
        public void publish(LogRecord record) {
            if (record.getLevel().intValue() >= Level.WARNING.intValue()) {
                leaks.add(record.getMessage());
            }
        }

        @Override
        public void flush() {
            // Nothing is kept back.
        }

        @Override
        public void close() {
            // Nothing to close.
        }
    }
}
