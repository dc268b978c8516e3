package dev.clowder.launcher.worker;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;

/** Hears what a logger of Tomcat says, from a level on, until it is closed. */
public final class LogEar extends Handler implements AutoCloseable {
    /** The messages, without their parameters. */
    public final List<String> heard = new CopyOnWriteArrayList<>();

    private final Logger logger;

    public LogEar(Logger logger, Level from) {
        this.logger = logger;
        setLevel(from);
        logger.addHandler(this);
    }

    @Override
    public void publish(LogRecord line) {
        if (isLoggable(line)) {
            heard.add(line.getMessage());
        }
    }

    @Override
    public void flush() {}

    @Override
    public void close() {
        logger.removeHandler(this);
    }
}
