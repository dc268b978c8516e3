package dev.clowder.launcher.worker;

import dev.clowder.launcher.wire.Message;
import org.apache.catalina.Container;
import org.apache.catalina.Valve;
import org.apache.catalina.valves.AccessLogValve;
import org.apache.juli.logging.Log;
import org.apache.juli.logging.LogFactory;

/**
 * The access logs that {@code server.xml} and contexts have themselves: N workers in one file would write into each
 * other's lines, so each slot has a file of its own, or none where {@code --access-log} is in their place.
 */
final class OwnAccessLogs {
    private static final Log LOG = LogFactory.getLog(OwnAccessLogs.class);

    private final String slot;
    private final String directory;
    private final boolean merged;

    /** @param directory of log files */
    OwnAccessLogs(Message.Start start, String directory) {
        this.slot = ".slot" + start.slot();
        this.directory = directory;
        this.merged = start.accessLog() != null;
    }

    /** Called before the container starts, or again before it starts again. */
    void adapt(Container container) {
        for (Valve valve : container.getPipeline().getValves()) {
            if (valve instanceof AccessLogValve log) {
                if (merged) {
                    container.getPipeline().removeValve(valve);
                    LOG.info(container.getName() + ": its access log is off, --access-log is in its place");
                } else {
                    rename(log);
                }
            }
        }
    }

    private void rename(AccessLogValve log) {
        if (!log.getPrefix().endsWith(slot)) {
            log.setPrefix(log.getPrefix() + slot);
        }
        if (log.getDirectory().equals("logs")) {
            log.setDirectory(directory);
        }
    }
}
