package dev.clowder.launcher.worker;

import java.io.CharArrayWriter;
import org.apache.catalina.valves.AbstractAccessLogValve;

/**
 * Tomcat's access log of an engine, in the one file of all workers. The client is the one that a {@code ForwardedValve} or
 * {@code RemoteIpValve} has found.
 */
final class MergedAccessLog extends AbstractAccessLogValve {
    private final AccessLogFile file;

    /** @param pattern as for Tomcat's {@code AccessLogValve} */
    MergedAccessLog(String pattern, AccessLogFile file) {
        this.file = file;
        setPattern(pattern);
        setRequestAttributesEnabled(true);
        // A line with the names of a browser and of where it came from is longer than Tomcat's 256.
        setMaxLogMessageBufferSize(1024);
    }

    @Override
    protected void log(CharArrayWriter message) {
        file.add(message.toString());
    }
}
